#include "server/recharge/stripe_gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "storage/clock.h"
#include "tests/server/recharge/fake_stripe.h"
#include "tests/server/recharge/provider_fixture.h"
#include "tests/support/temporary_directory.h"

// What StripeGateway makes of a bad network and of Stripe's own ways; what it has in common with
// every gateway is in payment_gateway_contract_test.cc.
namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using Ending = StubAnswer::Ending;

StubAnswer Replayed(StubAnswer answer) {
  answer.headers.emplace_back("Idempotent-Replayed: true");
  return answer;
}

StubAnswer ServersError() { return StripeError(500, "api_error", "Something went wrong"); }

StubAnswer WrongKey() { return StripeError(401, "invalid_request_error", "Invalid API Key"); }

// Answers that tell nothing about the charge.
std::vector<StubAnswer> BadAnswers() {
  return {
      ServersError(),
      StripeError(502, "api_error", ""),
      StripeError(409, "invalid_request_error", "Another request holds the key"),
      StripeError(429, "invalid_request_error", "Too many requests"),
      {.status = 503, .body = "<html>maintenance</html>"},
      {.status = 403, .body = "<html>blocked by a proxy</html>"},
      {.status = 402, .body = "<html>pay for your proxy</html>"},
      {.status = 302, .headers = {"Location: https://elsewhere.example/"}},
      {.status = 200, .body = "<html>welcome to the hotel</html>"},
      {.status = 200, .body = ""},
      {.status = 200, .body = R"({"id":"pi_1","object":"payment_intent","status":"succ)"},
      {.status = 200, .body = R"({"id":"pi_1","object":"list"})", .ending = Ending::kHalfTheBody},
      {.status = 200, .ending = Ending::kNothing},
  };
}

class StripeGatewayTest : public ::testing::Test {
 protected:
  std::vector<std::pair<std::string, int64_t>> Charges() { return AllCharges(*gateway_); }

