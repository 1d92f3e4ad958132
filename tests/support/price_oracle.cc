#include "tests/support/price_oracle.h"

#include <algorithm>
#include <limits>

namespace farebox::price_oracle {
namespace {

// micros + parts / 60,000: a second at one nano a minute is one part.
class MixedMicros {
 public:
  static constexpr int64_t kPartsPerMicro = 60'000;

  explicit MixedMicros(int64_t micros) : micros_(micros) {}

  void AddSecondsAt(int64_t nanos_per_minute, int64_t seconds) {
    const __int128 parts = static_cast<__int128>(nanos_per_minute) * seconds;
    micros_ += parts / kPartsPerMicro;
    parts_ += static_cast<int64_t>(parts % kPartsPerMicro);
    if (parts_ >= kPartsPerMicro) {
      micros_ += 1;
      parts_ -= kPartsPerMicro;
    }
  }

  __int128 RoundedUp() const { return parts_ > 0 ? micros_ + 1 : micros_; }

 private:
  __int128 micros_;
  int64_t parts_ = 0;
};

// A call that grows by one block at a time, beginning with the first.
class Meter {
 public:
  explicit Meter(const CallPrice& price) : price_(price), cost_(price.connect_fee_micros) {
    AddBlock(price.initial_increment_seconds);
  }

  void AddNextBlock() { AddBlock(price_.increment_seconds); }

  int64_t billed_seconds() const { return billed_seconds_; }
  __int128 price_micros() const { return cost_.RoundedUp(); }

 private:
  void AddBlock(int64_t seconds) {
    const int64_t before =
        price_.rate_after_seconds == 0
            ? seconds
            : std::clamp<int64_t>(price_.rate_after_seconds - billed_seconds_, 0, seconds);
    cost_.AddSecondsAt(price_.rate_nanos_per_minute, before);
    cost_.AddSecondsAt(price_.rate_after_nanos_per_minute, seconds - before);
    billed_seconds_ += seconds;
  }

  const CallPrice price_;
  MixedMicros cost_;
  int64_t billed_seconds_ = 0;
};

}  // namespace

std::optional<int64_t> PriceOfCallMicros(const CallPrice& price, int64_t seconds) {
  if (seconds == 0) return price.attempt_fee_micros;
  Meter meter(price);
  while (meter.billed_seconds() < seconds) meter.AddNextBlock();
  if (meter.price_micros() > std::numeric_limits<int64_t>::max()) return std::nullopt;
  return static_cast<int64_t>(meter.price_micros());
}

int64_t LongestAffordableSeconds(const CallPrice& price, int64_t budget_micros,
                                 int64_t requested_seconds) {
  const int64_t spendable = std::max<int64_t>(budget_micros, 0);
  if (price.attempt_fee_micros > spendable) return 0;
  int64_t affordable = 0;
  for (Meter meter(price); affordable < requested_seconds; meter.AddNextBlock()) {
    if (meter.price_micros() > spendable) break;
    affordable = meter.billed_seconds();
  }
  return std::min(affordable, requested_seconds);
}

}  // namespace farebox::price_oracle
