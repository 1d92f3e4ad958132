#ifndef FAREBOX_STORAGE_ACCOUNT_TOTALS_H_
#define FAREBOX_STORAGE_ACCOUNT_TOTALS_H_

#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/entry.h"
#include "storage/micros.h"

namespace farebox {

// On which side of a bill an entry is. The numbers are in the derived file.
enum class EntrySide : uint8_t {
  kNone = 0,    // moves no money: holds, refusals, changes of the account itself
  kDebit = 1,   // something was paid for, even where it was free
  kCredit = 2,  // money came in
};

constexpr EntrySide SideOf(EntryKind kind, Micros amount) {
  switch (kind) {
    case EntryKind::kDebit:
    case EntryKind::kHoldCharged:
    case EntryKind::kHoldSettled:
      return EntrySide::kDebit;
    case EntryKind::kHoldReleased:
      return amount.is_zero() ? EntrySide::kNone : EntrySide::kDebit;
    case EntryKind::kCredit:
      return EntrySide::kCredit;
    case EntryKind::kAccountOpened:
    case EntryKind::kAccountChanged:
    case EntryKind::kHold:
    case EntryKind::kHoldExtended:
    case EntryKind::kHoldExpired:
    case EntryKind::kDecline:
      break;
  }
  return EntrySide::kNone;
}

// Which entries are wanted. Value type.
struct EntryFilter {
  std::bitset<256> items;         // None: all.
  std::bitset<3> sides = 0b111u;  // By EntrySide.

  bool Passes(uint8_t item, EntrySide side) const {
    return sides.test(static_cast<size_t>(side)) && (items.none() || items.test(item));
  }
  bool passes_all() const { return sides.all() && (items.none() || items.all()); }
};

// What a number of entries of one account add up to, by item and side. Exact: no sum of amounts of
// 64 bits overflows before there are more entries than a journal can number. Value type.
class AccountTotals {
 public:
  struct Row {
    uint8_t item = 0;
    EntrySide side = EntrySide::kNone;
    int64_t count = 0;
    // Effect on the balance, in micros: zero or less for debits.
    absl::int128 amount_micros = 0;

    friend bool operator==(const Row&, const Row&) = default;
  };

  void Add(uint8_t item, EntrySide side, Micros amount);
  // Undoes Add: the entry is one of those that were added.
  void Subtract(uint8_t item, EntrySide side, Micros amount);
  // Leaves what was added after `earlier`, of which these totals are a continuation. False where
  // they cannot be one.
  bool Subtract(const AccountTotals& earlier);

  // Adds a row after all there are; false where it is not.
  bool Append(const Row& row);

  // Ordered by item and side; none with a count of zero.
  const std::vector<Row>& rows() const { return rows_; }
  int64_t CountOf(const EntryFilter& filter) const;
  // The effect of all entries together.
  absl::int128 amount_micros() const;

  friend bool operator==(const AccountTotals&, const AccountTotals&) = default;

 private:
  void Change(uint8_t item, EntrySide side, int64_t count, absl::int128 amount_micros);

  std::vector<Row> rows_;
};

// In the derived file: a few bytes a row.
std::string EncodeTotals(const AccountTotals& totals);
// Fails with DATA_LOSS for what EncodeTotals() never makes.
absl::StatusOr<AccountTotals> DecodeTotals(absl::string_view bytes);

}  // namespace farebox

#endif  // FAREBOX_STORAGE_ACCOUNT_TOTALS_H_
