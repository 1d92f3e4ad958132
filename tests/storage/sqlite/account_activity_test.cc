// Scans of an account's entries, and what they add up to, are what a fold of all entries says:
// with the derived file complete, behind, damaged or not there at all.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "storage/account_totals.h"
#include "storage/sqlite/checked_vfs.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/derived_chunk.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr AccountNumber kAccounts = 8;

class AccountActivityTest : public SqliteJournalFixture {
 protected:
  uint64_t Any(uint64_t below) { return random_() % below; }

  // Entries of all kinds and items of random accounts; some accounts are busier than others.
  void AppendRandomEntries(int count) {
    while (count > 0) {
      std::vector<Entry> entries;
      for (uint64_t i = 1 + Any(60); i > 0 && count > 0; --i, --count) {
        entries.push_back(AnyEntry(1 + static_cast<AccountNumber>(Any(1 + Any(kAccounts)))));
      }
      maker_.Advance(absl::Seconds(static_cast<int64_t>(Any(100))));
      Append(entries);
    }
  }

  Entry AnyEntry(AccountNumber account) {
    const auto micros = static_cast<int64_t>(Any(1'000'000));
    Entry entry;
    switch (Any(8)) {
      case 0:
        entry = maker_.Hold(account, micros, absl::Hours(1));
        open_[account] = entry.id;
        break;
      case 1:
        if (open_[account] != 0) return maker_.Settle(account, std::exchange(open_[account], 0), 7);
        entry = maker_.Debit(account, 0);
        break;
      case 2:
        if (Any(10) != 0) return maker_.Debit(account, micros);
        entry = maker_.Credit(account, micros + 1);
        break;
      default:
        entry = maker_.Debit(account, micros);
    }
    entry.item = static_cast<uint8_t>(Any(5));
    return entry;
  }

  std::map<AccountNumber, std::vector<Entry>> ByAccount() {
    std::map<AccountNumber, std::vector<Entry>> entries;
    for (Entry& entry : AllEntries()) entries[entry.account].push_back(std::move(entry));
    return entries;
  }

  static AccountTotals Fold(const std::vector<Entry>& entries, EntryId through) {
    AccountTotals totals;
    for (const Entry& entry : entries) {
      if (entry.id > through) continue;
      totals.Add(entry.item, SideOf(entry.kind, entry.amount), entry.amount);
    }
    return totals;
  }

  // Totals at random positions of every account, asked for a few at a time.
  void ExpectTotalsAreAFold() {
    const auto reader = journal_->NewReader();
    ASSERT_THAT(reader, IsOk());
    for (const auto& [account, entries] : ByAccount()) {
      for (int round = 0; round < 20; ++round) {
        std::vector<EntryId> positions(Any(6));
        for (EntryId& position : positions) {
          position = static_cast<EntryId>(Any(static_cast<uint64_t>(maker_.head().last) + 9));
        }
        std::sort(positions.begin(), positions.end());
        const auto totals = (*reader)->ReadTotals(account, entries.back().id, positions);
        ASSERT_THAT(totals, IsOk());
        ASSERT_THAT(*totals, SizeIs(positions.size()));
        for (size_t i = 0; i < positions.size(); ++i) {
          EXPECT_EQ((*totals)[i], Fold(entries, positions[i]))
              << "account " << account << " through " << positions[i];
        }
      }
    }
  }

  EntryFilter AnyFilter() {
    EntryFilter filter;
    filter.sides = std::bitset<3>(1 + Any(7));
    for (uint64_t i = Any(3); i > 0; --i) filter.items.set(Any(6));
    return filter;
  }

  // All that the scan finds, in as many steps as it takes.
  std::vector<EntryId> ScanInSteps(JournalReader* reader, AccountScan scan) {
    std::vector<EntryId> found;
    while (scan.newest != 0) {
      uint64_t room = 1 + Any(40);
      const auto next = reader->ScanAccount(scan, [&](const Entry& entry) {
        if (room-- == 0) return false;
        found.push_back(entry.id);
        return true;
      });
      EXPECT_THAT(next, IsOk());
      scan.newest = next.value_or(0);
    }
    return found;
  }

  void ExpectScansFindWhatPasses() {
    const auto reader = journal_->NewReader();
    ASSERT_THAT(reader, IsOk());
    const auto end = static_cast<uint64_t>(maker_.head().last) + 9;
    for (const auto& [account, entries] : ByAccount()) {
      for (int round = 0; round < 20; ++round) {
        const AccountScan scan = {.account = account,
                                  .newest = entries.back().id,
                                  .from = static_cast<EntryId>(Any(end)),
                                  .after = static_cast<EntryId>(Any(2) * Any(end)),
                                  .filter = AnyFilter(),
                                  .looks_max = 1 + static_cast<int64_t>(Any(300))};
        std::vector<EntryId> expected;
        for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
          const bool passes = scan.filter.Passes(entry->item, SideOf(entry->kind, entry->amount));
          if (passes && entry->id <= scan.from && entry->id > scan.after) {
            expected.push_back(entry->id);
          }
        }
        EXPECT_EQ(ScanInSteps(reader->get(), scan), expected);
      }
    }
  }

  void ExpectAll() {
    ExpectTotalsAreAFold();
    ExpectScansFindWhatPasses();
  }

  std::string DerivedPath() const { return directory_ / "ledger/derived.db"; }

  std::mt19937_64 random_{20'261'129};
  std::map<AccountNumber, EntryId> open_;
};

