#include "server/rating/tariff.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/strings/str_cat.h"
#include "server/rating/limits.h"
#include "storage/check.h"

namespace farebox::rating {
namespace {

// Costs are summed in sixtieths of a nano: a rate of r nanos per minute costs exactly r of them a
// second. Seconds are at most 2^63 + 2^17 and rates below 2^60, so no product comes near 2^127.
using Int128 = __int128;
constexpr Int128 kSixtiethsPerMicro = 60'000;
constexpr Int128 kInt64Max = std::numeric_limits<int64_t>::max();

Int128 Sixtieths(Micros amount) { return Int128{amount.value()} * kSixtiethsPerMicro; }

// Of seconds `begin` to `end` of the billed time, those at the first rate and those at the second.
struct SplitSeconds {
  Int128 at_first_rate;
  Int128 at_second_rate;
};

SplitSeconds Split(const Tariff& tariff, Int128 begin, Int128 end) {
  if (tariff.rate_after_seconds == 0) return {end - begin, 0};
  const Int128 border = std::clamp(Int128{tariff.rate_after_seconds}, begin, end);
  return {border - begin, end - border};
}

Int128 CostOfBilled(const Tariff& tariff, Int128 billed_seconds) {
  const SplitSeconds split = Split(tariff, 0, billed_seconds);
  return Sixtieths(tariff.connect_fee) + split.at_first_rate * tariff.rate_nanos_per_minute +
         split.at_second_rate * tariff.rate_after_nanos_per_minute;
}

// The end of the block that second number `seconds` >= 1 is in.
Int128 EndOfBlock(const Tariff& tariff, int64_t seconds) {
  const Int128 initial = tariff.initial_increment_seconds;
  const Int128 increment = tariff.increment_seconds;
  if (seconds <= initial) return initial;
  return initial + (seconds - initial + increment - 1) / increment * increment;
}

std::optional<Micros> RoundedUp(Int128 sixtieths) {
  const Int128 micros = (sixtieths + kSixtiethsPerMicro - 1) / kSixtiethsPerMicro;
  if (micros > kInt64Max) return std::nullopt;
  return Micros(static_cast<int64_t>(micros));
}

// The most billed seconds that `purse` pays for, where it pays for some number but not for any:
// so the rate that is divided by is not zero.
Int128 AffordableBilledSeconds(const Tariff& tariff, Int128 purse) {
  const Int128 border = tariff.rate_after_seconds;
  const Int128 cost_at_border = CostOfBilled(tariff, border);
  if (border > 0 && cost_at_border <= purse) {
    return border + (purse - cost_at_border) / tariff.rate_after_nanos_per_minute;
  }
  return (purse - Sixtieths(tariff.connect_fee)) / tariff.rate_nanos_per_minute;
}

// The end of the last block that lies within `billed_seconds`, where at least the first does.
int64_t EndOfLastWholeBlock(const Tariff& tariff, Int128 billed_seconds) {
  const Int128 initial = tariff.initial_increment_seconds;
  const Int128 blocks = (billed_seconds - initial) / tariff.increment_seconds;
  return static_cast<int64_t>(initial + blocks * tariff.increment_seconds);
}

ExactAmount Exact(Int128 sixtieths) {
  return {Micros(static_cast<int64_t>(sixtieths / kSixtiethsPerMicro)),
          static_cast<int32_t>(sixtieths % kSixtiethsPerMicro)};
}

void AppendFee(PriceStep::Kind kind, Micros fee, std::vector<PriceStep>* steps) {
  if (!fee.is_zero()) steps->push_back({.kind = kind, .quantity = 1, .amount = {.whole = fee}});
}

void AppendBlocks(PriceStep::Kind kind, const SplitSeconds& seconds, const Tariff& tariff,
                  std::vector<PriceStep>* steps) {
  const auto append = [kind, steps](Int128 quantity, int64_t rate) {
    if (quantity == 0) return;
    steps->push_back({.kind = kind,
                      .quantity = static_cast<int64_t>(quantity),
                      .rate_nanos_per_minute = rate,
                      .amount = Exact(quantity * rate)});
  };
  append(seconds.at_first_rate, tariff.rate_nanos_per_minute);
  append(seconds.at_second_rate, tariff.rate_after_nanos_per_minute);
}

}  // namespace

std::optional<FieldProblem> FindProblem(const Tariff& tariff) {
  struct Range {
    absl::string_view field;
    int64_t value;
    int64_t min;
    int64_t max;
  };
  const std::array<Range, 8> ranges = {{
      {"connect_fee", tariff.connect_fee.value(), 0, kFeeMax.value()},
      {"attempt_fee", tariff.attempt_fee.value(), 0, kFeeMax.value()},
      {"rate_per_minute", tariff.rate_nanos_per_minute, 0, kRateNanosPerMinuteMax},
      {"initial_increment", tariff.initial_increment_seconds, 1, kIncrementSecondsMax},
      {"increment", tariff.increment_seconds, 1, kIncrementSecondsMax},
      {"rate_after_seconds", tariff.rate_after_seconds, 0, kRateAfterSecondsMax},
      {"rate_after_per_minute", tariff.rate_after_nanos_per_minute, 0, kRateNanosPerMinuteMax},
      {"unit_fee", tariff.unit_fee.value(), 0, kFeeMax.value()},
  }};
  for (const Range& range : ranges) {
    if (range.value < range.min) {
      return FieldProblem{range.field, absl::StrCat("must be at least ", range.min)};
    }
    if (range.value > range.max) return FieldProblem{range.field, "is too large"};
  }
  if (tariff.rate_after_seconds == 0 && tariff.rate_after_nanos_per_minute != 0) {
    return FieldProblem{"rate_after_per_minute", "needs rate_after_seconds"};
  }
  return std::nullopt;
}

std::optional<int64_t> BilledSeconds(const Tariff& tariff, int64_t seconds) {
  FAREBOX_CHECK(!FindProblem(tariff).has_value());
  if (seconds < 0) return std::nullopt;
  if (seconds == 0) return 0;
  const Int128 billed = EndOfBlock(tariff, seconds);
  if (billed > kInt64Max) return std::nullopt;
  return static_cast<int64_t>(billed);
}

std::optional<Micros> PriceOfCallRoundedUp(const Tariff& tariff, int64_t seconds) {
  FAREBOX_CHECK(!FindProblem(tariff).has_value());
  if (seconds < 0) return std::nullopt;
  if (seconds == 0) return tariff.attempt_fee;
  return RoundedUp(CostOfBilled(tariff, EndOfBlock(tariff, seconds)));
}

std::optional<Micros> PriceOfUnits(const Tariff& tariff, int64_t count) {
  FAREBOX_CHECK(!FindProblem(tariff).has_value());
  if (count < 0) return std::nullopt;
  const Int128 price = Int128{tariff.unit_fee.value()} * count;
  if (price > kInt64Max) return std::nullopt;
  return Micros(static_cast<int64_t>(price));
}

std::optional<Grant> LongestAffordable(const Tariff& tariff, Micros budget,
                                       int64_t requested_seconds) {
  FAREBOX_CHECK(!FindProblem(tariff).has_value());
  if (requested_seconds < 1) return std::nullopt;
  const Micros spendable = std::max(budget, Micros(0));
  if (tariff.attempt_fee > spendable) return std::nullopt;

  // A price rounded up to a micro is within the purse, which is whole micros, exactly where the
  // unrounded one is.
  const Int128 purse = Sixtieths(spendable);
  int64_t seconds = requested_seconds;
  if (CostOfBilled(tariff, EndOfBlock(tariff, requested_seconds)) > purse) {
    if (CostOfBilled(tariff, tariff.initial_increment_seconds) > purse) return std::nullopt;
    seconds = EndOfLastWholeBlock(tariff, AffordableBilledSeconds(tariff, purse));
  }
  const std::optional<Micros> price = RoundedUp(CostOfBilled(tariff, EndOfBlock(tariff, seconds)));
  FAREBOX_CHECK(price.has_value() && *price <= spendable);
  return Grant{.seconds = seconds,
               .amount = std::max(*price, tariff.attempt_fee),
               .limited = seconds < requested_seconds};
}

std::optional<std::vector<PriceStep>> ExplainPriceOfCall(const Tariff& tariff, int64_t seconds) {
  const std::optional<Micros> price = PriceOfCallRoundedUp(tariff, seconds);
  const std::optional<int64_t> billed = BilledSeconds(tariff, seconds);
  if (!price.has_value() || !billed.has_value()) return std::nullopt;
  std::vector<PriceStep> steps;
  if (seconds == 0) {
    AppendFee(PriceStep::Kind::kAttemptFee, tariff.attempt_fee, &steps);
    return steps;
  }
  const Int128 initial = tariff.initial_increment_seconds;
  AppendFee(PriceStep::Kind::kConnectFee, tariff.connect_fee, &steps);
  AppendBlocks(PriceStep::Kind::kFirstBlock, Split(tariff, 0, initial), tariff, &steps);
  AppendBlocks(PriceStep::Kind::kNextBlocks, Split(tariff, initial, *billed), tariff, &steps);
  const Int128 rounding = Sixtieths(*price) - CostOfBilled(tariff, *billed);
  if (rounding != 0) {
    steps.push_back({.kind = PriceStep::Kind::kRounding, .amount = Exact(rounding)});
  }
  return steps;
}

std::optional<std::vector<PriceStep>> ExplainPriceOfUnits(const Tariff& tariff, int64_t count) {
  const std::optional<Micros> price = PriceOfUnits(tariff, count);
  if (!price.has_value()) return std::nullopt;
  return std::vector<PriceStep>{
      {.kind = PriceStep::Kind::kUnits, .quantity = count, .amount = {.whole = *price}}};
}

}  // namespace farebox::rating
