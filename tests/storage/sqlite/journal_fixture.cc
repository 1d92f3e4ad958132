#include "tests/storage/sqlite/journal_fixture.h"

#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/account_terms.h"
#include "storage/errors.h"
#include "storage/hash_chain.h"
#include "storage/request_ids.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {

std::string UuidOf(uint64_t number) {
  return absl::StrFormat("018c2b3a-%04x-7%03x-8%03x-%012x", number >> 40 & 0xffff,
                         number >> 28 & 0xfff, number >> 16 & 0xfff, number);
}

void EntryMaker::Resume(const std::vector<Entry>& entries, const BatchHead& head) {
  for (const Entry& entry : entries) {
    accounts_[entry.account] = {
        .balance = entry.balance.value(), .held = entry.held.value(), .last_entry = entry.id};
  }
  last_account_ = static_cast<AccountNumber>(accounts_.size());
  last_ = head.last;
  head_ = head;
}

Entry EntryMaker::Make(AccountNumber account, EntryKind kind, int64_t amount, int64_t held_change) {
  Account& state = accounts_[account];
  state.balance += amount;
  state.held += held_change;
  Entry entry;
  entry.id = ++last_;
  entry.account = account;
  entry.previous = std::exchange(state.last_entry, entry.id);
  entry.time = now_;
  entry.kind = kind;
  entry.amount = Micros(amount);
  entry.held_change = Micros(held_change);
  entry.balance = Micros(state.balance);
  entry.held = Micros(state.held);
  entry.request_id = UuidOf(static_cast<uint64_t>(entry.id));
  entry.fingerprint = ContentFingerprint(entry.request_id);
  return entry;
}

Entry EntryMaker::Open(const std::string& account_id) {
  Entry entry = Make(++last_account_, EntryKind::kAccountOpened, 0, 0);
  entry.detail =
      EncodeAccountRecord({.account_id = account_id, .open_time = entry.time, .settings = "EUR"});
  return entry;
}

Entry EntryMaker::Debit(AccountNumber account, int64_t micros) {
  return Make(account, EntryKind::kDebit, -micros, 0);
}

Entry EntryMaker::Credit(AccountNumber account, int64_t micros, EntryId refunds) {
  Entry entry = Make(account, EntryKind::kCredit, micros, 0);
  entry.subject = refunds;
  return entry;
}

Entry EntryMaker::Hold(AccountNumber account, int64_t micros, absl::Duration lifetime) {
  Entry entry = Make(account, EntryKind::kHold, 0, micros);
  entry.subject = entry.id;
  entry.expire_time = now_ + lifetime;
  entry.detail = absl::StrCat("grant of ", micros);
  holds_[entry.id] = micros;
  return entry;
}

Entry EntryMaker::Charge(AccountNumber account, EntryId hold, int64_t micros) {
  Entry entry = Make(account, EntryKind::kHoldCharged, -micros, -micros);
  entry.subject = hold;
  holds_[hold] -= micros;
  return entry;
}

Entry EntryMaker::Expire(AccountNumber account, EntryId hold) {
  Entry entry = Make(account, EntryKind::kHoldExpired, 0, -holds_[hold]);
  entry.subject = hold;
  entry.request_id.clear();
  holds_[hold] = 0;
  return entry;
}

Entry EntryMaker::Settle(AccountNumber account, EntryId hold, int64_t micros) {
  Entry entry = Make(account, EntryKind::kHoldSettled, -micros, -holds_[hold]);
  entry.subject = hold;
  holds_.erase(hold);
  return entry;
}

BatchHead EntryMaker::Seal(const std::vector<Entry>& entries) {
  BatchHead head;
  head.number = head_.number + 1;
  head.first = entries.front().id;
  head.last = entries.back().id;
  head.time = entries.back().time;
  BatchHasher hasher(head_.hash, head);
  for (const Entry& entry : entries) hasher.Add(entry);
  head.hash = hasher.Finish();
  head_ = head;
  return head;
}

absl::Status SnapshotRecorder::OnAccount(AccountSnapshot account) {
  lines.push_back(absl::StrFormat(
      "account %d %s %s: %d, held %d, last %d", account.number, account.record.account_id,
      account.record.settings, account.balance.value(), account.held.value(), account.last_entry));
  return absl::OkStatus();
}

absl::Status SnapshotRecorder::OnHold(AccountNumber account, Hold hold) {
  lines.push_back(absl::StrFormat(
      "hold %d of %d: %d, charged %d, %s to %s%s, %s", hold.id, account, hold.amount.value(),
      hold.charged.value(), absl::FormatTime(hold.start_time), absl::FormatTime(hold.expire_time),
      hold.expired ? ", expired" : "", hold.detail));
  return absl::OkStatus();
}

absl::Status SnapshotRecorder::OnRefunded(EntryId debit, Micros refunded) {
  lines.push_back(absl::StrFormat("refunded of %d: %d", debit, refunded.value()));
  return absl::OkStatus();
}

SqliteJournal::Options SqliteJournalFixture::Options() const {
  return {
      .directory = directory_ / "ledger", .derived_gather = absl::ZeroDuration(), .clock = &clock_};
}

void SqliteJournalFixture::OpenJournal() { OpenJournal(Options()); }

void SqliteJournalFixture::OpenJournal(SqliteJournal::Options options) {
  journal_.reset();
  absl::StatusOr<std::unique_ptr<SqliteJournal>> journal = SqliteJournal::Open(options);
  ASSERT_THAT(journal, IsOk());
  journal_ = *std::move(journal);
}

