#ifndef FAREBOX_TESTS_RATING_ORACLE_TARIFF_H_
#define FAREBOX_TESTS_RATING_ORACLE_TARIFF_H_

#include "server/rating/tariff.h"
#include "tests/support/price_oracle.h"

namespace farebox::rating {

// `tariff` as the oracle wants it.
inline price_oracle::CallPrice OracleOf(const Tariff& tariff) {
  return {.connect_fee_micros = tariff.connect_fee.value(),
          .attempt_fee_micros = tariff.attempt_fee.value(),
          .rate_nanos_per_minute = tariff.rate_nanos_per_minute,
          .initial_increment_seconds = tariff.initial_increment_seconds,
          .increment_seconds = tariff.increment_seconds,
          .rate_after_seconds = tariff.rate_after_seconds,
          .rate_after_nanos_per_minute = tariff.rate_after_nanos_per_minute};
}

}  // namespace farebox::rating

#endif  // FAREBOX_TESTS_RATING_ORACLE_TARIFF_H_
