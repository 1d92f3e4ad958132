#include "storage/sqlite/derived_chunk.h"

#include <algorithm>

#include "storage/account_state.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

// Whether the activity index has this entry: one in eight, evenly spread over every account. A
// reader finds the nearest one above where it begins and follows the entries' own links from
// there, eight steps on average; in return the index is an eighth of the size, and so are the
// pages that each chunk touches.
bool IsIndexed(EntryId id) {
  constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;
  return (static_cast<uint64_t>(id) * kGoldenRatio) >> 61 == 0;
}

template <typename Map>
auto SortedByKey(const Map& map) {
  std::vector<std::pair<typename Map::key_type, typename Map::mapped_type>> sorted(map.begin(),
                                                                                   map.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return sorted;
}

}  // namespace

void DerivedChunk::AddBalance(const BalanceRow& row) {
  balances_[row.account] = row;
  if (IsIndexed(row.last_entry)) activity_.emplace_back(row.account, row.last_entry);
}

absl::Status DerivedChunk::AddStep(const Entry& entry, FindHold find_hold) {
  switch (entry.kind) {
    case EntryKind::kAccountOpened:
    case EntryKind::kAccountChanged:
      records_[entry.account] = entry.detail;
      return absl::OkStatus();
    case EntryKind::kCredit:
      if (entry.subject != 0) {
        Micros& refunded = refunds_[entry.subject];
        refunded = Micros(refunded.value() + entry.amount.value());
      }
      return absl::OkStatus();
    case EntryKind::kHold:
    case EntryKind::kHoldExtended:
    case EntryKind::kHoldCharged:
    case EntryKind::kHoldSettled:
    case EntryKind::kHoldReleased:
    case EntryKind::kHoldExpired:
      return AddToHold(entry, find_hold);
    case EntryKind::kDebit:
    case EntryKind::kDecline:
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status DerivedChunk::AddToHold(const Entry& entry, FindHold find_hold) {
  auto found = holds_.find(entry.subject);
  if (found == holds_.end()) {
    std::optional<HoldRow> before;
    if (entry.kind != EntryKind::kHold) {
      FAREBOX_ASSIGN_OR_RETURN(before, find_hold(entry.subject));
    }
    found = holds_.emplace(entry.subject, std::move(before)).first;
  }

  std::optional<HoldRow>& row = found->second;
  std::optional<Hold> hold;
  if (row.has_value()) hold = std::move(row->hold);
  // One that was dropped long after its expiry stays dropped.
  if (entry.kind == EntryKind::kHold || hold.has_value()) FoldHold(entry, &hold);
  row.reset();
  if (hold.has_value()) row = HoldRow{.account = entry.account, .hold = *std::move(hold)};
  return absl::OkStatus();
}

std::vector<BalanceRow> DerivedChunk::Balances() const {
  std::vector<BalanceRow> rows;
  rows.reserve(balances_.size());
  for (const auto& [account, row] : balances_) rows.push_back(row);
  std::sort(rows.begin(), rows.end(),
            [](const BalanceRow& a, const BalanceRow& b) { return a.account < b.account; });
  return rows;
}

std::vector<std::pair<AccountNumber, std::string>> DerivedChunk::Records() const {
  return SortedByKey(records_);
}

std::vector<DerivedChunk::HoldChange> DerivedChunk::Holds() const {
  std::vector<HoldChange> changes;
  changes.reserve(holds_.size());
  for (const auto& [id, row] : holds_) changes.push_back({.id = id, .row = row});
  std::sort(changes.begin(), changes.end(),
            [](const HoldChange& a, const HoldChange& b) { return a.id < b.id; });
  return changes;
}

std::vector<std::pair<EntryId, Micros>> DerivedChunk::Refunds() const {
  return SortedByKey(refunds_);
}

std::vector<std::pair<AccountNumber, EntryId>> DerivedChunk::Activity() const {
  std::vector<std::pair<AccountNumber, EntryId>> sorted = activity_;
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

}  // namespace farebox::sqlite