void SqliteJournalFixture::Append(const std::vector<Entry>& entries) {
  const absl::Status status = journal_->Append(maker_.Seal(entries), entries);
  ASSERT_THAT(status, IsOk());
}

void SqliteJournalFixture::OpenAccounts(int count) {
  std::vector<Entry> entries;
  for (int number = 1; number <= count; ++number) {
    entries.push_back(maker_.Open(absl::StrCat("account-", number)));
    entries.push_back(maker_.Credit(number, 1'000'000'000));
  }
  Append(entries);
}

std::vector<Entry> SqliteJournalFixture::AllEntries() {
  std::vector<Entry> entries;
  const auto reader = journal_->NewReader();
  EXPECT_THAT(reader, IsOk());
  const absl::Status status =
      (*reader)->Scan(1, std::numeric_limits<EntryId>::max(), [&](const Entry& entry) {
        entries.push_back(entry);
        return true;
      });
  EXPECT_THAT(status, IsOk());
  return entries;
}

std::vector<EntryId> SqliteJournalFixture::Activity(JournalReader* reader, AccountNumber account,
                                                    EntryId newest, EntryId from) {
  std::vector<EntryId> ids;
  const AccountScan scan = {.account = account, .newest = newest, .from = from};
  const absl::StatusOr<EntryId> next = reader->ScanAccount(scan, [&](const Entry& entry) {
    ids.push_back(entry.id);
    return true;
  });
  EXPECT_THAT(next, IsOk());
  return ids;
}

void SqliteJournalFixture::AppendHistory() {
  constexpr int kAccounts = 30;
  OpenAccounts(kAccounts);
  const auto append_some = [this] {
    for (int batch = 0; batch < 40; ++batch) {
      const AccountNumber account = 1 + batch % kAccounts;
      std::vector<Entry> entries;
      for (int i = 0; i < 12; ++i) entries.push_back(maker_.Debit(1 + i * batch % kAccounts, i));
      const Entry open = entries.emplace_back(maker_.Hold(account, 500, absl::Minutes(5)));
      entries.push_back(maker_.Charge(account, open.id, 100));
      const Entry brief = entries.emplace_back(maker_.Hold(account, 70, absl::Minutes(1)));
      if (batch % 2 == 0) entries.push_back(maker_.Settle(account, open.id, 400));
      if (batch % 3 == 0) entries.push_back(maker_.Expire(account, brief.id));
      if (batch % 5 == 0) entries.push_back(maker_.Credit(account, 1, entries[1].id));
      Append(entries);
    }
  };
  append_some();
  old_through_ = maker_.head().last;
  maker_.Advance(absl::Hours(24 * 6));
  clock_.Advance(absl::Hours(24 * 6));
  append_some();
}

void SqliteJournalFixture::WaitUntilDerived() {
  testing::Await([&] { return journal_->Stats().derived_through >= journal_->Head().last; });
}

std::vector<std::string> SqliteJournalFixture::AllAnswers() {
  WaitUntilDerived();
  testing::Await([&] { return journal_->OldRequestsThrough() >= old_through_; });
  SnapshotRecorder recorder;
  absl::StatusOr<EntryId> through;
  // Where the file turns out to be damaged there is nothing, until it has been made anew.
  testing::Await([&] {
    through = journal_->LoadSnapshot(&recorder);
    return !through.ok() || *through != 0 || !recorder.lines.empty() || maker_.head().last == 0;
  });
  EXPECT_THAT(through, IsOk());
  std::vector<std::string> answers = std::move(recorder.lines);
  answers.push_back(absl::StrCat("snapshot of ", through.value_or(-1)));

  std::map<AccountNumber, EntryId> newest;
  const std::vector<Entry> entries = AllEntries();
  for (const Entry& entry : entries) newest[entry.account] = entry.id;
  const auto reader = journal_->NewReader();
  EXPECT_THAT(reader, IsOk());
  // Some of each kind are enough.
  const size_t step = 1 + entries.size() / 1'000;
  for (size_t i = 0; i < entries.size(); i += step) {
    const Entry& entry = entries[i];
    const RequestHash hash = HashRequestId(entry.account, entry.request_id);
    // Where the file turns out to be damaged, the answer is refused until it has been made anew.
    absl::StatusOr<std::optional<EntryId>> old_request;
    testing::Await([&] {
      old_request = journal_->FindOldRequest(hash);
      return GetReason(old_request.status()) != Reason::kOverloaded;
    });
    EXPECT_THAT(old_request, IsOk());
    const AccountScan scan = {
        .account = entry.account, .newest = newest[entry.account], .from = entry.id - 1};
    const absl::StatusOr<EntryId> page =
        (*reader)->ScanAccount(scan, [](const Entry&) { return false; });
    EXPECT_THAT(page, IsOk());
    const auto totals =
        (*reader)->ReadTotals(entry.account, newest[entry.account], {entry.id - 1, entry.id});
    EXPECT_THAT(totals, IsOk());
    answers.push_back(absl::StrFormat("entry %d: before it %d, request %d, totals %s and %s",
                                      entry.id, page.value_or(-1),
                                      old_request.ok() ? old_request->value_or(0) : -1,
                                      absl::BytesToHexString(EncodeTotals(totals->at(0))),
                                      absl::BytesToHexString(EncodeTotals(totals->at(1)))));
  }
  return answers;
}

}  // namespace farebox::sqlite