TEST_F(AccountActivityTest, IsAFoldOfTheEntriesWhereAllIsDerived) {
  OpenJournal();
  OpenAccounts(kAccounts);
  for (int round = 0; round < 4; ++round) {
    AppendRandomEntries(2'000);
    WaitUntilDerived();
    ExpectAll();
  }
}

TEST_F(AccountActivityTest, IsAFoldOfTheEntriesWhereTheNewestAreNotDerivedYet) {
  OpenJournal();
  OpenAccounts(kAccounts);
  AppendRandomEntries(3'000);
  WaitUntilDerived();
  SqliteJournal::Options options = Options();
  options.derived_gather = absl::Hours(1);
  OpenJournal(options);
  for (const int more : {1, 20, 1'000}) {
    AppendRandomEntries(more);
    ExpectAll();
  }
}

TEST_F(AccountActivityTest, IsAFoldOfTheEntriesWhereNothingIsDerived) {
  SqliteJournal::Options options = Options();
  options.derive = false;
  OpenJournal(options);
  OpenAccounts(kAccounts);
  AppendRandomEntries(3'000);

  ExpectAll();
}

TEST_F(AccountActivityTest, IsAFoldOfTheEntriesWhateverWasDerivedInOneChunk) {
  OpenJournal();
  OpenAccounts(kAccounts);
  AppendRandomEntries(3'000);
  WaitUntilDerived();
  for (int round = 0; round < 5; ++round) {
    AppendRandomEntries(static_cast<int>(Any(700)));
    // In one or two large chunks, from where the last life of the journal has ended.
    OpenJournal();
    WaitUntilDerived();
    ExpectAll();
  }
  journal_.reset();
  std::filesystem::remove(DerivedPath());
  OpenJournal();
  WaitUntilDerived();
  ExpectAll();
}

// A file of the right form whose totals are wrong, all of them by as much.
TEST_F(AccountActivityTest, TotalsThatDoNotMakeTheBalanceAreNotBelieved) {
  OpenJournal();
  OpenAccounts(kAccounts);
  AppendRandomEntries(2'000);
  WaitUntilDerived();
  journal_.reset();
  {
    absl::StatusOr<Connection> derived = Connection::Open(DerivedPath(), {.vfs = CheckedVfs()});
    ASSERT_THAT(derived, IsOk());
    // One more credit of 1 micro: item 9, side 2, count 1, amount 1.
    const std::string more = "totals = CAST(totals || X'09020102' AS BLOB)";
    ASSERT_THAT(derived->Execute("UPDATE activity SET " + more), IsOk());
    ASSERT_THAT(derived->Execute("UPDATE balance SET " + more), IsOk());
  }
  OpenJournal();

  ExpectTotalsAreAFold();
  WaitUntilDerived();
  ExpectAll();
}

// What a narrow filter costs must not grow with what it leaves out.
TEST_F(AccountActivityTest, ANarrowFilterLooksAtFewEntries) {
  OpenJournal();
  OpenAccounts(1);
  std::vector<EntryId> credits = {maker_.head().last};
  for (int batch = 0; batch < 40; ++batch) {
    std::vector<Entry> entries;
    for (int i = 0; i < 500; ++i) entries.push_back(maker_.Debit(1, 1));
    if (batch % 10 == 7) credits.push_back(entries.emplace_back(maker_.Credit(1, 5)).id);
    Append(entries);
  }
  WaitUntilDerived();
  std::reverse(credits.begin(), credits.end());
  const auto reader = journal_->NewReader();
  const EntryId newest = maker_.head().last;
  const auto scan = [&](EntryFilter filter, int64_t looks_max, std::vector<EntryId>* found) {
    const auto next = (*reader)->ScanAccount(
        {.account = 1, .newest = newest, .filter = filter, .looks_max = looks_max},
        [&](const Entry& entry) {
          found->push_back(entry.id);
          return true;
        });
    return next.value_or(-1);
  };
  EntryFilter only_credits;
  only_credits.sides = 0b100u;
  EntryFilter nothing;
  nothing.items.set(200);

  std::vector<EntryId> found;
  EXPECT_EQ(scan(only_credits, 1'000, &found), 0) << "all of 20,000 entries";
  EXPECT_THAT(found, ElementsAreArray(credits));
  std::vector<EntryId> none;
  EXPECT_EQ(scan(nothing, 100, &none), 0);
  EXPECT_THAT(none, IsEmpty());
}

TEST_F(AccountActivityTest, AScanSaysWhereItGoesOn) {
  OpenJournal();
  OpenAccounts(1);
  Append({maker_.Debit(1, 1), maker_.Debit(1, 2), maker_.Debit(1, 3)});
  const auto reader = journal_->NewReader();
  const auto next_of = [&](AccountScan scan, int taken) {
    scan.account = 1;
    scan.newest = 5;
    return (*reader)->ScanAccount(scan, [&](const Entry&) { return taken-- > 0; }).value_or(-1);
  };

  EXPECT_EQ(next_of({}, 2), 3) << "the one that was not taken";
  EXPECT_EQ(next_of({.looks_max = 2}, 9), 3) << "the one that was not looked at";
  EXPECT_EQ(next_of({}, 9), 0);
  EXPECT_EQ(next_of({.after = 2}, 9), 0);
  EXPECT_EQ(next_of({.after = 2, .looks_max = 3}, 9), 0);
  EXPECT_EQ(next_of({.after = 5}, 9), 0);
}

}  // namespace
}  // namespace farebox::sqlite
