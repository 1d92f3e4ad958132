#include "server/base/call_rates.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace farebox::server {
namespace {

constexpr absl::Duration kNone = absl::ZeroDuration();
const absl::Time kStart = absl::FromUnixSeconds(1'767'225'600);

TEST(ParseCallRate, ReadsARateAndABurst) {
  const absl::StatusOr<CallRate> plain = ParseCallRate("500");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->per_second, 500);
  EXPECT_EQ(plain->burst, 500);
  const absl::StatusOr<CallRate> both = ParseCallRate("10:2000");
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both->per_second, 10);
  EXPECT_EQ(both->burst, 2000);
}

TEST(ParseCallRate, RefusesWhatIsNone) {
  for (const char* const text :
       {"", "0", "-1", "1.5", "10:", ":10", "10:0", "1:2:3", "1000001", "10:1000001", "many"}) {
    EXPECT_FALSE(ParseCallRate(text).ok()) << text;
  }
}

TEST(CallerRate, LetsABurstInAndThenAsManyAsTheRate) {
  CallerRate rate({.per_second = 10, .burst = 3});

  for (int i = 0; i < 3; ++i) EXPECT_EQ(rate.Take(kStart, 1, false), kNone);
  EXPECT_EQ(rate.Take(kStart, 1, false), absl::Milliseconds(100));
  EXPECT_EQ(rate.Take(kStart + absl::Milliseconds(60), 1, false), absl::Milliseconds(40));
  EXPECT_EQ(rate.Take(kStart + absl::Milliseconds(100), 1, false), kNone);
  EXPECT_EQ(rate.Take(kStart + absl::Milliseconds(100), 1, false), absl::Milliseconds(100));
}

TEST(CallerRate, SavesUpNoMoreThanTheBurst) {
  CallerRate rate({.per_second = 10, .burst = 3});
  const absl::Time later = kStart + absl::Hours(1);

  ASSERT_EQ(rate.Take(kStart, 1, false), kNone);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rate.Take(later, 1, false), kNone);
  EXPECT_GT(rate.Take(later, 1, false), kNone);
}

TEST(CallerRate, ABatchIsPaidForAfterwards) {
  CallerRate rate({.per_second = 10, .burst = 3});

  EXPECT_EQ(rate.Take(kStart, 100, false), kNone);
  EXPECT_EQ(rate.Take(kStart, 1, false), absl::Seconds(9.8));
}

TEST(CallerRate, WhatEndsCallsMayGoOnForABurst) {
  CallerRate rate({.per_second = 10, .burst = 3});
  for (int i = 0; i < 3; ++i) ASSERT_EQ(rate.Take(kStart, 1, false), kNone);

  for (int i = 0; i < 3; ++i) EXPECT_EQ(rate.Take(kStart, 1, true), kNone);
  EXPECT_GT(rate.Take(kStart, 1, true), kNone);
}

TEST(CallerRate, AClockThatIsSetBackStopsNobody) {
  CallerRate rate({.per_second = 1'000, .burst = 3});
  for (int i = 0; i < 4; ++i) rate.Take(kStart, 1, false);

  const absl::Time before = kStart - absl::Hours(1);

  EXPECT_EQ(rate.Take(before, 1, false), kNone);
  EXPECT_EQ(rate.Take(before, 1, false), kNone);
  EXPECT_EQ(rate.Take(before, 1, false), kNone);
  EXPECT_GT(rate.Take(before, 1, false), kNone);
}

TEST(AccountRates, EachAccountHasItsOwn) {
  AccountRates rates({.per_second = 10, .burst = 2});

  for (int i = 0; i < 2; ++i) ASSERT_EQ(rates.Take("alice", kStart), kNone);
  EXPECT_EQ(rates.Take("alice", kStart), absl::Milliseconds(100));
  EXPECT_EQ(rates.Take("bob", kStart), kNone);
  EXPECT_EQ(rates.Take("alice", kStart + absl::Milliseconds(100)), kNone);
}

TEST(AccountRates, NoneIsNoLimit) {
  AccountRates rates({});

  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(rates.Take("alice", kStart), kNone);
}

// A thousand accounts that are over their rate empty both buckets of about one in four thousand.
TEST(AccountRates, AccountsThatAreOverTheirRateHardlyDisturbOthers) {
  AccountRates rates({.per_second = 1, .burst = 10});
  for (int i = 0; i < 1'000; ++i) {
    for (int j = 0; j < 20; ++j) rates.Take(absl::StrCat("hot-", i), kStart);
  }

  int disturbed = 0;
  for (int i = 0; i < 10'000; ++i) {
    if (rates.Take(absl::StrCat("calm-", i), kStart) > kNone) ++disturbed;
  }

  EXPECT_LT(disturbed, 100);
}

}  // namespace
}  // namespace farebox::server
