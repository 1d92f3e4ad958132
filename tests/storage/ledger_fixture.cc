#include "tests/storage/ledger_fixture.h"

#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/sqlite/sqlite_journal.h"
#include "tests/support/memory_journal.h"
#include "tests/support/temporary_directory.h"

#ifdef __SANITIZE_THREAD__
// Debian's absl is not built for ThreadSanitizer, which so does not see the reference counts of a
// Status whose copies are in several threads.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:libabsl_status\nrace:libabsl_cord\nrace:Status::Unref\n";
}
#endif

namespace farebox {
namespace {

class MemoryHome : public JournalHome {
 public:
  explicit MemoryHome(MemoryJournal::Options options) : options_(options) {}

  absl::StatusOr<std::unique_ptr<Journal>> Open(const Clock*, absl::Duration) override {
    return std::make_unique<MemoryJournal>(&disk_, options_);
  }

 private:
  const MemoryJournal::Options options_;
  MemoryDisk disk_;
};

class SqliteHome : public JournalHome {
 public:
  explicit SqliteHome(bool derive) : derive_(derive) {}

  absl::StatusOr<std::unique_ptr<Journal>> Open(const Clock* clock,
                                                absl::Duration request_window) override {
    return sqlite::SqliteJournal::Open({.directory = directory_.path(),
                                        .request_window = request_window,
                                        .derive = derive_,
                                        .clock = clock});
  }

