#ifndef FAREBOX_STORAGE_SQLITE_DERIVED_CHUNK_H_
#define FAREBOX_STORAGE_SQLITE_DERIVED_CHUNK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/account_totals.h"
#include "storage/entry.h"
#include "storage/hold.h"
#include "storage/micros.h"

namespace farebox::sqlite {

// A hold and whose it is.
struct HoldRow {
  AccountNumber account = 0;
  Hold hold;
};

// What an entry does to its account's balance and totals, and what it leaves.
struct BalanceStep {
  AccountNumber account = 0;
  EntryId entry = 0;
  Micros balance;
  Micros held;
  Micros amount;
  uint8_t item = 0;
  EntrySide side = EntrySide::kNone;
};

// Whether the activity index has this entry: one in sixteen, evenly spread over every account. A
// reader finds the nearest one above what it looks for and follows the entries' own links from
// there, sixteen steps on average; in return the index is a sixteenth of the size, and so are the
// pages that each chunk touches.
constexpr bool IsIndexed(EntryId entry) {
  constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;
  return (static_cast<uint64_t>(entry) * kGoldenRatio) >> 60 == 0;
}

// Folds a run of entries into what they change in the derived file, so that each row is written
// once and in the order of its key. Used by one thread.
class DerivedChunk {
 public:
  // Finds a hold as it was before the chunk.
  using FindHold = absl::FunctionRef<absl::StatusOr<std::optional<HoldRow>>(EntryId)>;

  struct HoldChange {
    EntryId id = 0;
    // The chunk's own. Absent in it: the hold has ended.
    const std::optional<HoldRow>* row = nullptr;
  };

  // Each entry once, in journal order: what it does to its account...
  void AddBalance(const BalanceStep& step) { balances_.push_back(step); }
  // ... and, where it does more than that, the entry itself.
  absl::Status AddStep(const Entry& entry, FindHold find_hold);

  // Account by account, each in journal order. They are gone from the chunk.
  std::vector<BalanceStep> TakeBalances();
  // Each in the order of its key.
  std::vector<std::pair<AccountNumber, std::string>> Records() const;
  std::vector<HoldChange> Holds() const;
  std::vector<std::pair<EntryId, Micros>> Refunds() const;

 private:
  absl::Status AddToHold(const Entry& entry, FindHold find_hold);

  std::vector<BalanceStep> balances_;
  // The newest record of each account that was opened or changed.
  absl::flat_hash_map<AccountNumber, std::string> records_;
  absl::flat_hash_map<EntryId, std::optional<HoldRow>> holds_;
  absl::flat_hash_map<EntryId, Micros> refunds_;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DERIVED_CHUNK_H_
