#include "storage/account_totals.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "absl/status/status.h"
#include "storage/check.h"

namespace farebox {
namespace {

constexpr int kPayloadBits = 7;
constexpr uint8_t kMoreFollows = 0x80;

bool ComesBefore(const AccountTotals::Row& a, const AccountTotals::Row& b) {
  return std::tie(a.item, a.side) < std::tie(b.item, b.side);
}

// Seven bits a byte, the lowest first; the top bit says that more follow.
void PutVarint(absl::uint128 value, std::string* out) {
  while (value > 0x7f) {
    out->push_back(static_cast<char>(static_cast<uint8_t>(value) | kMoreFollows));
    value >>= kPayloadBits;
  }
  out->push_back(static_cast<char>(static_cast<uint8_t>(value)));
}

// False where `bytes` do not begin with a number, or with one in more bytes than it needs.
bool TakeVarint(absl::string_view* bytes, absl::uint128* value) {
  *value = 0;
  for (size_t i = 0; i < bytes->size() && i * kPayloadBits < 128; ++i) {
    const auto byte = static_cast<uint8_t>((*bytes)[i]);
    const absl::uint128 payload = byte & (kMoreFollows - 1u);
    const absl::uint128 shifted = payload << static_cast<int>(i * kPayloadBits);
    if ((shifted >> static_cast<int>(i * kPayloadBits)) != payload) return false;
    *value |= shifted;
    if ((byte & kMoreFollows) != 0) continue;
    bytes->remove_prefix(i + 1);
    return i == 0 || byte != 0;
  }
  return false;
}

// Small numbers of either sign become small ones without.
absl::uint128 ZigZag(absl::int128 value) {
  return (static_cast<absl::uint128>(value) << 1) ^ static_cast<absl::uint128>(value >> 127);
}

absl::int128 UnZigZag(absl::uint128 value) {
  return static_cast<absl::int128>(value >> 1) ^ -static_cast<absl::int128>(value & 1);
}

bool TakeRow(absl::string_view* bytes, AccountTotals::Row* row) {
  if (bytes->size() < 2) return false;
  const auto side = static_cast<uint8_t>((*bytes)[1]);
  row->item = static_cast<uint8_t>((*bytes)[0]);
  row->side = static_cast<EntrySide>(side);
  bytes->remove_prefix(2);
  absl::uint128 count;
  absl::uint128 amount;
  if (side > static_cast<uint8_t>(EntrySide::kCredit) || !TakeVarint(bytes, &count) ||
      !TakeVarint(bytes, &amount)) {
    return false;
  }
  if (count == 0 || count > static_cast<absl::uint128>(std::numeric_limits<int64_t>::max())) {
    return false;
  }
  row->count = static_cast<int64_t>(count);
  row->amount_micros = UnZigZag(amount);
  return true;
}

}  // namespace

void AccountTotals::Add(uint8_t item, EntrySide side, Micros amount) {
  Change(item, side, 1, amount.value());
}

void AccountTotals::Subtract(uint8_t item, EntrySide side, Micros amount) {
  Change(item, side, -1, -absl::int128(amount.value()));
}

void AccountTotals::Change(uint8_t item, EntrySide side, int64_t count,
                           absl::int128 amount_micros) {
  const Row wanted = {.item = item, .side = side};
  auto row = std::lower_bound(rows_.begin(), rows_.end(), wanted, ComesBefore);
  if (row == rows_.end() || ComesBefore(wanted, *row)) row = rows_.insert(row, wanted);
  row->count += count;
  row->amount_micros += amount_micros;
  if (row->count == 0) rows_.erase(row);
}

bool AccountTotals::Append(const Row& row) {
  if (!rows_.empty() && !ComesBefore(rows_.back(), row)) return false;
  rows_.push_back(row);
  return true;
}

bool AccountTotals::Subtract(const AccountTotals& earlier) {
  std::vector<Row> left;
  auto before = earlier.rows_.begin();
  for (Row row : rows_) {
    if (before != earlier.rows_.end() && before->item == row.item && before->side == row.side) {
      row.count -= before->count;
      row.amount_micros -= before->amount_micros;
      ++before;
    }
    if (row.count < 0) return false;
    if (row.count > 0) left.push_back(row);
  }
  rows_ = std::move(left);
  return before == earlier.rows_.end();
}

int64_t AccountTotals::CountOf(const EntryFilter& filter) const {
  int64_t count = 0;
  for (const Row& row : rows_) {
    if (filter.Passes(row.item, row.side)) count += row.count;
  }
  return count;
}

absl::int128 AccountTotals::amount_micros() const {
  absl::int128 sum = 0;
  for (const Row& row : rows_) sum += row.amount_micros;
  return sum;
}

std::string EncodeTotals(const AccountTotals& totals) {
  std::string bytes;
  for (const AccountTotals::Row& row : totals.rows()) {
    FAREBOX_CHECK(row.count > 0);
    bytes.push_back(static_cast<char>(row.item));
    bytes.push_back(static_cast<char>(row.side));
    PutVarint(static_cast<absl::uint128>(row.count), &bytes);
    PutVarint(ZigZag(row.amount_micros), &bytes);
  }
  return bytes;
}

absl::StatusOr<AccountTotals> DecodeTotals(absl::string_view bytes) {
  AccountTotals totals;
  while (!bytes.empty()) {
    AccountTotals::Row row;
    if (!TakeRow(&bytes, &row) || !totals.Append(row)) {
      return absl::DataLossError("an account's totals cannot be read");
    }
  }
  return totals;
}

}  // namespace farebox
