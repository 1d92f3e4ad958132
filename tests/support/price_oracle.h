#ifndef FAREBOX_TESTS_SUPPORT_PRICE_ORACLE_H_
#define FAREBOX_TESTS_SUPPORT_PRICE_ORACLE_H_

#include <cstdint>
#include <optional>

// A second opinion on prices, which shares no code and no method with the server: it walks through
// a call block by block and adds up mixed numbers. Slow, and obviously right.
namespace farebox::price_oracle {

// How calls are priced, in the words of the public API.
struct CallPrice {
  int64_t connect_fee_micros = 0;
  int64_t attempt_fee_micros = 0;
  int64_t rate_nanos_per_minute = 0;
  int64_t initial_increment_seconds = 1;
  int64_t increment_seconds = 1;
  int64_t rate_after_seconds = 0;  // 0: there is no second rate.
  int64_t rate_after_nanos_per_minute = 0;
};

// What a call of `seconds` costs; of 0 seconds, one that was never answered. Nothing where that is
// more than an int64_t holds.
std::optional<int64_t> PriceOfCallMicros(const CallPrice& price, int64_t seconds);

// The most seconds up to `requested_seconds` whose price, and the attempt fee, `budget_micros`
// pays for; 0 where it pays for none. Less than nothing pays for what is free.
int64_t LongestAffordableSeconds(const CallPrice& price, int64_t budget_micros,
                                 int64_t requested_seconds);

}  // namespace farebox::price_oracle

#endif  // FAREBOX_TESTS_SUPPORT_PRICE_ORACLE_H_
