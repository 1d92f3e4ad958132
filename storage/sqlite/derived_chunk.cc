#include "storage/sqlite/derived_chunk.h"

#include <algorithm>
#include <tuple>

#include "storage/account_fold.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

template <typename Map>
auto SortedByKey(const Map& map) {
  std::vector<std::pair<typename Map::key_type, typename Map::mapped_type>> sorted(map.begin(),
                                                                                   map.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return sorted;
}

}  // namespace

absl::Status DerivedChunk::AddStep(const Entry& entry, FindHold find_hold) {
  switch (entry.kind) {
    case EntryKind::kAccountOpened:
    case EntryKind::kAccountChanged:
      records_[entry.account] = entry.detail;
      return absl::OkStatus();
    case EntryKind::kCredit:
      return IsRefund(entry) ? FoldRefund(entry, &refunds_[entry.subject]) : absl::OkStatus();
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

std::vector<BalanceStep> DerivedChunk::TakeBalances() {
  std::vector<BalanceStep> sorted = std::exchange(balances_, {});
  std::sort(sorted.begin(), sorted.end(), [](const BalanceStep& a, const BalanceStep& b) {
    return std::tie(a.account, a.entry) < std::tie(b.account, b.entry);
  });
  return sorted;
}

std::vector<std::pair<AccountNumber, std::string>> DerivedChunk::Records() const {
  return SortedByKey(records_);
}

std::vector<DerivedChunk::HoldChange> DerivedChunk::Holds() const {
  std::vector<HoldChange> changes;
  changes.reserve(holds_.size());
  for (const auto& [id, row] : holds_) changes.push_back({.id = id, .row = &row});
  std::sort(changes.begin(), changes.end(),
            [](const HoldChange& a, const HoldChange& b) { return a.id < b.id; });
  return changes;
}

std::vector<std::pair<EntryId, Micros>> DerivedChunk::Refunds() const {
  return SortedByKey(refunds_);
}

}  // namespace farebox::sqlite