  ManualClock clock_{absl::FromUnixSeconds(1'790'000'000)};
  FakeStripe stripe_{&clock_};
  std::unique_ptr<StripeGateway> gateway_ = *StripeGateway::Create(stripe_.GatewayOptions());
};

TEST_F(StripeGatewayTest, AChargeIsOneFormUnderTheAttemptsKey) {
  gateway_->TakeCharge(RequestFor("a-1"));

  const StubRequest request = stripe_.received().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/v1/payment_intents");
  EXPECT_EQ(request.Header("idempotency-key"), "a-1");
  EXPECT_EQ(request.Header("authorization"), absl::StrCat("Bearer ", kFakeStripeKey));
  EXPECT_EQ(request.Header("stripe-version"), StripeGateway::Options().api_version);
  EXPECT_EQ(request.Header("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.body,
            "amount=2000&currency=eur&customer=cus_acme&payment_method=pm_card_visa&"
            "payment_method_types%5B%5D=card&off_session=true&confirm=true&"
            "metadata%5Battempt_id%5D=a-1&metadata%5Baccount_id%5D=acme");
}

TEST_F(StripeGatewayTest, ARetryIsTheSameBytesUnderTheSameKey) {
  ChargeRequest request = RequestFor("a-1");
  stripe_.AnswerInstead(ServersError());
  stripe_.AnswerInstead({.body = "{}", .ending = Ending::kHalfTheBody});
  EXPECT_THAT(gateway_->TakeCharge(request), IsIn(ChargeState::kUnknown));
  request.maybe_delivered = true;
  EXPECT_THAT(gateway_->TakeCharge(request), IsIn(ChargeState::kUnknown));
  EXPECT_THAT(gateway_->TakeCharge(request), IsIn(ChargeState::kCharged));

  const std::vector<StubRequest> received = stripe_.received();
  ASSERT_GE(received.size(), 3u);
  for (const StubRequest& retry : received) {
    EXPECT_EQ(retry.target, received[0].target);
    EXPECT_EQ(retry.body, received[0].body);
    EXPECT_EQ(retry.headers, received[0].headers);
  }
}

TEST_F(StripeGatewayTest, ABadAnswerBeforeTheChargeIsUnknown) {
  for (const StubAnswer& bad : BadAnswers()) {
    FakeStripe stripe(&clock_);
    const auto gateway = *StripeGateway::Create(stripe.GatewayOptions());
    stripe.AnswerInstead(bad);

    EXPECT_THAT(gateway->TakeCharge(RequestFor("a-1")), IsIn(ChargeState::kUnknown))
        << bad.status << " " << bad.body;
    EXPECT_THAT(AllCharges(*gateway), IsEmpty());
    EXPECT_THAT(gateway->TakeCharge(RequestFor("a-1")), IsIn(ChargeState::kCharged));
    EXPECT_THAT(AllCharges(*gateway), ElementsAre(Pair("a-1", 20'000'000)));
  }
}

TEST_F(StripeGatewayTest, ABadAnswerAfterTheChargeIsUnknownAndChargedOnce) {
  for (const StubAnswer& bad : BadAnswers()) {
    FakeStripe stripe(&clock_);
    const auto gateway = *StripeGateway::Create(stripe.GatewayOptions());
    stripe.AnswerAfterwards(bad);

    EXPECT_THAT(gateway->TakeCharge(RequestFor("a-1")), IsIn(ChargeState::kUnknown))
        << bad.status << " " << bad.body;
    EXPECT_THAT(gateway->TakeCharge(RequestFor("a-1")), IsIn(ChargeState::kCharged));
    EXPECT_THAT(AllCharges(*gateway), ElementsAre(Pair("a-1", 20'000'000)));
  }
}

// libcurl repeats by itself what got no byte back over a connection that was used before.
TEST_F(StripeGatewayTest, ALostAnswerOverAKeptConnectionIsChargedOnce) {
  gateway_->TakeCharge(RequestFor("a-1"));
  stripe_.AnswerAfterwards({.ending = Ending::kNothing});

  gateway_->TakeCharge(RequestFor("a-2"));

  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-2")), IsIn(ChargeState::kCharged));
  EXPECT_THAT(Charges(), ElementsAre(Pair("a-1", 20'000'000), Pair("a-2", 20'000'000)));
}

TEST_F(StripeGatewayTest, SilenceIsUnknownInTime) {
  StripeGateway::Options options = stripe_.GatewayOptions();
  options.http.total_timeout = absl::Milliseconds(200);
  const auto gateway = *StripeGateway::Create(options);
  stripe_.AnswerAfterwards({.ending = Ending::kSilence});

  EXPECT_THAT(gateway->TakeCharge(RequestFor("a-1")), IsIn(ChargeState::kUnknown));
  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-1")), IsIn(ChargeState::kCharged));
  EXPECT_THAT(Charges(), ElementsAre(Pair("a-1", 20'000'000)));
}

TEST_F(StripeGatewayTest, NobodyThereIsUnknown) {
  StripeGateway::Options options = stripe_.GatewayOptions();
  options.base_url = "http://127.0.0.1:1";
  const auto gateway = *StripeGateway::Create(options);

  const CardCharge charge = gateway->TakeCharge(RequestFor("a-1"));

  EXPECT_THAT(charge, IsIn(ChargeState::kUnknown));
  EXPECT_THAT(charge.message, Not(IsEmpty()));
}

TEST_F(StripeGatewayTest, RetryAfterIsTold) {
  const struct {
    const char* header;
    absl::Duration wait;
  } kRows[] = {{"7", absl::Seconds(7)},
               {"0", absl::ZeroDuration()},
               {"999999", absl::Hours(1)},
               {"-1", absl::ZeroDuration()},
               {"Wed, 21 Oct 2026 07:28:00 GMT", absl::ZeroDuration()}};
  for (const auto& row : kRows) {
    StubAnswer busy = StripeError(429, "invalid_request_error", "Too many requests");
    busy.headers.push_back(absl::StrCat("Retry-After: ", row.header));
    stripe_.AnswerInstead(busy);

    const CardCharge charge = gateway_->TakeCharge(RequestFor("a-1"));

    EXPECT_THAT(charge, IsIn(ChargeState::kUnknown));
    EXPECT_EQ(charge.retry_after, row.wait) << row.header;
  }
}

// Stripe keeps a 500 under its key and gives it again, though the charge went through.
TEST_F(StripeGatewayTest, AReplayedErrorIsLookedUp) {
  stripe_.AnswerAfterwards(ServersError());
  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-1")), IsIn(ChargeState::kUnknown));

  stripe_.AnswerInstead(Replayed(ServersError()));
  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-1")), IsIn(ChargeState::kCharged));
}

TEST_F(StripeGatewayTest, AReplayedErrorWithoutAChargeStaysUnknown) {
  stripe_.AnswerInstead(Replayed(ServersError()));

  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-1")), IsIn(ChargeState::kUnknown));
}

TEST_F(StripeGatewayTest, AReplayedRefusalWithoutAChargeStaysOne) {
  stripe_.AnswerInstead(Replayed(StripeError(400, "invalid_request_error", "No such currency")));

  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-1")), IsIn(ChargeState::kRejected));
}

// Once, no account whose customer had met an error had a card for a day.
TEST_F(StripeGatewayTest, AReplayedErrorOfACustomerIsAskedForUnderAnotherKey) {
  const auto start = [&] { return gateway_->StartCardSetup("acme", "", "https://f.example"); };
  stripe_.AnswerInstead(ServersError());
  EXPECT_THAT(start(), HasCode(absl::StatusCode::kUnavailable));

  stripe_.AnswerInstead(Replayed(ServersError()));
  const absl::StatusOr<CardSetup> setup = start();
  stripe_.AnswerInstead(Replayed(ServersError()));
  const absl::StatusOr<CardSetup> again = start();

  ASSERT_THAT(setup, IsOk());
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->customer, setup->customer);
  std::vector<std::string> keys;
  for (const StubRequest& request : stripe_.received()) {
    if (request.target == "/v1/customers") keys.push_back(request.Header("idempotency-key"));
  }
  EXPECT_THAT(keys, ElementsAre("customer:acme", "customer:acme", "customer-again:acme",
                                "customer:acme", "customer-again:acme"));
}

TEST_F(StripeGatewayTest, AWrongKeyIsRejected) {
  StripeGateway::Options options = stripe_.GatewayOptions();
  options.secret_key = "sk_test_another";

  EXPECT_THAT((*StripeGateway::Create(options))->TakeCharge(RequestFor("a-1")),
              IsIn(ChargeState::kRejected));
}

// The key was changed after the first delivery: the refusal of the second proves nothing.
TEST_F(StripeGatewayTest, ARefusalOfWhatMayHaveBeenDeliveredIsLookedUp) {
  ChargeRequest request = RequestFor("a-1");
  stripe_.AnswerAfterwards(ServersError());
  EXPECT_THAT(gateway_->TakeCharge(request), IsIn(ChargeState::kUnknown));

  request.maybe_delivered = true;
  stripe_.AnswerInstead(WrongKey());
  EXPECT_THAT(gateway_->TakeCharge(request), IsIn(ChargeState::kCharged));

  request.attempt_id = "a-2";
  stripe_.AnswerInstead(WrongKey());
  EXPECT_THAT(gateway_->TakeCharge(request), IsIn(ChargeState::kUnknown));
}

TEST_F(StripeGatewayTest, AnotherBodyUnderAUsedKeyTellsOfTheFirst) {
  gateway_->TakeCharge(RequestFor("a-1"));
  ChargeRequest other = RequestFor("a-1");
  other.amount = Micros(30'000'000);

  const CardCharge charge = gateway_->TakeCharge(other);

  EXPECT_THAT(charge, IsIn(ChargeState::kCharged));
  EXPECT_EQ(charge.amount, Micros(20'000'000));
}

TEST_F(StripeGatewayTest, ALookUpThatFailsProvesNothing) {
  gateway_->TakeCharge(RequestFor("a-1"));
  std::vector<StubAnswer> bad_answers = BadAnswers();
  bad_answers.push_back(WrongKey());
  bad_answers.push_back({.body = R"({"object":"list","data":{}})"});
  bad_answers.push_back({.body = R"({"object":"list","data":[]})"});
  bad_answers.push_back({.body = R"({"object":"list","data":[],"has_more":true})"});
  for (const StubAnswer& bad : bad_answers) {
    // A connection of its own: libcurl repeats what got no byte over one that was used before.
    const auto gateway = *StripeGateway::Create(stripe_.GatewayOptions());
    stripe_.AnswerInstead(bad);
    EXPECT_THAT(gateway->FindCharge({.attempt_id = "a-1"}), IsIn(ChargeState::kUnknown))
        << bad.status << " " << bad.body;
  }
  EXPECT_THAT(gateway_->FindCharge({.attempt_id = "a-1"}), IsIn(ChargeState::kCharged));
}

TEST_F(StripeGatewayTest, ALookUpIsNarrowedByWhatIsKnown) {
  gateway_->TakeCharge(RequestFor("a-1"));

  const CardCharge charge = gateway_->FindCharge(
      {.attempt_id = "a-1", .customer = "cus_acme", .not_before = clock_.Now()});

  EXPECT_THAT(charge, IsIn(ChargeState::kCharged));
  EXPECT_THAT(stripe_.received().back().target,
              HasSubstr("customer=cus_acme&created%5Bgte%5D=1789913600"));
}

TEST_F(StripeGatewayTest, AListThatBreaksOffIsNoAnswer) {
  for (const std::string id : {"a-1", "a-2", "a-3"}) gateway_->TakeCharge(RequestFor(id));
  const auto list = [this] {
    return gateway_->ListCharges(
        absl::InfinitePast(), absl::InfiniteFuture(), [] { return true; },
        [](absl::string_view, const CardCharge&) {});
  };
  EXPECT_THAT(list(), IsOk());

  StubAnswer odd = {.body = R"({"data":[{"id":"pi_1","object":"payment_intent","status":"new",
      "currency":"eur","metadata":{"attempt_id":"a-9"}}],"has_more":false})"};
  for (const StubAnswer& bad : {ServersError(), WrongKey(), odd}) {
    stripe_.AnswerInstead(bad);
    EXPECT_THAT(list(), HasCode(absl::StatusCode::kUnavailable)) << bad.body;
  }
}

