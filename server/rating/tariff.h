#ifndef FAREBOX_SERVER_RATING_TARIFF_H_
#define FAREBOX_SERVER_RATING_TARIFF_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "storage/micros.h"

namespace farebox::rating {

// How one item is priced for one destination.
//
// A call is billed in blocks: a first one of `initial_increment_seconds`, then as many of
// `increment_seconds` as cover what is left. With seconds s >= 1,
//
//   billed(s) = initial                                             where s <= initial
//             = initial + ceil((s - initial) / increment) * increment   otherwise
//   price(s)  = connect_fee + rate * billed(s), rounded up once, to a micro
//
// where the billed seconds after `rate_after_seconds` cost the second rate. A call that was never
// answered (0 seconds) costs `attempt_fee` and nothing else. The default is a free tariff.
struct Tariff {
  Micros connect_fee;  // Once for each answered call.
  Micros attempt_fee;  // Once for each call that is never answered.
  int64_t rate_nanos_per_minute = 0;
  int32_t initial_increment_seconds = 1;
  int32_t increment_seconds = 1;
  int32_t rate_after_seconds = 0;  // 0: there is no second rate.
  int64_t rate_after_nanos_per_minute = 0;
  Micros unit_fee;  // One text segment, one month of a phone number, one ring-through attempt.

  friend bool operator==(const Tariff&, const Tariff&) = default;
};

// What is wrong with a field of a tariff or a rate.
struct FieldProblem {
  absl::string_view field;  // Spelled as the column of a deck CSV; a literal.
  std::string why;
};

// The first field of `tariff` that is out of its range (see limits.h), or nothing. The functions
// below take only tariffs without a problem: whoever reads one from outside asks this first.
std::optional<FieldProblem> FindProblem(const Tariff& tariff);

// The seconds that a call of `seconds` is billed for; 0 for a call that was never answered.
// Nothing where `seconds` is negative or the sum does not fit.
std::optional<int64_t> BilledSeconds(const Tariff& tariff, int64_t seconds);

// The price of a whole call of `seconds`, exact but for one rounding up to a micro. A call that
// was never answered has 0 seconds and costs the attempt fee. From 1 second on, the price never
// falls as the call gets longer. Nothing where `seconds` is negative or the price does not fit.
std::optional<Micros> PriceOfCallRoundedUp(const Tariff& tariff, int64_t seconds);

// The price of `count` segments, months or attempts; exact. Nothing where `count` is negative or
// the price does not fit.
std::optional<Micros> PriceOfUnits(const Tariff& tariff, int64_t count);

// How long a call may last, and what must be set aside so that it can be paid.
struct Grant {
  int64_t seconds = 0;
  Micros amount;         // Covers the call up to `seconds`, and also the call that is not answered.
  bool limited = false;  // The budget pays for fewer seconds than were requested.

  friend bool operator==(const Grant&, const Grant&) = default;
};

// The longest use that `budget` pays for: the largest number of seconds up to `requested_seconds`
// whose price is within the budget. A limited grant therefore ends with a block.
//
// Nothing where not even the first block, or the attempt fee, is affordable, or where nothing is
// requested. What is free is granted whatever the budget, a negative one too. Takes the same time
// for any budget and any length.
std::optional<Grant> LongestAffordable(const Tariff& tariff, Micros budget,
                                       int64_t requested_seconds);

// An amount of money before it is rounded: whole + sixty_thousandths / 60,000 micros. A rate is in
// nanos per minute, so that a second of it is a multiple of 1/60 of a nano.
struct ExactAmount {
  Micros whole;
  int32_t sixty_thousandths = 0;  // 0 to 59,999.

  friend bool operator==(const ExactAmount&, const ExactAmount&) = default;
};

// One term of the sum that is a price.
struct PriceStep {
  enum class Kind {
    kAttemptFee,  // The call was never answered.
    kConnectFee,
    kFirstBlock,  // `quantity` billed seconds of the first block at `rate_nanos_per_minute`.
    kNextBlocks,  // The same for the blocks after the first.
    kUnits,       // `quantity` times the unit fee.
    kRounding,    // What is missing to the next whole micro.
  };

  Kind kind = Kind::kConnectFee;
  int64_t quantity = 0;
  int64_t rate_nanos_per_minute = 0;
  ExactAmount amount;

  friend bool operator==(const PriceStep&, const PriceStep&) = default;
};

// The terms of PriceOfCallRoundedUp, whose exact sum is the price. Fees and roundings of zero are
// left out, free seconds are not. Nothing where there is no price or the billed seconds do not fit.
std::optional<std::vector<PriceStep>> ExplainPriceOfCall(const Tariff& tariff, int64_t seconds);

// The same for PriceOfUnits.
std::optional<std::vector<PriceStep>> ExplainPriceOfUnits(const Tariff& tariff, int64_t count);

}  // namespace farebox::rating

#endif  // FAREBOX_SERVER_RATING_TARIFF_H_
