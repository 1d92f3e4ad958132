#ifndef FAREBOX_TESTS_SIMULATION_OPERATION_H_
#define FAREBOX_TESTS_SIMULATION_OPERATION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "storage/account_terms.h"
#include "storage/command.h"
#include "storage/entry.h"
#include "storage/errors.h"

namespace farebox::simulation {

// A command as plain data, so that a model can read what the engine gets as functions.
struct Operation {
  enum class Kind {
    kOpen,
    kChange,
    kDebit,
    kCredit,
    kRefund,
    kHold,
    kExtend,
    kCharge,
    kSettle,
    kRelease,
  };
  static constexpr int kKinds = 10;

  // What a hold asks for.
  enum class Sizing {
    kExact,   // `micros`, and the pricing refuses where they do not fit.
    kBlocks,  // As many whole blocks as fit, `micros` at most; the pricing refuses less than one.
    kBlind,   // `micros`, whatever there is: the ledger has to refuse.
  };

  Kind kind = Kind::kDebit;
  std::string account;
  std::string request_id;
  // The time in the request id, where it has one.
  std::optional<absl::Time> id_time;
  absl::Time deadline = absl::InfiniteFuture();

  // The content. Of a hold's later steps, `micros` is the total.
  int64_t micros = 0;
  Sizing sizing = Sizing::kExact;
  int64_t block_micros = 1;
  // Not kNone: what the pricing says to it.
  Reason refusal = Reason::kNone;
  EntryId subject = 0;  // The hold, or the refunded debit.
  absl::Duration lifetime;
  uint8_t item = 0;
  std::string detail;
  AccountTerms terms;
  std::string settings;  // Empty: a change leaves them as they are.
};

// Whether the two ask for the same: all but who asks, under which id, and until when.
bool SameContent(const Operation& a, const Operation& b);

Command CommandOf(const Operation& operation);

// What the command's fingerprint is made of.
std::string ContentOf(const Operation& operation);

// The operation in one line, for people.
std::string TextOf(const Operation& operation);

}  // namespace farebox::simulation

#endif  // FAREBOX_TESTS_SIMULATION_OPERATION_H_