TEST_F(StripeGatewayTest, AChargeWhoseAnswerWasLostHasOnePageHoweverItIsAskedFor) {
  const ChargeRequest request = RequestFor("a-1", "pm_card_authenticationRequired");
  stripe_.AnswerAfterwards(ServersError());
  EXPECT_THAT(gateway_->TakeCharge(request), IsIn(ChargeState::kUnknown));
  const CardCharge found = gateway_->FindCharge({.attempt_id = "a-1"});
  EXPECT_THAT(found, IsIn(ChargeState::kActionRequired));
  EXPECT_THAT(found.action_url, IsEmpty());

  const CardCharge asked = gateway_->AskCustomer(request, found);

  EXPECT_THAT(asked, IsIn(ChargeState::kActionRequired));
  EXPECT_THAT(asked.action_url, Not(IsEmpty()));
  EXPECT_EQ(gateway_->AskCustomer(request, found).action_url, asked.action_url);
  EXPECT_EQ(gateway_->TakeCharge(request).action_url, asked.action_url);
}

TEST_F(StripeGatewayTest, AnErrorThatIsKeptDoesNotKeepThePageAway) {
  const ChargeRequest request = RequestFor("a-1", "pm_card_authenticationRequired");
  stripe_.AnswerAfterwards(ServersError());
  gateway_->TakeCharge(request);
  const CardCharge found = gateway_->FindCharge({.attempt_id = "a-1"});

  stripe_.AnswerInstead(ServersError());
  EXPECT_THAT(gateway_->AskCustomer(request, found), IsIn(ChargeState::kUnknown));
  stripe_.AnswerInstead(Replayed(ServersError()));
  EXPECT_THAT(gateway_->AskCustomer(request, found).action_url, Not(IsEmpty()));
}

