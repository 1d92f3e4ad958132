#include "server/base/call_rates.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/limits.h"

namespace farebox::server {
namespace {

constexpr int64_t kSecondNanos = 1'000'000'000;

std::array<uint64_t, 2> RandomSeeds() {
  absl::BitGen random;
  return {absl::Uniform<uint64_t>(random), absl::Uniform<uint64_t>(random)};
}

}  // namespace

absl::StatusOr<CallRate> ParseCallRate(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  CallRate rate;
  const auto is_number = [](absl::string_view part, int32_t* number) {
    return absl::SimpleAtoi(part, number) && *number >= 1 && *number <= limits::kCallRateMax;
  };
  if (parts.size() > 2 || !is_number(parts[0], &rate.per_second) ||
      !is_number(parts.back(), &rate.burst)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not CALLS-A-SECOND or CALLS-A-SECOND:BURST, each 1 to ",
                     limits::kCallRateMax));
  }
  return rate;
}

// ---- Buckets

Filling::Filling(const CallRate& rate, int64_t owed_max)
    : token_nanos(rate.is_limited() ? kSecondNanos / rate.per_second : 0),
      burst(rate.burst),
      full_in_nanos_max((burst + owed_max) * token_nanos) {}

absl::Duration TokenBucket::WaitAt(const Filling& filling, absl::Time now, int64_t further) const {
  const int64_t full_in = full_at_nanos_.load(std::memory_order_relaxed) - absl::ToUnixNanos(now);
  if (full_in > filling.full_in_nanos_max) return absl::ZeroDuration();
  const int64_t lacking = full_in - (filling.burst + further - 1) * filling.token_nanos;
  return absl::Nanoseconds(std::max(lacking, int64_t{0}));
}

void TokenBucket::Take(const Filling& filling, absl::Time now, int64_t tokens) {
  const int64_t now_nanos = absl::ToUnixNanos(now);
  const int64_t latest = now_nanos + filling.full_in_nanos_max;
  int64_t full_at = full_at_nanos_.load(std::memory_order_relaxed);
  int64_t next = 0;
  do {
    const int64_t from = full_at > latest ? now_nanos : std::max(full_at, now_nanos);
    next = std::min(from + tokens * filling.token_nanos, latest);
  } while (!full_at_nanos_.compare_exchange_weak(full_at, next, std::memory_order_relaxed));
}

// ---- CallerRate

CallerRate::CallerRate(const CallRate& rate)
    : filling_(rate, rate.burst + static_cast<int64_t>(limits::kSubmittedCommandsMax)) {}

absl::Duration CallerRate::Take(absl::Time now, int64_t operations, bool is_ending) {
  const absl::Duration wait = bucket_.WaitAt(filling_, now, is_ending ? filling_.burst : 0);
  if (wait == absl::ZeroDuration()) bucket_.Take(filling_, now, operations);
  return wait;
}

// ---- AccountRates

AccountRates::AccountRates(const CallRate& rate)
    : is_limited_(rate.is_limited()), filling_(rate, rate.burst), seeds_(RandomSeeds()) {
  if (!is_limited_) return;
  for (std::vector<TokenBucket>& row : rows_) row = std::vector<TokenBucket>(kBuckets);
}

AccountRates::Pair AccountRates::BucketsOf(absl::string_view account_id) {
  Pair pair;
  for (size_t i = 0; i < kRows; ++i) {
    pair[i] = &rows_[i][absl::HashOf(seeds_[i], account_id) % kBuckets];
  }
  return pair;
}

absl::Duration AccountRates::Take(absl::string_view account_id, absl::Time now) {
  if (!is_limited_) return absl::ZeroDuration();
  const Pair buckets = BucketsOf(account_id);
  const absl::Duration wait =
      std::min(buckets[0]->WaitAt(filling_, now), buckets[1]->WaitAt(filling_, now));
  if (wait > absl::ZeroDuration()) return wait;
  for (TokenBucket* const bucket : buckets) bucket->Take(filling_, now, 1);
  return absl::ZeroDuration();
}

}  // namespace farebox::server