 private:
  const bool derive_;
  const testing::TemporaryDirectory directory_;
};

JournalKind MemoryKindWith(std::string name, MemoryJournal::Options options) {
  return {std::move(name), [options] { return std::make_unique<MemoryHome>(options); }};
}

JournalKind SqliteKind(std::string name, bool derive) {
  return {std::move(name), [derive] { return std::make_unique<SqliteHome>(derive); }};
}

}  // namespace

JournalKind MemoryKind() { return MemoryKindWith("Memory", {}); }

std::vector<JournalKind> JournalKinds() {
  return {MemoryKind(),
          MemoryKindWith("MemoryWithSnapshot",
                         {.snapshot_lag_entries = 3, .old_requests_lag_entries = 8}),
          SqliteKind("Sqlite", true), SqliteKind("SqliteWithoutDerived", false)};
}

// ---- PendingAnswer

struct PendingAnswer::Shared {
  Mutex mu;
  CondVar answered;
  std::optional<std::vector<Outcome>> outcomes ABSL_GUARDED_BY(mu);
};

PendingAnswer::PendingAnswer() : shared_(std::make_shared<Shared>()) {}

Ledger::Done PendingAnswer::MakeDone() {
  return [shared = shared_](std::vector<Outcome> outcomes) {
    MutexLock lock(&shared->mu);
    FAREBOX_CHECK(!shared->outcomes.has_value());
    shared->outcomes = std::move(outcomes);
    shared->answered.SignalAll();
  };
}

bool PendingAnswer::has_come() const {
  MutexLock lock(&shared_->mu);
  return shared_->outcomes.has_value();
}

std::vector<Outcome> PendingAnswer::Wait() const {
  MutexLock lock(&shared_->mu);
  while (!shared_->outcomes.has_value()) shared_->answered.Wait(&shared_->mu);
  return *shared_->outcomes;
}

// ---- RecordingListener

RecordingListener::RecordingListener(Ledger* ledger) : ledger_(ledger) {
  begin_ = ledger->AddListener(this);
}

RecordingListener::~RecordingListener() { ledger_->RemoveListener(this); }

void RecordingListener::OnCommit(absl::Span<const Entry> entries,
                                 absl::Span<const Signal> signals) {
  MutexLock lock(&mu_);
  entries_.insert(entries_.end(), entries.begin(), entries.end());
  signals_.insert(signals_.end(), signals.begin(), signals.end());
}

std::vector<Entry> RecordingListener::entries() const {
  MutexLock lock(&mu_);
  return entries_;
}

std::vector<Signal> RecordingListener::signals(Signal::Kind kind) const {
  MutexLock lock(&mu_);
  std::vector<Signal> of_kind;
  for (const Signal& signal : signals_) {
    if (signal.kind == kind) of_kind.push_back(signal);
  }
  return of_kind;
}

// ---- LedgerFixture

LedgerFixture::LedgerFixture(const JournalKind& kind) : kind_(kind), home_(kind.make()) {}

void LedgerFixture::SetUp() { Reopen(); }

void LedgerFixture::Close() {
  ledger_.reset();
  fault_journal_.reset();
  journal_.reset();
}

void LedgerFixture::Reopen() {
  Close();
  options_.on_failure = [this](const absl::Status& status) {
    MutexLock lock(&mu_);
    failures_.push_back(status);
  };
  absl::StatusOr<std::unique_ptr<Journal>> journal = home_->Open(&clock_, options_.request_window);
  ASSERT_THAT(journal.status(), IsOk());
  journal_ = *std::move(journal);
  fault_journal_ = std::make_unique<FaultJournal>(journal_.get(), &faults_);
  absl::StatusOr<std::unique_ptr<Ledger>> ledger =
      Ledger::Open(options_, fault_journal_.get(), &clock_);
  ASSERT_THAT(ledger.status(), IsOk());
  ledger_ = *std::move(ledger);
}

void LedgerFixture::TearDown() {
  if (ledger_ == nullptr) return;
  CheckAll();
  Close();
}

void LedgerFixture::StartOver() {
  TearDown();
  home_ = kind_.make();
  Reopen();
}

void LedgerFixture::CheckAll() {
  faults_.OpenGate();
  ledger_->Drain();
  const VerifyReport report = Verify();
  EXPECT_TRUE(report.ok()) << report.problem;
  // After a failed append the books may rightly be behind the journal.
  if (ledger_->Stats().last_entry == report.entries) {
    absl::int128 balances = 0;
    absl::int128 held = 0;
    const AccountNumber all = std::numeric_limits<AccountNumber>::max();
    for (const AccountFacts& account :
         ledger_->ListAccounts(all, std::numeric_limits<size_t>::max())) {
      balances += account.state.balance.value();
      held += account.state.held.value();
    }
    EXPECT_EQ(balances, report.balance_sum_micros);
    EXPECT_EQ(held, report.held_sum_micros);
  }
}

std::vector<absl::Status> LedgerFixture::failures() const {
  MutexLock lock(&mu_);
  return failures_;
}

PendingAnswer LedgerFixture::Submit(std::vector<Command> commands) {
  PendingAnswer answer;
  ledger_->Submit(std::move(commands), answer.MakeDone());
  return answer;
}

PendingAnswer LedgerFixture::Submit(Command command) {
  std::vector<Command> commands;
  commands.push_back(std::move(command));
  return Submit(std::move(commands));
}

std::vector<Outcome> LedgerFixture::ApplyTogether(std::vector<Command> commands) {
  return Submit(std::move(commands)).Wait();
}

EntryId LedgerFixture::OpenAccount(absl::string_view account, Micros balance,
                                   const AccountTerms& terms) {
  const Outcome opened = Apply(ToOpen(account, terms));
  EXPECT_THAT(opened, IsApplied());
  if (!balance.is_zero()) {
    EXPECT_THAT(Apply(ToCredit(account, balance)), IsApplied());
  }
  return opened.entry.id;
}

EntryId LedgerFixture::OpenHold(absl::string_view account, Micros amount, absl::Duration lifetime) {
  const Outcome held = Apply(ToHold(account, amount, lifetime));
  EXPECT_THAT(held, IsApplied());
  EXPECT_EQ(held.entry.kind, EntryKind::kHold);
  return held.entry.id;
}

void LedgerFixture::Expire() { EXPECT_THAT(ledger_->ExpireDue().status(), IsOk()); }

AccountFacts LedgerFixture::Facts(absl::string_view account) {
  absl::StatusOr<AccountFacts> facts = ledger_->FindAccount(account);
  EXPECT_THAT(facts.status(), IsOk());
  return facts.ok() ? *std::move(facts) : AccountFacts();
}

void LedgerFixture::ExpectBooks(absl::string_view account, Micros balance, Micros held) {
  const AccountFacts facts = Facts(account);
  EXPECT_EQ(facts.state.balance, balance);
  EXPECT_EQ(facts.state.held, held);
}

std::unique_ptr<JournalReader> LedgerFixture::NewReader() {
  absl::StatusOr<std::unique_ptr<JournalReader>> reader = journal_->NewReader();
  FAREBOX_CHECK(reader.ok());
  return *std::move(reader);
}

std::vector<Entry> LedgerFixture::JournalEntries() {
  std::vector<Entry> entries;
  EXPECT_THAT(NewReader()->Scan(1, std::numeric_limits<EntryId>::max(),
                                [&](const Entry& entry) {
                                  entries.push_back(entry);
                                  return true;
                                }),
              IsOk());
  return entries;
}

VerifyReport LedgerFixture::Verify() {
  absl::StatusOr<VerifyReport> report = VerifyJournal(NewReader().get());
  EXPECT_THAT(report.status(), IsOk());
  return report.ok() ? *std::move(report) : VerifyReport();
}

// ---- Printing

std::string NameOfKind(const ::testing::TestParamInfo<JournalKind>& info) {
  return info.param.name;
}

void PrintTo(const JournalKind& kind, std::ostream* out) { *out << kind.name; }

void PrintTo(const Entry& entry, std::ostream* out) {
  *out << absl::StrCat("#", entry.id, " ", EntryKindName(entry.kind), " of ", entry.account,
                       " amount ", entry.amount.value(), " held_change ", entry.held_change.value(),
                       " -> balance ", entry.balance.value(), " held ", entry.held.value(),
                       " reason ", ReasonName(entry.reason), " flags ", entry.flags, " subject ",
                       entry.subject, " request ", entry.request_id);
}

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << outcome.status.ToString() << (outcome.replayed ? " (replayed) " : " ");
  PrintTo(outcome.entry, out);
}

}  // namespace farebox
