#include "storage/sqlite/sqlite_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/sqlite/connection.h"
#include "storage/verify.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

using SqliteJournalTest = SqliteJournalFixture;

TEST_F(SqliteJournalTest, AnEmptyJournalHasNoHead) {
  OpenJournal();

  EXPECT_EQ(journal_->Head(), BatchHead());
  EXPECT_THAT(AllEntries(), IsEmpty());
}

TEST_F(SqliteJournalTest, EveryFieldSurvivesReopening) {
  const int64_t max = std::numeric_limits<int64_t>::max();
  const int64_t min = std::numeric_limits<int64_t>::min();
  Entry plain;
  plain.id = 1;
  plain.account = 1;
  plain.time = Start();
  plain.request_id = UuidOf(7);
  Entry extreme;
  extreme.id = 2;
  extreme.account = max;
  extreme.previous = max;
  extreme.time = Start();
  extreme.kind = EntryKind::kDecline;
  extreme.item = 255;
  extreme.reason = static_cast<Reason>(255);
  extreme.flags = 255;
  extreme.amount = Micros(min);
  extreme.held_change = Micros(max);
  extreme.balance = Micros(min);
  extreme.held = Micros(max);
  extreme.credit_limit = Micros(max);
  extreme.subject = max;
  extreme.expire_time = absl::InfiniteFuture();
  extreme.request_id = std::string("with a zero \0 byte", 18);
  extreme.fingerprint = std::numeric_limits<uint64_t>::max();
  extreme.detail = std::string(4096, '\0');
  const std::vector<Entry> entries = {plain, extreme};

  OpenJournal();
  Append(entries);
  const BatchHead head = journal_->Head();
  OpenJournal();

  EXPECT_THAT(AllEntries(), ElementsAreArray(entries));
  EXPECT_EQ(journal_->Head(), head);
  EXPECT_EQ(head.last, 2);
}

TEST_F(SqliteJournalTest, RequestIdsSurviveInWhateverForm) {
  const std::string uuid = "018c2b3a-0000-7000-8000-00000000002a";
  std::string upper = uuid;
  upper[3] = 'C';
  std::string not_hex = uuid;
  not_hex[35] = 'g';
  std::string no_dash = uuid;
  no_dash[8] = '0';
  const std::vector<std::string> ids = {uuid,
                                        upper,
                                        not_hex,
                                        no_dash,
                                        std::string(36, '-'),
                                        "",
                                        "order",
                                        uuid.substr(1),
                                        uuid + "0",
                                        "0123456789abcdef",
                                        std::string(128, 'x'),
                                        "\x80\xff raw"};

  OpenJournal();
  std::vector<Entry> entries;
  for (const std::string& id : ids) {
    entries.push_back(maker_.Debit(1, 5));
    entries.back().request_id = id;
  }
  Append(entries);

  EXPECT_THAT(AllEntries(), ElementsAreArray(entries));
}

TEST_F(SqliteJournalTest, AnAccountsEntriesAreFoundFromAnywhere) {
  OpenJournal();
  OpenAccounts(3);
  std::vector<EntryId> of_second = {3, 4};
  for (int batch = 0; batch < 40; ++batch) {
    std::vector<Entry> entries;
    for (int i = 0; i < 9; ++i) entries.push_back(maker_.Debit(1 + i % 3, 1));
    for (int i = 1; i < 9; i += 3) of_second.push_back(entries[i].id);
    Append(entries);
  }
  WaitUntilDerived();
  const auto reader = journal_->NewReader();
  ASSERT_THAT(reader, IsOk());

  for (EntryId from = 1; from <= maker_.head().last; ++from) {
    std::vector<EntryId> expected;
    for (auto id = of_second.rbegin(); id != of_second.rend(); ++id) {
      if (*id <= from) expected.push_back(*id);
    }
    EXPECT_THAT(Activity(reader->get(), 2, of_second.back(), from), ElementsAreArray(expected));
  }
}

TEST_F(SqliteJournalTest, TheSnapshotIsWhatTheEntriesAmountTo) {
  OpenJournal();
  OpenAccounts(2);
  const Entry open = maker_.Hold(1, 500, absl::Minutes(5));
  const Entry charged = maker_.Charge(1, open.id, 200);
  const Entry settled = maker_.Hold(2, 300, absl::Minutes(5));
  const Entry expired = maker_.Hold(2, 400, absl::Minutes(1));
  Append({open, charged, settled, expired});
  maker_.Advance(absl::Minutes(2));
  const Entry debit = maker_.Debit(1, 90);
  Append({debit, maker_.Settle(2, settled.id, 10), maker_.Expire(2, expired.id)});
  Append({maker_.Credit(1, 50, debit.id), maker_.Credit(1, 40, debit.id)});
  WaitUntilDerived();

  SnapshotRecorder recorder;
  const absl::StatusOr<EntryId> through = journal_->LoadSnapshot(&recorder);

  ASSERT_THAT(through, IsOk());
  EXPECT_EQ(*through, maker_.head().last);
  EXPECT_THAT(recorder.lines,
              ElementsAre("account 1 account-1 EUR: 999999800, held 300, last 13",
                          "account 2 account-2 EUR: 999999990, held 0, last 11",
                          "hold 5 of 1: 300, charged 200, 2023-11-14T22:13:20+00:00 to "
                          "2023-11-14T22:18:20+00:00, grant of 500",
                          "hold 8 of 2: 400, charged 0, 2023-11-14T22:13:20+00:00 to "
                          "2023-11-14T22:14:20+00:00, expired, grant of 400",
                          "refunded of 9: 90"));
}

