#include "server/rating/rate_deck.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/numeric/bits.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "server/rating/limits.h"
#include "server/rating/utf8.h"

namespace farebox::rating {
namespace {

constexpr absl::string_view kExactMark = "exact:";

bool IsExact(absl::string_view prefix) { return absl::StartsWith(prefix, kExactMark); }

bool IsDigits(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

std::optional<FieldProblem> FindPrefixProblem(absl::string_view prefix) {
  if (absl::ConsumePrefix(&prefix, kExactMark)) {
    if (prefix.empty() || prefix.size() > kExactDestinationBytesMax) {
      return FieldProblem{"prefix", absl::StrCat("an exact destination has 1 to ",
                                                 kExactDestinationBytesMax, " characters")};
    }
    if (!std::all_of(prefix.begin(), prefix.end(), absl::ascii_isgraph) || prefix[0] == '+') {
      return FieldProblem{"prefix", "an exact destination is printable ASCII without spaces or +"};
    }
    return std::nullopt;
  }
  if (!IsDigits(prefix)) {
    return FieldProblem{"prefix", "must be digits without +, or exact: and a whole destination"};
  }
  if (prefix.size() > kPrefixDigitsMax) {
    return FieldProblem{"prefix", absl::StrCat("has more than ", kPrefixDigitsMax, " digits")};
  }
  return std::nullopt;
}

std::optional<FieldProblem> FindUnusedFee(Item item, const Tariff& tariff) {
  const auto unused = [item](absl::string_view field) {
    return FieldProblem{field, absl::StrCat("does not apply to ", ItemName(item))};
  };
  constexpr Tariff kNone;
  if (IsCall(item)) {
    if (tariff.unit_fee != kNone.unit_fee) return unused("unit_fee");
    return std::nullopt;
  }
  if (tariff.connect_fee != kNone.connect_fee) return unused("connect_fee");
  if (tariff.attempt_fee != kNone.attempt_fee) return unused("attempt_fee");
  if (tariff.rate_nanos_per_minute != kNone.rate_nanos_per_minute) return unused("rate_per_minute");
  if (tariff.initial_increment_seconds != kNone.initial_increment_seconds) {
    return unused("initial_increment");
  }
  if (tariff.increment_seconds != kNone.increment_seconds) return unused("increment");
  if (tariff.rate_after_seconds != kNone.rate_after_seconds) return unused("rate_after_seconds");
  return std::nullopt;
}

constexpr char kYearsMessage[] = "must lie in the years 1 to 9999";

// Whether a time has a four-digit year, which RFC 3339 and protobuf's Timestamp need, or is none.
bool IsWritable(absl::Time time) {
  if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) return true;
  const absl::civil_year_t year = absl::ToCivilYear(time, absl::UTCTimeZone()).year();
  return year >= 1 && year <= 9999;
}

// A rate's place in the order of item, prefix and period.
auto PlaceOf(const RateRow& row) {
  return std::tie(row.item, row.prefix, row.effective_from, row.line);
}

bool ComesBefore(const RateRow* a, const RateRow* b) { return PlaceOf(*a) < PlaceOf(*b); }

bool SamePrefix(const RateRow& a, const RateRow& b) {
  return a.item == b.item && a.prefix == b.prefix;
}

}  // namespace

std::optional<FieldProblem> FindProblem(const RateRow& row) {
  if (std::optional<FieldProblem> problem = FindPrefixProblem(row.prefix)) return problem;
  if (row.description.size() > kDescriptionBytesMax) {
    return FieldProblem{"description",
                        absl::StrCat("has more than ", kDescriptionBytesMax, " bytes")};
  }
  if (!IsPrintableUtf8(row.description)) {
    return FieldProblem{"description", "must be UTF-8 without control characters"};
  }
  if (std::optional<FieldProblem> problem = FindProblem(row.tariff)) return problem;
  if (std::optional<FieldProblem> problem = FindUnusedFee(row.item, row.tariff)) return problem;
  if (!IsWritable(row.effective_from)) return FieldProblem{"effective_from", kYearsMessage};
  if (!IsWritable(row.effective_to)) return FieldProblem{"effective_to", kYearsMessage};
  if (row.effective_from >= row.effective_to) {
    return FieldProblem{"effective_to", "must be later than effective_from"};
  }
  return std::nullopt;
}

RateDeck::RateDeck(Arena arena, std::vector<RateRow*> sorted_rows)
    : arena_(std::move(arena)), rows_(std::move(sorted_rows)), nodes_(kItems.size()) {
  for (uint32_t ordinal = 0; ordinal < rows_.size(); ++ordinal) rows_[ordinal]->ordinal = ordinal;

  ReserveNodes();
  std::vector<Branch> branches;
  for (const Item item : kItems) {
    // Digits sort before letters: exact destinations come after all prefixes.
    const uint32_t exact_begin = LowerBound(item, kExactMark);
    branches.push_back({.node = static_cast<uint32_t>(item),
                        .begin = LowerBound(item, ""),
                        .end = exact_begin,
                        .depth = 0});
    IndexExact(item, exact_begin, EndOfItem(item));
  }
  while (!branches.empty()) {
    const Branch branch = branches.back();
    branches.pop_back();
    Grow(branch, &branches);
  }
}

// Room for exactly the nodes there will be, since a vector that grows would take twice as much: a
// row adds one for each digit that it does not share with the row before.
void RateDeck::ReserveNodes() {
  size_t nodes = nodes_.size();
  const RateRow* before = nullptr;
  for (const RateRow* row : rows_) {
    if (IsExact(row->prefix)) continue;
    size_t shared = 0;
    if (before != nullptr && before->item == row->item) {
      const auto [own, other] = std::mismatch(row->prefix.begin(), row->prefix.end(),
                                              before->prefix.begin(), before->prefix.end());
      shared = static_cast<size_t>(own - row->prefix.begin());
    }
    nodes += row->prefix.size() - shared;
    before = row;
  }
  nodes_.reserve(nodes);
}

void RateDeck::IndexExact(Item item, uint32_t begin, uint32_t end) {
  auto& exact = exact_[static_cast<size_t>(item)];
  for (uint32_t row = begin; row < end; ++row) {
    const absl::string_view destination = absl::StripPrefix(rows_[row]->prefix, kExactMark);
    Group& group = exact.try_emplace(destination, Group{.first_row = row}).first->second;
    ++group.row_count;
  }
}

// The rows come sorted, so those whose prefix ends here are first, and those below one child are
// neighbours.
void RateDeck::Grow(const Branch& branch, std::vector<Branch>* branches) {
  uint32_t row = branch.begin;
  while (row < branch.end && rows_[row]->prefix.size() == branch.depth) ++row;
  const Group group = {.first_row = branch.begin, .row_count = row - branch.begin};
  const auto first_child = static_cast<uint32_t>(nodes_.size());
  uint32_t child_digits = 0;
  while (row < branch.end) {
    const char digit = rows_[row]->prefix[branch.depth];
    const uint32_t child_begin = row;
    while (row < branch.end && rows_[row]->prefix[branch.depth] == digit) ++row;
    child_digits |= 1u << (digit - '0');
    branches->push_back({.node = static_cast<uint32_t>(nodes_.size()),
                         .begin = child_begin,
                         .end = row,
                         .depth = branch.depth + 1});
    nodes_.emplace_back();
  }
  nodes_[branch.node] = {.first_child = first_child, .child_digits = child_digits, .group = group};
}

const RateDeck::Node* RateDeck::Child(const Node& node, char digit) const {
  const uint32_t bit = 1u << (digit - '0');
  if ((node.child_digits & bit) == 0) return nullptr;
  return &nodes_[node.first_child + absl::popcount(node.child_digits & (bit - 1))];
}

const RateRow* RateDeck::EffectiveRow(const Group& group, absl::Time at) const {
  const auto begin = rows_.begin() + group.first_row;
  const auto next = std::upper_bound(
      begin, begin + group.row_count, at,
      [](absl::Time time, const RateRow* row) { return time < row->effective_from; });
  if (next == begin) return nullptr;
  const RateRow* const latest = *std::prev(next);
  return at < latest->effective_to ? latest : nullptr;
}

const RateRow* RateDeck::LookupNumber(Item item, absl::string_view digits, absl::Time at) const {
  std::array<const Group*, kPrefixDigitsMax + 1> matches;
  size_t match_count = 0;
  const Node* node = &nodes_[static_cast<size_t>(item)];
  for (size_t depth = 0; node != nullptr; ++depth) {
    if (node->group.row_count > 0) matches[match_count++] = &node->group;
    node = depth < digits.size() ? Child(*node, digits[depth]) : nullptr;
  }
  while (match_count > 0) {
    const RateRow* const row = EffectiveRow(*matches[--match_count], at);
    if (row != nullptr) return row;
  }
  return nullptr;
}

const RateRow* RateDeck::Lookup(Item item, absl::string_view destination, absl::Time at) const {
  const bool international = absl::ConsumePrefix(&destination, "+");
  const auto& exact = exact_[static_cast<size_t>(item)];
  if (const auto found = exact.find(destination); found != exact.end()) {
    const RateRow* const row = EffectiveRow(found->second, at);
    if (row != nullptr) return row;
  }
  const bool is_number =
      IsDigits(destination) && (international || destination.size() > kShortCodeDigitsMax);
  return LookupNumber(item, is_number ? destination : "", at);
}

const RateRow* RateDeck::Row(uint32_t ordinal) const {
  return ordinal < rows_.size() ? rows_[ordinal] : nullptr;
}

std::vector<const RateRow*> RateDeck::Page(const Filter& filter, uint32_t first_ordinal,
                                           size_t rows_max) const {
  std::vector<const RateRow*> page;
  for (const Item item : kItems) {
    if (filter.item.has_value() && *filter.item != item) continue;
    const uint32_t begin = LowerBound(item, filter.prefix);
    const uint32_t end = EndOfPrefix(begin, filter.prefix, EndOfItem(item));
    for (uint32_t row = std::max(begin, first_ordinal); row < end; ++row) {
      if (page.size() == rows_max) return page;
      page.push_back(rows_[row]);
    }
  }
  return page;
}

// The first row of `item` whose prefix is not before `prefix`.
uint32_t RateDeck::LowerBound(Item item, absl::string_view prefix) const {
  const auto place = std::make_pair(item, prefix);
  const auto found =
      std::lower_bound(rows_.begin(), rows_.end(), place, [](const RateRow* row, const auto& key) {
        return std::make_pair(row->item, row->prefix) < key;
      });
  return static_cast<uint32_t>(found - rows_.begin());
}

uint32_t RateDeck::EndOfItem(Item item) const {
  const auto found = std::partition_point(rows_.begin(), rows_.end(),
                                          [item](const RateRow* row) { return row->item <= item; });
  return static_cast<uint32_t>(found - rows_.begin());
}

// The end of the rows in [begin, end) that begin with `prefix`, where `begin` is the first.
uint32_t RateDeck::EndOfPrefix(uint32_t begin, absl::string_view prefix, uint32_t end) const {
  const auto found = std::partition_point(
      rows_.begin() + begin, rows_.begin() + end,
      [prefix](const RateRow* row) { return absl::StartsWith(row->prefix, prefix); });
  return static_cast<uint32_t>(found - rows_.begin());
}

std::optional<FieldProblem> RateDeck::Builder::Add(const RateRow& row) {
  if (std::optional<FieldProblem> problem = FindProblem(row)) return problem;
  if (rows_.size() == kDeckRowsMax) {
    return FieldProblem{"item", absl::StrCat("a deck has at most ", kDeckRowsMax, " rates")};
  }
  RateRow* const kept = arena_.Keep(row);
  kept->prefix = arena_.KeepText(row.prefix);
  kept->description = arena_.KeepText(row.description);
  rows_.push_back(kept);
  return std::nullopt;
}

std::vector<PeriodOverlap> RateDeck::Builder::FindOverlaps() const {
  std::vector<PeriodOverlap> overlaps;
  const RateRow* longest = nullptr;  // Of the rates of this prefix, the one that ends last so far.
  for (const RateRow* row : rows_) {
    if (longest == nullptr || !SamePrefix(*longest, *row)) {
      longest = row;
      continue;
    }
    if (row->effective_from < longest->effective_to) {
      const auto [earlier, later] = std::minmax(row->line, longest->line);
      overlaps.push_back({.item = row->item,
                          .prefix = std::string(row->prefix),
                          .line = later,
                          .other_line = earlier});
    }
    if (row->effective_to > longest->effective_to) longest = row;
  }
  return overlaps;
}

RateDeck::Builder::Result RateDeck::Builder::Build() && {
  std::sort(rows_.begin(), rows_.end(), ComesBefore);
  Result result{.overlaps = FindOverlaps()};
  if (result.overlaps.empty()) {
    rows_.shrink_to_fit();
    result.deck.reset(new RateDeck(std::move(arena_), std::move(rows_)));
  }
  return result;
}

}  // namespace farebox::rating
