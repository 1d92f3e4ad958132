#include "server/services/hold_pricing.h"

#include <random>
#include <string>

#include "farebox/stored/v1/stored.pb.h"
#include "gtest/gtest.h"

namespace farebox::server {
namespace {

rating::Tariff PerMinute() {
  return {.rate_nanos_per_minute = 200'000'000,
          .initial_increment_seconds = 60,
          .increment_seconds = 60};
}

stored::v1::EntryDetail CallDetail(const rating::Tariff& tariff) {
  stored::v1::EntryDetail detail;
  detail.mutable_usage()->mutable_call()->set_to("+12025550123");
  detail.mutable_price()->set_connect_fee_micros(tariff.connect_fee.value());
  detail.mutable_price()->set_attempt_fee_micros(tariff.attempt_fee.value());
  detail.mutable_price()->set_rate_nanos_per_minute(tariff.rate_nanos_per_minute);
  detail.mutable_price()->set_initial_increment_seconds(tariff.initial_increment_seconds);
  detail.mutable_price()->set_increment_seconds(tariff.increment_seconds);
  return detail;
}

HoldRequest CallOf(int64_t seconds) {
  return {.tariff = PerMinute(),
          .requested_seconds = seconds,
          .detail = CallDetail(PerMinute()).SerializeAsString()};
}

stored::v1::EntryDetail DetailOf(const std::string& bytes) {
  stored::v1::EntryDetail detail;
  EXPECT_TRUE(detail.ParseFromString(bytes));
  return detail;
}

TEST(OfferHold, IsFinalWhereNotOneSecondMoreIsAffordable) {
  EXPECT_FALSE(OfferHold(CallOf(60), Micros(400'000)).final);
  EXPECT_TRUE(OfferHold(CallOf(60), Micros(399'999)).final);
  // Within a block that is paid already, one more second costs nothing.
  EXPECT_FALSE(OfferHold(CallOf(30), Micros(200'000)).final);
}

TEST(OfferHold, KeepsWhatWasMatchedAndWhatWasGranted) {
  const HoldOffer offer = OfferHold(CallOf(90), Micros(400'000));

  EXPECT_EQ(offer.amount, Micros(400'000));
  EXPECT_EQ(DetailOf(offer.detail).granted_seconds(), 90);
  EXPECT_EQ(DetailOf(offer.detail).usage().call().to(), "+12025550123");
  EXPECT_EQ(offer.lifetime, absl::Seconds(90 + 120));
}

TEST(OfferHold, LivesAsLongAsItIsTold) {
  HoldRequest request = CallOf(60);
  request.ttl_seconds = 7;
  EXPECT_EQ(OfferHold(request, Micros(200'000)).lifetime, absl::Seconds(7));
  EXPECT_EQ(OfferHold(CallOf(86'400), Micros::Max()).lifetime, absl::Hours(24));
}

TEST(OfferHold, TakesUnitsWholeOrNotAtAll) {
  const HoldRequest request = {.tariff = {.unit_fee = Micros(10)}, .units = 5};
  EXPECT_EQ(OfferHold(request, Micros(50)).amount, Micros(50));
  EXPECT_TRUE(OfferHold(request, Micros(99)).final);
  EXPECT_FALSE(OfferHold(request, Micros(100)).final);
  EXPECT_EQ(OfferHold(request, Micros(49)).refusal, Reason::kInsufficientBalance);
}

TEST(OfferExtension, CountsFromWhatWasGrantedOrUsedWhicheverIsMore) {
  stored::v1::EntryDetail detail = CallDetail(PerMinute());
  detail.set_granted_seconds(60);
  const Hold hold = {.amount = Micros(200'000), .detail = detail.SerializeAsString()};

  const HoldOffer early =
      *OfferExtension({.used_seconds = 50, .requested_seconds = 60}, Micros(1'000'000), hold);
  EXPECT_EQ(DetailOf(early.detail).granted_seconds(), 120);
  EXPECT_EQ(DetailOf(early.detail).held_micros(), 400'000);
  const HoldOffer late =
      *OfferExtension({.used_seconds = 100, .requested_seconds = 60}, Micros(1'000'000), hold);
  EXPECT_EQ(DetailOf(late.detail).granted_seconds(), 160);
  const HoldOffer poor =
      *OfferExtension({.used_seconds = 50, .requested_seconds = 60}, Micros(399'999), hold);
  EXPECT_EQ(poor.refusal, Reason::kInsufficientBalance);
}

TEST(OfferExtension, IsForCallsOnly) {
  stored::v1::EntryDetail detail;
  detail.mutable_usage()->mutable_text()->set_segments(1);
  const Hold hold = {.detail = detail.SerializeAsString()};

  EXPECT_EQ(GetReason(OfferExtension({.requested_seconds = 1}, Micros(1), hold).status()),
            Reason::kFieldInvalid);
}

TEST(PriceOfUse, IsRefusedByTheLedgerWhereItCannotBeKnown) {
  const Hold foreign = {.detail = "no detail of ours"};
  EXPECT_GT(PriceOfUse({.used_seconds = 1}, foreign).amount, limits::kAmountMax);
  EXPECT_GT(PriceOfRelease(foreign).amount, limits::kAmountMax);
}

TEST(PriceOfUse, IsOfTheWholeCallSoFarWhateverWasChargedBefore) {
  std::mt19937_64 random(20'260'101);
  for (int i = 0; i < 1'000; ++i) {
    rating::Tariff tariff = {
        .connect_fee = Micros(static_cast<int64_t>(random() % 100'000)),
        .rate_nanos_per_minute = static_cast<int64_t>(random() % 1'000'000'000),
        .initial_increment_seconds = 1 + static_cast<int32_t>(random() % 90),
        .increment_seconds = 1 + static_cast<int32_t>(random() % 90)};
    const Hold hold = {.detail = CallDetail(tariff).SerializeAsString()};
    const int64_t seconds = 1 + static_cast<int64_t>(random() % 7'200);

    const Charge interim = PriceOfUse({.used_seconds = seconds / 2 + 1, .final = false}, hold);
    const Charge end = PriceOfUse({.used_seconds = seconds, .final = true}, hold);

    EXPECT_EQ(end.amount, *rating::PriceOfCallRoundedUp(tariff, seconds));
    EXPECT_LE(interim.amount, *rating::PriceOfCallRoundedUp(tariff, seconds / 2 + 1));
    EXPECT_EQ(DetailOf(end.detail).billed_seconds(), *rating::BilledSeconds(tariff, seconds));
  }
}

TEST(ReauthorizeAfterSeconds, LeavesTimeToAskAndNeverAsksForNothing) {
  EXPECT_EQ(ReauthorizeAfterSeconds(600, false), 540);
  EXPECT_EQ(ReauthorizeAfterSeconds(60, false), 50);
  EXPECT_EQ(ReauthorizeAfterSeconds(8, false), 4);
  EXPECT_EQ(ReauthorizeAfterSeconds(1, false), 0);
  EXPECT_EQ(ReauthorizeAfterSeconds(600, true), 0);
}

}  // namespace
}  // namespace farebox::server