TEST_F(SqliteJournalTest, APlainDebitTakesFewBytes) {
  OpenJournal();
  OpenAccounts(1'000);
  journal_.reset();
  const auto before = std::filesystem::file_size(directory_ / "ledger/journal.db");
  OpenJournal();

  constexpr int kDebits = 10'000;
  std::vector<Entry> debits;
  for (int i = 0; i < kDebits; ++i) debits.push_back(maker_.Debit(1 + i % 1'000, 12'345));
  Append(debits);
  journal_.reset();

  const auto after = std::filesystem::file_size(directory_ / "ledger/journal.db");
  EXPECT_LE((after - before) / kDebits, 100);
}

TEST_F(SqliteJournalTest, AReaderSeesWhatWasAppendedBeforeItAsked) {
  OpenJournal();
  const auto reader = journal_->NewReader();
  ASSERT_THAT(reader, IsOk());

  for (int i = 0; i < 20; ++i) {
    Append({maker_.Debit(1, 1)});
    const absl::StatusOr<Entry> newest = (*reader)->Read(maker_.head().last);
    ASSERT_THAT(newest, IsOk());
  }
  EXPECT_TRUE(absl::IsNotFound((*reader)->Read(maker_.head().last + 1).status()));
}

TEST_F(SqliteJournalTest, AnEntryIsWhatItsBytesInThisVersionSay) {
  OpenJournal();
  OpenAccounts(1);
  Entry hold = maker_.Hold(1, 500, absl::Minutes(5));
  hold.item = 3;
  hold.flags = kFinal;
  Append({hold});
  journal_.reset();

  // As anybody can read it with the sqlite3 tool: a change of this is a new schema version.
  absl::StatusOr<Connection> connection =
      Connection::Open(directory_ / "ledger/journal.db", {.read_only = true});
  ASSERT_THAT(connection, IsOk());
  absl::StatusOr<Statement> row = connection->Prepare(
      "SELECT printf('%d|%d|%d|%d|%d|%d|%d|%d|%d|%d|%d|%d|%d|%d|%d|%s|%d|%s', id, account, kind, "
      "balance, held, previous, time, item, reason, flags, amount, held_change, credit_limit, "
      "subject, expire_time, hex(request_id), fingerprint, detail) FROM entry WHERE id = 3");
  ASSERT_THAT(row, IsOk());
  ASSERT_EQ(row->Step(), SQLITE_ROW);
  EXPECT_EQ(std::string(row->Bytes(0)),
            absl::StrCat("3|1|5|1000000000|500|2|1700000000000000|3|0|4|0|500|0|3|"
                         "1700000300000000|018C2B3A000070008000000000000003|",
                         static_cast<int64_t>(hold.fingerprint), "|grant of 500"));
}

TEST_F(SqliteJournalTest, BatchesAreFoundByTime) {
  OpenJournal();
  OpenAccounts(1);
  for (int i = 0; i < 20; ++i) {
    maker_.Advance(absl::Seconds(10));
    Append({maker_.Debit(1, 1), maker_.Debit(1, 1)});
  }
  const auto reader = journal_->NewReader();
  ASSERT_THAT(reader, IsOk());

  EXPECT_EQ((*reader)->LastEntryBefore(Start()).value(), 0);
  EXPECT_EQ((*reader)->LastEntryBefore(Start() + absl::Microseconds(1)).value(), 2);
  EXPECT_EQ((*reader)->LastEntryBefore(Start() + absl::Seconds(50)).value(), 10);
  EXPECT_EQ((*reader)->LastEntryBefore(absl::InfiniteFuture()).value(), 42);
}

TEST_F(SqliteJournalTest, WhatItHoldsVerifies) {
  OpenJournal();
  OpenAccounts(5);
  for (int i = 0; i < 10; ++i) Append({maker_.Debit(1 + i % 5, 3)});
  const auto reader = journal_->NewReader();
  ASSERT_THAT(reader, IsOk());

  const absl::StatusOr<VerifyReport> report = VerifyJournal(reader->get());

  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->problem, "");
  EXPECT_EQ(report->entries, 20);
}

}  // namespace
}  // namespace farebox::sqlite
