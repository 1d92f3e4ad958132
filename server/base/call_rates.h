#ifndef FAREBOX_SERVER_BASE_CALL_RATES_H_
#define FAREBOX_SERVER_BASE_CALL_RATES_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace farebox::server {

// So many calls a second on average, and so many at once. No limit where `per_second` is 0.
struct CallRate {
  int32_t per_second = 0;
  int32_t burst = 0;

  bool is_limited() const { return per_second > 0; }
};

// "500", whose burst is as many, or "500:2000". InvalidArgument says what is wrong.
absl::StatusOr<CallRate> ParseCallRate(absl::string_view text);

// How a bucket of tokens fills.
struct Filling {
  // `owed_max` is how many tokens may be owed at most.
  Filling(const CallRate& rate, int64_t owed_max);

  int64_t token_nanos = 0;
  int64_t burst = 0;
  // How far in the future a bucket may be full again. One that says more was filled by a clock that
  // has been set back since, and is taken for full.
  int64_t full_in_nanos_max = 0;
};

// A bucket of tokens, kept as the time when it will be full again: one number, and a call costs one
// exchange of it. Thread-safe.
class TokenBucket {
 public:
  // Zero where there is a token at that time, otherwise how long until there is one. `further`
  // tokens may be owed.
  absl::Duration WaitAt(const Filling& filling, absl::Time now, int64_t further = 0) const;
  // Takes tokens, also those that are not there: they are owed.
  void Take(const Filling& filling, absl::Time now, int64_t tokens);

 private:
  // By the clock, in Unix nanoseconds.
  std::atomic<int64_t> full_at_nanos_{0};
};

// The rate of a caller: what each has of its own. Thread-safe.
class CallerRate {
 public:
  explicit CallerRate(const CallRate& rate);

  // Takes tokens for so many operations, where there is one; otherwise how long until there is.
  // What ends calls may go on for a burst further.
  absl::Duration Take(absl::Time now, int64_t operations, bool is_ending);

 private:
  const Filling filling_;
  TokenBucket bucket_;
};

// Null where there is no limit.
inline std::shared_ptr<CallerRate> MakeCallerRate(const CallRate& rate) {
  return rate.is_limited() ? std::make_shared<CallerRate>(rate) : nullptr;
}

// The same rate for each of any number of accounts, in bounded memory: every account has two
// buckets, chosen by its name, of a fixed number, and shares each with others. It is over its rate
// where both are empty: so never too late, and too early only where other accounts that are over
// theirs happen to share both. Thread-safe.
class AccountRates {
 public:
  explicit AccountRates(const CallRate& rate);

  // Takes a token, where there is one; otherwise how long until there is.
  absl::Duration Take(absl::string_view account_id, absl::Time now);

 private:
  // 16 bytes each: a megabyte.
  static constexpr size_t kBuckets = size_t{1} << 16;
  static constexpr size_t kRows = 2;
  using Pair = std::array<TokenBucket*, kRows>;

  Pair BucketsOf(absl::string_view account_id);

  // Constant after construction, but for the buckets, which synchronise themselves. No buckets
  // where there is no limit.
  const bool is_limited_;
  const Filling filling_;
  const std::array<uint64_t, kRows> seeds_;
  std::array<std::vector<TokenBucket>, kRows> rows_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_CALL_RATES_H_