TEST_F(StripeGatewayTest, ARefundWhoseKeyIsForgottenIsPaidOnce) {
  const std::string payment_id = gateway_->TakeCharge(RequestFor("a-1")).payment_id;
  const RefundRequest refund = {.refund_id = "r-1",
                                .payment_id = payment_id,
                                .amount = Micros(5'000'000),
                                .currency_code = "EUR"};
  EXPECT_THAT(gateway_->Refund(refund), IsOk());
  stripe_.ForgetKeys();
  EXPECT_THAT(gateway_->Refund(refund), IsOk());

  EXPECT_EQ(stripe_.refund_count(), 1u);
}

TEST_F(StripeGatewayTest, ARefundWithABadAnswerMayBeRepeated) {
  const std::string payment_id = gateway_->TakeCharge(RequestFor("a-1")).payment_id;
  const RefundRequest refund = {.refund_id = "r-1",
                                .payment_id = payment_id,
                                .amount = Micros(5'000'000),
                                .currency_code = "EUR"};
  // The first request looks for an earlier refund.
  stripe_.AnswerAfterwards({.body = R"({"data":[],"has_more":false})"});
  stripe_.AnswerAfterwards(ServersError());
  EXPECT_THAT(gateway_->Refund(refund), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(gateway_->Refund(refund), IsOk());

  EXPECT_EQ(stripe_.refund_count(), 1u);
}

TEST_F(StripeGatewayTest, SecretsAreInNoMessage) {
  const std::string leak =
      absl::StrCat("Bad ", kFakeStripeKey, " of pi_1_secret_Abc, card 4242 4242 4242 4242");
  const RefundRequest refund = {
      .refund_id = "r", .payment_id = "pi_1", .amount = Micros(1'000'000), .currency_code = "EUR"};
  std::vector<std::string> messages;
  for (const int status : {400, 401, 402, 404, 409, 429, 500}) {
    for (const char* const type : {"invalid_request_error", "card_error", "api_error"}) {
      const StubAnswer answer = StripeError(status, type, leak);
      for (int i = 0; i < 4; ++i) stripe_.AnswerInstead(answer);
      messages.push_back(gateway_->TakeCharge(RequestFor("a-1")).message);
      messages.push_back(gateway_->FindCharge({.attempt_id = "a"}).message);
      messages.emplace_back(gateway_->Refund(refund).message());
      messages.emplace_back(gateway_->StartCardSetup("acme", "cus_1", "").status().message());
      stripe_.ClearFaults();
    }
  }
  for (const std::string& message : messages) {
    EXPECT_THAT(message, Not(IsEmpty()));
    EXPECT_LE(message.size(), 256u);
    for (const char* const secret : {"sk_test", "FakeKey", "secret_Abc", "4242"}) {
      EXPECT_THAT(message, Not(HasSubstr(secret)));
    }
  }
}

TEST_F(StripeGatewayTest, ASetupLeadsBackWithItsId) {
  ASSERT_THAT(gateway_->StartCardSetup("acme", "cus_1", "https://f.example/cards?tab=2"), IsOk());

  EXPECT_THAT(stripe_.received().back().body,
              HasSubstr("success_url=https%3A%2F%2Ff.example%2Fcards%3Ftab%3D2%26setup_id%3D"
                        "%7BCHECKOUT_SESSION_ID%7D"));
}

TEST_F(StripeGatewayTest, WithoutAReturnPageTheCustomerIsNotSentToTheBank) {
  StripeGateway::Options options = stripe_.GatewayOptions();
  options.return_url = "";
  const auto gateway = *StripeGateway::Create(options);

  const CardCharge charge =
      gateway->TakeCharge(RequestFor("a-1", "pm_card_authenticationRequired"));

  EXPECT_THAT(charge, IsIn(ChargeState::kActionRequired));
  EXPECT_THAT(charge.action_url, IsEmpty());
}

TEST(StripeGatewayOptionsTest, WhatIsWrongIsNamed) {
  const StripeGateway::Options good = {.secret_key = "sk_test_1"};
  EXPECT_THAT(StripeGateway::Create(good), IsOk());
  for (const char* const url :
       {"http://api.stripe.com", "http://127.0.0.1.evil.example", "http://localhost:x@evil.example",
        "http://localhost@evil.example", "ftp://localhost", "", "https://a b"}) {
    StripeGateway::Options options = good;
    options.base_url = url;
    const absl::Status status = StripeGateway::Create(options).status();
    EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument)) << url;
    EXPECT_THAT(std::string(status.message()), HasSubstr("base_url"));
  }
  for (const char* const key : {"", "sk_test_1\n", "sk test"}) {
    StripeGateway::Options options = good;
    options.secret_key = key;
    const absl::Status status = StripeGateway::Create(options).status();
    EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(std::string(status.message()), HasSubstr("secret_key"));
  }
}

// Over TLS, with a certificate that the test's server made for `host`.
CardCharge ChargeOverTls(const std::string& host, bool is_trusted) {
  StubServer server([](const StubRequest&) { return WrongKey(); }, {.certificate_host = host});
  const testing::TemporaryDirectory directory;
  std::ofstream(directory / "ca.pem") << server.certificate();
  StripeGateway::Options options = {.base_url = server.url(), .secret_key = kFakeStripeKey};
  if (is_trusted) options.http.ca_file = directory / "ca.pem";
  CardCharge charge = (*StripeGateway::Create(options))->TakeCharge(RequestFor("a-1"));
  // The key is not shown to a stranger.
  EXPECT_EQ(server.received().empty(), charge.state == ChargeState::kUnknown);
  return charge;
}

TEST(StripeGatewayTlsTest, OnlyATrustedCertificateOfTheHostIsTalkedTo) {
  EXPECT_THAT(ChargeOverTls("localhost", true), IsIn(ChargeState::kRejected));
  EXPECT_THAT(ChargeOverTls("localhost", false), IsIn(ChargeState::kUnknown));
  EXPECT_THAT(ChargeOverTls("stripe.example", true), IsIn(ChargeState::kUnknown));
}

}  // namespace
}  // namespace farebox::server
