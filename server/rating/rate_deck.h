#ifndef FAREBOX_SERVER_RATING_RATE_DECK_H_
#define FAREBOX_SERVER_RATING_RATE_DECK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/rating/arena.h"
#include "server/rating/item.h"
#include "server/rating/tariff.h"

namespace farebox::rating {

// One rate of a deck: the tariff of an item for the destinations that begin with a prefix, while
// it is effective. In a deck, `prefix` and `description` belong to the deck.
struct RateRow {
  Item item = Item::kOutboundCall;

  // The digits of E.164 without plus sign. Empty: the default of the item, for every destination.
  // Or "exact:" and a destination that is matched as a whole, such as a short code or a SIP user.
  absl::string_view prefix;

  absl::string_view description;
  absl::Time effective_from = absl::InfinitePast();
  absl::Time effective_to = absl::InfiniteFuture();  // The first moment it is not effective.
  Tariff tariff;
  uint32_t line = 0;     // In the file it came from; 0 where it came from none.
  uint32_t ordinal = 0;  // Its place in the deck, the same for the same rates in any order.
};

// The first thing that is wrong with `row`, or nothing: the fields one by one, a period that is
// empty, a fee that the item never charges (and so would be lost).
std::optional<FieldProblem> FindProblem(const RateRow& row);

// Two rates of one item and prefix that are effective at the same time.
struct PeriodOverlap {
  Item item = Item::kOutboundCall;
  std::string prefix;
  uint32_t line = 0;        // Of the rate that comes later in the file,
  uint32_t other_line = 0;  // and of the earlier one.
};

// A set of rates, immutable once built, sorted by item, prefix and period. Thread-safe.
//
// Which rate a destination gets:
// 1. A leading plus sign is dropped. What is then all digits is a number, unless there was no plus
//    sign and it has at most kShortCodeDigitsMax digits: that is a short code.
// 2. An exact rate for the destination is taken before any prefix.
// 3. A number gets the longest prefix of the item that has a tariff effective at that time.
// 4. Whatever got none gets the rate with the empty prefix, if the item has one.
class RateDeck {
 public:
  class Builder;

  // Narrows a listing. The default keeps all.
  struct Filter {
    std::optional<Item> item;
    absl::string_view prefix;  // Rates whose prefix begins with this.
  };

  RateDeck(const RateDeck&) = delete;
  RateDeck& operator=(const RateDeck&) = delete;

  // The rate for `destination` at the time `at`, or null where the deck has none. It lives as long
  // as the deck. Takes time in proportion to the digits of the destination.
  const RateRow* Lookup(Item item, absl::string_view destination, absl::Time at) const;

  size_t size() const { return rows_.size(); }

  // The rate with this ordinal, or null where there is none.
  const RateRow* Row(uint32_t ordinal) const;

  // Up to `rows_max` rates that pass `filter`, in order, beginning with the first whose ordinal is
  // at least `first_ordinal`. The next page begins after the last one's ordinal.
  std::vector<const RateRow*> Page(const Filter& filter, uint32_t first_ordinal,
                                   size_t rows_max) const;

 private:
  // The rows of one item and prefix, in the order of their periods.
  struct Group {
    uint32_t first_row = 0;
    uint32_t row_count = 0;
  };

  // A place in the tree of digits. Its children lie next to each other, in the order of digits.
  struct Node {
    uint32_t first_child = 0;
    uint32_t child_digits = 0;  // Bit d: there is a child for digit d.
    Group group;                // Of the prefix that ends here; may be empty.
  };

  // Rows [begin, end), which share the first `depth` digits, are to hang below `node`.
  struct Branch {
    uint32_t node;
    uint32_t begin;
    uint32_t end;
    size_t depth;
  };

  RateDeck(Arena arena, std::vector<RateRow*> sorted_rows);

  uint32_t LowerBound(Item item, absl::string_view prefix) const;
  uint32_t EndOfItem(Item item) const;
  uint32_t EndOfPrefix(uint32_t begin, absl::string_view prefix, uint32_t end) const;
  void IndexExact(Item item, uint32_t begin, uint32_t end);
  void ReserveNodes();
  void Grow(const Branch& branch, std::vector<Branch>* branches);
  const Node* Child(const Node& node, char digit) const;
  const RateRow* EffectiveRow(const Group& group, absl::Time at) const;
  const RateRow* LookupNumber(Item item, absl::string_view digits, absl::Time at) const;

  // Constant after construction.
  Arena arena_;  // Holds the rows and their texts.
  std::vector<RateRow*> rows_;
  std::vector<Node> nodes_;  // The first kItems.size() are the roots.
  std::array<absl::flat_hash_map<absl::string_view, Group>, kItems.size()> exact_;
};

// Gathers rates and makes a deck of them. Thread-compatible.
class RateDeck::Builder {
 public:
  // Either a deck, or what is in its way.
  struct Result {
    std::shared_ptr<const RateDeck> deck;  // Null where there are overlaps.
    std::vector<PeriodOverlap> overlaps;   // By item and prefix.
  };

  // Takes a copy of `row`, whose ordinal is ignored. Where it has a problem, returns that and
  // takes nothing.
  std::optional<FieldProblem> Add(const RateRow& row);

  size_t size() const { return rows_.size(); }

  // Ends the builder's life.
  Result Build() &&;

 private:
  std::vector<PeriodOverlap> FindOverlaps() const;

  // Where a vector of rows would take twice their memory while it grows, the arena wastes little.
  Arena arena_;
  std::vector<RateRow*> rows_;
};

}  // namespace farebox::rating

#endif  // FAREBOX_SERVER_RATING_RATE_DECK_H_
