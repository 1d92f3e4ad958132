#ifndef FAREBOX_TESTS_STORAGE_LEDGER_FIXTURE_H_
#define FAREBOX_TESTS_STORAGE_LEDGER_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/clock.h"
#include "storage/command.h"
#include "storage/entry.h"
#include "storage/errors.h"
#include "storage/journal.h"
#include "storage/ledger.h"
#include "storage/micros.h"
#include "storage/mutex.h"
#include "storage/signal.h"
#include "storage/verify.h"
#include "tests/storage/commands.h"
#include "tests/support/fault_journal.h"
#include "tests/support/status_matchers.h"

namespace farebox {

// Where the journals of one test live: opened again and again, as a server's would be.
class JournalHome {
 public:
  virtual ~JournalHome() = default;
  virtual absl::StatusOr<std::unique_ptr<Journal>> Open(const Clock* clock,
                                                        absl::Duration request_window) = 0;
};

struct JournalKind {
  std::string name;
  std::function<std::unique_ptr<JournalHome>()> make;
};

// Every journal that has to keep the contract.
std::vector<JournalKind> JournalKinds();
// The one in memory.
JournalKind MemoryKind();

// What Submit will be answered.
class PendingAnswer {
 public:
  PendingAnswer();
  Ledger::Done MakeDone();

  bool has_come() const;
  std::vector<Outcome> Wait() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// Remembers what a ledger says, from its construction to its end.
class RecordingListener : public LedgerListener {
 public:
  explicit RecordingListener(Ledger* ledger);
  ~RecordingListener() override;

  void OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal> signals) override;

  // The last entry it was not told of.
  EntryId begin() const { return begin_; }
  std::vector<Entry> entries() const;
  // Signals of one kind.
  std::vector<Signal> signals(Signal::Kind kind) const;

 private:
  Ledger* const ledger_;
  mutable Mutex mu_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mu_);
  std::vector<Signal> signals_ ABSL_GUARDED_BY(mu_);
  EntryId begin_ = 0;
};

// A ledger on a journal of its own, with time that stands still. What a test leaves behind is
// verified from the first entry, and compared with what the ledger's readers saw.
class LedgerFixture : public ::testing::Test {
 protected:
  static absl::Time Start() { return absl::FromUnixSeconds(1'700'000'000); }

  explicit LedgerFixture(const JournalKind& kind);
  void SetUp() override;
  void TearDown() override;

  // Verifies what there is, and begins anew with an empty journal.
  void StartOver();
  // Opens the ledger with options_; what is open is closed first.
  void Reopen();
  void Close();
  Ledger& ledger() { return *ledger_; }
  Journal& journal() { return *fault_journal_; }

  // Waits for the outcome.
  Outcome Apply(Command command) { return ledger_->Apply(std::move(command)); }
  // One Submit call: one commit.
  std::vector<Outcome> ApplyTogether(std::vector<Command> commands);
  PendingAnswer Submit(std::vector<Command> commands);
  PendingAnswer Submit(Command command);

  // These must succeed.
  EntryId OpenAccount(absl::string_view account, Micros balance = Micros(),
                      const AccountTerms& terms = {});
  EntryId OpenHold(absl::string_view account, Micros amount,
                   absl::Duration lifetime = kHoldLifetime);
  void Expire();

  void ExpectBooks(absl::string_view account, Micros balance, Micros held = Micros());
  AccountFacts Facts(absl::string_view account);
  std::unique_ptr<JournalReader> NewReader();
  std::vector<Entry> JournalEntries();
  VerifyReport Verify();

  // What on_failure was told.
  std::vector<absl::Status> failures() const;

  ManualClock clock_{Start()};
  JournalFaults faults_;
  Ledger::Options options_;

 private:
  // Verifies the journal and compares it with what readers saw.
  void CheckAll();

  const JournalKind kind_;
  std::unique_ptr<JournalHome> home_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<FaultJournal> fault_journal_;
  std::unique_ptr<Ledger> ledger_;
  mutable Mutex mu_;
  std::vector<absl::Status> failures_ ABSL_GUARDED_BY(mu_);
};

// What every ledger promises, on every journal.
class LedgerContract : public LedgerFixture, public ::testing::WithParamInterface<JournalKind> {
 protected:
  LedgerContract() : LedgerFixture(GetParam()) {}
};

std::string NameOfKind(const ::testing::TestParamInfo<JournalKind>& info);

void PrintTo(const JournalKind& kind, std::ostream* out);
void PrintTo(const Entry& entry, std::ostream* out);
void PrintTo(const Outcome& outcome, std::ostream* out);

// Of an Outcome: something new was recorded, and it is no refusal.
MATCHER(IsApplied, "") { return arg.status.ok() && !arg.declined() && !arg.replayed; }

// Of an Outcome: a new, recorded refusal.
MATCHER_P(IsDeclined, reason, "is declined with " + std::string(ReasonName(reason))) {
  return arg.status.ok() && arg.declined() && arg.entry.reason == reason && !arg.replayed;
}

// Of an Outcome: nothing was recorded.
MATCHER_P(IsRefused, reason, "is refused with " + std::string(ReasonName(reason))) {
  return !arg.status.ok() && GetReason(arg.status) == reason && !arg.replayed;
}

// Of an Outcome: the same answer again.
MATCHER_P(IsReplayOf, first, "replays the entry " + ::testing::PrintToString(first.entry)) {
  return arg.status.ok() && arg.replayed && arg.entry == first.entry;
}

}  // namespace farebox

#endif  // FAREBOX_TESTS_STORAGE_LEDGER_FIXTURE_H_
