#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/recharge/payment_gateway.h"
#include "server/recharge/webhook_signature.h"
#include "storage/clock.h"
#include "tests/server/recharge/provider_fixture.h"

// What every payment gateway keeps, whoever is behind it.
namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

struct Maker {
  const char* name;
  std::unique_ptr<Provider> (*make)(Clock*);
};

class PaymentGatewayContract : public ::testing::TestWithParam<Maker> {
 protected:
  PaymentGateway& gateway() { return provider_->gateway(); }

  CardCharge Find(const std::string& attempt_id, const std::string& payment_id = "") {
    return gateway().FindCharge({.attempt_id = attempt_id, .payment_id = payment_id});
  }
  CardCharge Cancel(const std::string& attempt_id, const std::string& payment_id = "") {
    return gateway().CancelCharge({.attempt_id = attempt_id, .payment_id = payment_id});
  }

  // A registered card of `account`.
  ProviderCard Register(const std::string& account, const std::string& token) {
    const absl::StatusOr<CardSetup> setup =
        gateway().StartCardSetup(account, "", "https://farebox.example/cards");
    EXPECT_THAT(setup, IsOk());
    provider_->EnterCard(setup->setup_id, token);
    return *gateway().CompleteCardSetup(account, setup->setup_id);
  }

  ManualClock clock_{absl::FromUnixSeconds(1'790'000'000)};
  std::unique_ptr<Provider> provider_ = GetParam().make(&clock_);
};

TEST_P(PaymentGatewayContract, AnApprovedCardIsChargedExactly) {
  const CardCharge charge = gateway().TakeCharge(RequestFor("a-1"));

  EXPECT_THAT(charge, IsIn(ChargeState::kCharged));
  EXPECT_EQ(charge.amount, Micros(20'000'000));
  EXPECT_EQ(charge.currency_code, "EUR");
  EXPECT_THAT(charge.payment_id, Not(IsEmpty()));
  EXPECT_THAT(charge.decline_code, IsEmpty());
}

TEST_P(PaymentGatewayContract, ADeclineSaysWhyAndTakesNothing) {
  const struct {
    const char* token;
    const char* code;
  } kRows[] = {
      {"pm_card_chargeDeclined", "generic_decline"},
      {"pm_card_visa_chargeDeclined", "generic_decline"},
      {"pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"},
      {"pm_card_chargeDeclinedLostCard", "lost_card"},
      {"pm_card_chargeDeclinedStolenCard", "stolen_card"},
      {"pm_card_chargeDeclinedExpiredCard", "expired_card"},
      {"pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"},
      {"pm_card_chargeDeclinedProcessingError", "processing_error"},
      {"pm_card_chargeDeclinedVelocityLimitExceeded", "card_velocity_exceeded"},
  };
  for (const auto& row : kRows) {
    const CardCharge charge = gateway().TakeCharge(RequestFor(row.token, row.token));

    EXPECT_THAT(charge, IsIn(ChargeState::kDeclined)) << row.token;
    EXPECT_EQ(charge.decline_code, row.code) << row.token;
  }
  EXPECT_THAT(AllCharges(gateway()), IsEmpty());
}

TEST_P(PaymentGatewayContract, TheSameRequestIsChargedOnce) {
  const CardCharge first = gateway().TakeCharge(RequestFor("a-1"));
  const CardCharge second = gateway().TakeCharge(RequestFor("a-1"));

  EXPECT_THAT(second, IsIn(ChargeState::kCharged));
  EXPECT_EQ(second.payment_id, first.payment_id);
  EXPECT_THAT(AllCharges(gateway()), ElementsAre(Pair("a-1", 20'000'000)));
}

TEST_P(PaymentGatewayContract, ADeclineIsToldAgain) {
  const ChargeRequest request = RequestFor("a-1", "pm_card_chargeDeclinedLostCard");
  const CardCharge first = gateway().TakeCharge(request);
  const CardCharge second = gateway().TakeCharge(request);

  EXPECT_THAT(second, IsIn(ChargeState::kDeclined));
  EXPECT_EQ(second.decline_code, "lost_card");
  EXPECT_EQ(second.payment_id, first.payment_id);
}

TEST_P(PaymentGatewayContract, ALostAnswerIsToldByTheSameRequest) {
  const ChargeRequest request = RequestFor("a-1", "pm_card_answerLost");

  EXPECT_THAT(gateway().TakeCharge(request), IsIn(ChargeState::kUnknown));
  EXPECT_THAT(gateway().TakeCharge(request), IsIn(ChargeState::kCharged));
  EXPECT_THAT(AllCharges(gateway()), ElementsAre(Pair("a-1", 20'000'000)));
}

TEST_P(PaymentGatewayContract, ALostAnswerIsFoundByTheAttempt) {
  EXPECT_THAT(gateway().TakeCharge(RequestFor("a-1", "pm_card_answerLost")),
              IsIn(ChargeState::kUnknown));

  EXPECT_THAT(Find("a-1"), IsIn(ChargeState::kCharged));
}

TEST_P(PaymentGatewayContract, AnotherRequestUnderTheSameIdTakesNothing) {
  gateway().TakeCharge(RequestFor("a-1"));
  ChargeRequest other = RequestFor("a-1");
  other.amount = Micros(30'000'000);

  const CardCharge charge = gateway().TakeCharge(other);

  EXPECT_NE(charge.amount, other.amount);
  EXPECT_THAT(charge, Not(IsIn(ChargeState::kRejected))) << "there is a charge under this id";
  EXPECT_THAT(AllCharges(gateway()), ElementsAre(Pair("a-1", 20'000'000)));
}

TEST_P(PaymentGatewayContract, ManyAtOnceUnderOneIdAreChargedOnce) {
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      for (int round = 0; round < 10; ++round) {
        const std::string same = absl::StrCat("same-", round);
        const std::string own = absl::StrCat("own-", round, "-", i);
        EXPECT_THAT(gateway().TakeCharge(RequestFor(same)), IsIn(ChargeState::kCharged));
        EXPECT_THAT(gateway().TakeCharge(RequestFor(own)), IsIn(ChargeState::kCharged));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(AllCharges(gateway()).size(), 90u);
}

TEST_P(PaymentGatewayContract, AnAmountThatWouldBeRoundedIsRejected) {
  const struct {
    int64_t micros;
    const char* currency;
  } kRows[] = {{20'000'001, "EUR"}, {1'500'000, "JPY"},   {1'005'000, "KWD"}, {0, "EUR"},
               {-1'000'000, "EUR"}, {20'000'000, "EURO"}, {20'000'000, ""},   {20'000'000, "UGX"}};
  for (const auto& row : kRows) {
    ChargeRequest request = RequestFor("a-1");
    request.amount = Micros(row.micros);
    request.currency_code = row.currency;

    EXPECT_THAT(gateway().TakeCharge(request), IsIn(ChargeState::kRejected))
        << row.micros << " " << row.currency;
  }
  EXPECT_THAT(AllCharges(gateway()), IsEmpty());
}

TEST_P(PaymentGatewayContract, LessThanTheLeastChargeIsRejected) {
  ChargeRequest request = RequestFor("a-1");
  request.amount = Micros(490'000);
  EXPECT_THAT(gateway().TakeCharge(request), IsIn(ChargeState::kRejected));

  request = RequestFor("a-2");
  request.amount = Micros(500'000);
  EXPECT_THAT(gateway().TakeCharge(request), IsIn(ChargeState::kCharged));
}

TEST_P(PaymentGatewayContract, CurrenciesWithOtherUnitsAreChargedExactly) {
  const struct {
    int64_t micros;
    const char* currency;
  } kRows[] = {{500'000'000, "JPY"}, {1'230'000, "KWD"}, {1'010'000, "USD"}, {7'000'000, "ISK"}};
  for (const auto& row : kRows) {
    ChargeRequest request = RequestFor(row.currency);
    request.amount = Micros(row.micros);
    request.currency_code = row.currency;

    const CardCharge charge = gateway().TakeCharge(request);

    EXPECT_THAT(charge, IsIn(ChargeState::kCharged)) << row.currency;
    EXPECT_EQ(charge.amount, Micros(row.micros)) << row.currency;
    EXPECT_EQ(charge.currency_code, row.currency);
  }
}

TEST_P(PaymentGatewayContract, AMalformedAttemptIdIsRejected) {
  for (const std::string& id : {std::string(), std::string(201, 'a'), std::string("a b"),
                                std::string("a\r\nX: y"), std::string("a\0b", 3)}) {
    EXPECT_THAT(gateway().TakeCharge(RequestFor(id)), IsIn(ChargeState::kRejected)) << id;
  }
}

TEST_P(PaymentGatewayContract, ACardThatIsNotThereIsRejected) {
  EXPECT_THAT(gateway().TakeCharge(RequestFor("a-1", "pm_no_such_card")),
              IsIn(ChargeState::kRejected));
}

TEST_P(PaymentGatewayContract, WhatWasNeverDeliveredIsAbsent) {
  gateway().TakeCharge(RequestFor("a-1"));

  EXPECT_THAT(Find("a-2"), IsIn(ChargeState::kAbsent));
  EXPECT_THAT(Cancel("a-2"), IsIn(ChargeState::kAbsent));
}

TEST_P(PaymentGatewayContract, AChargeIsFoundAmongOthers) {
  for (const std::string id : {"a-1", "a-2", "a-3", "a-4", "a-5"}) {
    gateway().TakeCharge(RequestFor(id));
  }
  gateway().TakeCharge(RequestFor("a-6", "pm_card_chargeDeclinedLostCard"));

  EXPECT_THAT(Find("a-1"), IsIn(ChargeState::kCharged));
  EXPECT_THAT(Find("a-6"), IsIn(ChargeState::kDeclined));
  EXPECT_EQ(Find("a-1").payment_id, gateway().TakeCharge(RequestFor("a-1")).payment_id);
}

TEST_P(PaymentGatewayContract, AChargeIsFoundForItsOwnAccountOnly) {
  const ChargeRequest request = RequestFor("a-1");
  gateway().TakeCharge(request);

  EXPECT_THAT(gateway().FindCharge({.attempt_id = "a-1", .account_id = request.account_id}),
              IsIn(ChargeState::kCharged));
  EXPECT_THAT(gateway().FindCharge({.attempt_id = "a-1", .account_id = "another"}),
              IsIn(ChargeState::kAbsent));
}

TEST_P(PaymentGatewayContract, AnotherAttemptsPaymentProvesNothing) {
  const std::string payment_id = gateway().TakeCharge(RequestFor("a-1")).payment_id;

  EXPECT_THAT(Find("a-1", payment_id), IsIn(ChargeState::kCharged));
  EXPECT_THAT(Find("a-2", payment_id), IsIn(ChargeState::kUnknown));
  EXPECT_THAT(Find("a-1", "pi_that_is_not_there"), IsIn(ChargeState::kUnknown));
  EXPECT_THAT(Find("a-1", "../payment_intents"), IsIn(ChargeState::kUnknown));
}

TEST_P(PaymentGatewayContract, AChargeThatWaitsForTheCustomerHasAPage) {
  const ChargeRequest request = RequestFor("a-1", "pm_card_authenticationRequired");
  const CardCharge charge = gateway().TakeCharge(request);

  EXPECT_THAT(charge, IsIn(ChargeState::kActionRequired));
  EXPECT_THAT(charge.action_url, StartsWith("https://"));
  EXPECT_THAT(AllCharges(gateway()), IsEmpty());
  EXPECT_THAT(Find("a-1"), IsIn(ChargeState::kActionRequired));

  provider_->Confirm(charge.payment_id);

  EXPECT_THAT(Find("a-1", charge.payment_id), IsIn(ChargeState::kCharged));
  EXPECT_THAT(gateway().TakeCharge(request), IsIn(ChargeState::kCharged));
  EXPECT_THAT(AllCharges(gateway()), ElementsAre(Pair("a-1", 20'000'000)));
}

TEST_P(PaymentGatewayContract, AChargeThatWaitsCanBeGivenUp) {
  const std::string payment_id =
      gateway().TakeCharge(RequestFor("a-1", "pm_card_authenticationRequired")).payment_id;

  const CardCharge cancelled = Cancel("a-1");

  EXPECT_THAT(cancelled, IsIn(ChargeState::kDeclined));
  EXPECT_EQ(cancelled.decline_code, kCancelledCode);
  EXPECT_EQ(Cancel("a-1", payment_id).decline_code, kCancelledCode) << "a second time";
  EXPECT_EQ(Find("a-1").decline_code, kCancelledCode);
}

TEST_P(PaymentGatewayContract, WhatWasChargedIsNotGivenUp) {
  gateway().TakeCharge(RequestFor("a-1"));

  EXPECT_THAT(Cancel("a-1"), IsIn(ChargeState::kCharged));
  EXPECT_THAT(Find("a-1"), IsIn(ChargeState::kCharged));
}

TEST_P(PaymentGatewayContract, ARefundIsPaidOnce) {
  const std::string payment_id = gateway().TakeCharge(RequestFor("a-1")).payment_id;
  RefundRequest refund = {.refund_id = "r-1",
                          .payment_id = payment_id,
                          .amount = Micros(15'000'000),
                          .currency_code = "EUR"};

  EXPECT_THAT(gateway().Refund(refund), IsOk());
  EXPECT_THAT(gateway().Refund(refund), IsOk());
  refund.refund_id = "r-2";
  EXPECT_THAT(gateway().Refund(refund), HasCode(absl::StatusCode::kFailedPrecondition))
      << "5.00 are left";
  refund.refund_id = "r-3";
  refund.amount = Micros(5'000'000);
  EXPECT_THAT(gateway().Refund(refund), IsOk());
  refund.refund_id = "r-4";
  EXPECT_THAT(gateway().Refund(refund), HasCode(absl::StatusCode::kAlreadyExists))
      << "all of it went back before";
}

TEST_P(PaymentGatewayContract, ARefundThatCannotBeIsRefused) {
  const std::string payment_id = gateway().TakeCharge(RequestFor("a-1")).payment_id;
  const RefundRequest good = {.refund_id = "r-1",
                              .payment_id = payment_id,
                              .amount = Micros(1'000'000),
                              .currency_code = "EUR"};
  RefundRequest fraction = good;
  fraction.amount = Micros(1);
  RefundRequest nameless = good;
  nameless.refund_id = "";
  RefundRequest crooked = good;
  crooked.payment_id = "../customers";

  for (const RefundRequest& refund : {fraction, nameless, crooked}) {
    EXPECT_THAT(gateway().Refund(refund), HasCode(absl::StatusCode::kFailedPrecondition));
  }
  // A key of an attempt's is not a refund's.
  RefundRequest same_name = good;
  same_name.refund_id = "a-1";
  EXPECT_THAT(gateway().Refund(same_name), IsOk());
}

TEST_P(PaymentGatewayContract, AnEnteredCardIsToldWithoutItsNumber) {
  const absl::StatusOr<CardSetup> setup =
      gateway().StartCardSetup("acme", "", "https://farebox.example/cards?a=1");
  ASSERT_THAT(setup, IsOk());
  EXPECT_THAT(setup->url, StartsWith("https://"));
  EXPECT_THAT(gateway().CompleteCardSetup("acme", setup->setup_id),
              HasCode(absl::StatusCode::kFailedPrecondition))
      << "nobody has entered one yet";

  provider_->EnterCard(setup->setup_id, "pm_card_visa");
  const absl::StatusOr<ProviderCard> card = gateway().CompleteCardSetup("acme", setup->setup_id);

  ASSERT_THAT(card, IsOk());
  EXPECT_EQ(card->brand, "visa");
  EXPECT_EQ(card->last_four, "4242");
  EXPECT_EQ(card->expiry_month, 12);
  EXPECT_EQ(card->expiry_year, 2040);
  EXPECT_EQ(card->customer, setup->customer);
  EXPECT_EQ(*gateway().CompleteCardSetup("acme", setup->setup_id), *card) << "a second time";
}

TEST_P(PaymentGatewayContract, AnotherAccountsSetupIsNotFound) {
  const absl::StatusOr<CardSetup> setup = gateway().StartCardSetup("acme", "", "https://f.example");
  provider_->EnterCard(setup->setup_id, "pm_card_visa");

  for (const std::string& id : {setup->setup_id, std::string("cs_none"), std::string("../x")}) {
    EXPECT_THAT(gateway().CompleteCardSetup("umbrella", id), HasCode(absl::StatusCode::kNotFound));
  }
}

TEST_P(PaymentGatewayContract, ACustomerIsKeptForTheNextCard) {
  const absl::StatusOr<CardSetup> first = gateway().StartCardSetup("acme", "", "https://f.example");
  const absl::StatusOr<CardSetup> again = gateway().StartCardSetup("acme", "", "https://f.example");
  const absl::StatusOr<CardSetup> named =
      gateway().StartCardSetup("acme", "cus_mine", "https://f.example");
  const absl::StatusOr<CardSetup> other =
      gateway().StartCardSetup("umbrella", "", "https://f.example");

  EXPECT_EQ(again->customer, first->customer);
  EXPECT_EQ(named->customer, "cus_mine");
  EXPECT_NE(other->customer, first->customer);
}

TEST_P(PaymentGatewayContract, ARegisteredCardPaysForItsCustomerOnly) {
  ChargeRequest request = RequestFor("a-1");
  request.card = Register("acme", "pm_card_visa");
  EXPECT_THAT(gateway().TakeCharge(request), IsIn(ChargeState::kCharged));

  request.attempt_id = "a-2";
  request.card.customer = "cus_of_somebody_else";
  EXPECT_THAT(gateway().TakeCharge(request), IsIn(ChargeState::kRejected));
}

TEST_P(PaymentGatewayContract, ADetachedCardPaysNoMore) {
  ChargeRequest request = RequestFor("a-1");
  request.card = Register("acme", "pm_card_visa");

  EXPECT_THAT(gateway().DetachCard(request.card), IsOk());
  EXPECT_THAT(gateway().DetachCard(request.card), IsOk()) << "a second time";

  EXPECT_THAT(gateway().TakeCharge(request), IsIn(ChargeState::kRejected));
  EXPECT_THAT(gateway().DetachCard({.token = "pm_none"}), IsOk());
  EXPECT_THAT(gateway().DetachCard({.token = "../customers"}),
              HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_P(PaymentGatewayContract, ADetachedCardIsNotEnteredAgainByItsOldSetup) {
  const absl::StatusOr<CardSetup> setup = gateway().StartCardSetup("acme", "", "https://f.example");
  provider_->EnterCard(setup->setup_id, "pm_card_visa");
  ASSERT_THAT(gateway().DetachCard(*gateway().CompleteCardSetup("acme", setup->setup_id)), IsOk());

  EXPECT_THAT(gateway().CompleteCardSetup("acme", setup->setup_id),
              HasCode(absl::StatusCode::kNotFound));
}

TEST_P(PaymentGatewayContract, AListHasWhatWasMadeInItsRange) {
  const absl::Time start = clock_.Now();
  for (const std::string id : {"a-0", "a-1", "a-2", "a-3"}) {
    gateway().TakeCharge(RequestFor(id));
    clock_.Advance(absl::Hours(1));
  }
  std::vector<std::string> ids;

  const absl::Status listed = gateway().ListCharges(
      start + absl::Hours(1), start + absl::Hours(3), [] { return true; },
      [&](absl::string_view attempt_id, const CardCharge&) { ids.emplace_back(attempt_id); });

  EXPECT_THAT(listed, IsOk());
  EXPECT_THAT(ids, ::testing::UnorderedElementsAre("a-1", "a-2"));
}

TEST_P(PaymentGatewayContract, OnlySignedEventsAreRead) {
  const std::string body =
      R"({"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"id":"pi_9",
          "object":"payment_intent","status":"succeeded","currency":"eur","amount_received":2000,
          "metadata":{"attempt_id":"a-1"}}}})";
  const std::string signature = SignWebhook(body, provider_->webhook_secret(), clock_.Now());

  const absl::StatusOr<PaymentEvent> event = gateway().ReadEvent(body, signature, clock_.Now());

  ASSERT_THAT(event, IsOk());
  EXPECT_EQ(event->kind, PaymentEvent::Kind::kCharge);
  EXPECT_EQ(event->event_id, "evt_1");
  EXPECT_EQ(event->attempt_id, "a-1");
  EXPECT_THAT(event->charge, IsIn(ChargeState::kCharged));
  EXPECT_EQ(event->charge.amount, Micros(20'000'000));
  EXPECT_THAT(gateway().ReadEvent(body + " ", signature, clock_.Now()),
              HasCode(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(gateway().ReadEvent(body, signature, clock_.Now() + absl::Minutes(6)),
              HasCode(absl::StatusCode::kUnauthenticated));
}

INSTANTIATE_TEST_SUITE_P(Providers, PaymentGatewayContract,
                         ::testing::Values(Maker{"Simulated", &MakeSimulatedProvider},
                                           Maker{"FakeStripe", &MakeFakeStripeProvider}),
                         [](const auto& maker) { return std::string(maker.param.name); });

}  // namespace
}  // namespace farebox::server
