#include "storage/account_totals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace farebox {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

AccountTotals::Row RowOf(uint8_t item, EntrySide side, int64_t count, absl::int128 amount) {
  return {.item = item, .side = side, .count = count, .amount_micros = amount};
}

AccountTotals TotalsOf(const std::vector<AccountTotals::Row>& rows) {
  AccountTotals totals;
  for (const AccountTotals::Row& row : rows) EXPECT_TRUE(totals.Append(row));
  return totals;
}

TEST(AccountTotals, AddsUpByItemAndSide) {
  AccountTotals totals;
  totals.Add(4, EntrySide::kDebit, Micros(-5));
  totals.Add(2, EntrySide::kDebit, Micros(-1));
  totals.Add(4, EntrySide::kCredit, Micros(100));
  totals.Add(4, EntrySide::kDebit, Micros(-7));
  totals.Add(4, EntrySide::kNone, Micros());

  EXPECT_EQ(totals,
            TotalsOf({RowOf(2, EntrySide::kDebit, 1, -1), RowOf(4, EntrySide::kNone, 1, 0),
                      RowOf(4, EntrySide::kDebit, 2, -12), RowOf(4, EntrySide::kCredit, 1, 100)}));
  EXPECT_EQ(totals.amount_micros(), 87);
}

TEST(AccountTotals, CountsWhatAFilterLetsPass) {
  const AccountTotals totals =
      TotalsOf({RowOf(2, EntrySide::kDebit, 1, -1), RowOf(4, EntrySide::kNone, 10, 0),
                RowOf(4, EntrySide::kDebit, 100, -12), RowOf(9, EntrySide::kCredit, 1000, 1)});
  EntryFilter filter;
  EXPECT_EQ(totals.CountOf(filter), 1111);
  EXPECT_TRUE(filter.passes_all());

  filter.items.set(4);
  EXPECT_EQ(totals.CountOf(filter), 110);

  filter.sides = 0b110u;
  EXPECT_EQ(totals.CountOf(filter), 100);
  EXPECT_FALSE(filter.passes_all());
}

TEST(AccountTotals, WhatIsSubtractedWasNeverThere) {
  AccountTotals totals;
  totals.Add(4, EntrySide::kDebit, Micros(-5));
  const AccountTotals before = totals;
  totals.Add(4, EntrySide::kDebit, Micros(-6));
  totals.Add(9, EntrySide::kCredit, Micros(50));
  AccountTotals between = totals;

  EXPECT_TRUE(between.Subtract(before));
  totals.Subtract(9, EntrySide::kCredit, Micros(50));
  totals.Subtract(4, EntrySide::kDebit, Micros(-6));

  EXPECT_EQ(between,
            TotalsOf({RowOf(4, EntrySide::kDebit, 1, -6), RowOf(9, EntrySide::kCredit, 1, 50)}));
  EXPECT_EQ(totals, before);
}

TEST(AccountTotals, OnlyWhatCameBeforeCanBeSubtracted) {
  const AccountTotals more = TotalsOf({RowOf(4, EntrySide::kDebit, 2, -6)});
  for (const AccountTotals& later :
       {AccountTotals(), TotalsOf({RowOf(4, EntrySide::kDebit, 1, -6)}),
        TotalsOf({RowOf(5, EntrySide::kDebit, 3, -6)})}) {
    AccountTotals totals = later;
    EXPECT_FALSE(totals.Subtract(more));
  }
}

TEST(AccountTotals, SumsBeyond64BitsAreExact) {
  AccountTotals totals;
  for (int i = 0; i < 5; ++i) totals.Add(1, EntrySide::kCredit, Micros(kMax));

  EXPECT_EQ(totals.amount_micros(), absl::int128(kMax) * 5);
  EXPECT_EQ(DecodeTotals(EncodeTotals(totals)).value(), totals);
}

TEST(AccountTotals, AreReadAsTheyWereWritten) {
  std::mt19937_64 random(20'261'129);
  EXPECT_THAT(EncodeTotals(AccountTotals()), IsEmpty());
  for (int round = 0; round < 2'000; ++round) {
    AccountTotals totals;
    const uint64_t rows = random() % 8;
    for (uint64_t i = 0; i < rows; ++i) {
      const auto side = static_cast<EntrySide>(random() % 3);
      const auto amount = static_cast<int64_t>(random()) >> random() % 64;
      totals.Add(static_cast<uint8_t>(random()), side, Micros(amount));
    }
    const std::string bytes = EncodeTotals(totals);
    EXPECT_EQ(DecodeTotals(bytes).value(), totals);
    EXPECT_EQ(EncodeTotals(DecodeTotals(bytes).value()), bytes);
  }
}

TEST(AccountTotals, TakeAFewBytesEach) {
  // A day of calls of a busy account.
  const AccountTotals totals = TotalsOf({RowOf(4, EntrySide::kDebit, 8'000, -350'000'000)});

  EXPECT_THAT(EncodeTotals(totals), SizeIs(9));
}

TEST(AccountTotals, WhatIsNeverWrittenIsNotRead) {
  const std::string row = EncodeTotals(TotalsOf({RowOf(4, EntrySide::kDebit, 2, -6)}));
  const std::string later = EncodeTotals(TotalsOf({RowOf(4, EntrySide::kCredit, 2, 6)}));
  EXPECT_TRUE(DecodeTotals(row + later).ok());
  const std::string many(19, '\xff');
  for (const std::string& bytes :
       {row + row, later + row, row.substr(0, 1), row.substr(0, 2), row.substr(0, 3),
        std::string("\x04\x03\x01\x02", 4),                   // a side that is none
        std::string("\x04\x01\x00\x02", 4),                   // a count of nothing
        std::string("\x04\x01\x81\x00\x02", 5),               // a number in too many bytes
        "\x04\x01" + many + "\x01\x02",                       // a number without end
        "\x04\x01\x01" + std::string(18, '\xff') + "\x04",    // beyond 128 bits
        "\x04\x01" + std::string(9, '\xff') + "\x01\x02"}) {  // a count beyond 63
    EXPECT_TRUE(absl::IsDataLoss(DecodeTotals(bytes).status())) << bytes.size();
  }
}

TEST(EntrySide, IsThatOfABill) {
  const Micros none;
  for (const EntryKind kind :
       {EntryKind::kDebit, EntryKind::kHoldCharged, EntryKind::kHoldSettled}) {
    EXPECT_EQ(SideOf(kind, Micros(-1)), EntrySide::kDebit);
    EXPECT_EQ(SideOf(kind, none), EntrySide::kDebit) << "free, and on the bill";
  }
  EXPECT_EQ(SideOf(EntryKind::kHoldReleased, Micros(-1)), EntrySide::kDebit);
  EXPECT_EQ(SideOf(EntryKind::kHoldReleased, none), EntrySide::kNone);
  EXPECT_EQ(SideOf(EntryKind::kCredit, Micros(1)), EntrySide::kCredit);
  for (const EntryKind kind :
       {EntryKind::kAccountOpened, EntryKind::kAccountChanged, EntryKind::kHold,
        EntryKind::kHoldExtended, EntryKind::kHoldExpired, EntryKind::kDecline}) {
    EXPECT_EQ(SideOf(kind, none), EntrySide::kNone);
  }
}

}  // namespace
}  // namespace farebox
