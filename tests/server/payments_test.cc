// Money in over real sockets: gRPC on one side, the provider's HTTP on the other.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/substitute.h"
#include "server/base/log.h"
#include "server/recharge/stripe_gateway.h"
#include "server/recharge/webhook_signature.h"
#include "tests/server/payments_fixture.h"

namespace farebox::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Stub = v1::RechargeService::Stub;

constexpr char kWebhooks[] = "/webhooks/payments";

// ---- With a provider like Stripe

TEST_F(StripePaymentsTest, ABalanceThatFallsLowIsRechargedFromTheCard) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Ask(&Stub::UpdateAutoRecharge, kAutoRecharge), Answers(""));

  ASSERT_THAT(Send<v1::DebitRequest>("account_id: 'acme' request_id: 'd1' amount_micros: 6000000 "
                                     "item: ITEM_ADJUSTMENT"),
              Answers(""));

  AwaitBalance(74'000'000);
  EXPECT_THAT(AwaitRecharge(v1::RECHARGE_STATE_CREDITED),
              Shows("kind: RECHARGE_KIND_AUTOMATIC amount_micros: 60000000 deliveries: 1"));
  EXPECT_THAT(Ask(&Stub::ReconcileRecharges, ""), Answers("charges: 1 credits: 1 under_way: 0"));
}

TEST_F(StripePaymentsTest, APaymentThatSucceedsEndsThePauseOfAutoRecharge) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Ask(&Stub::UpdateAutoRecharge, kAutoRecharge), Answers(""));
  stripe_.AnswerInstead({.status = 402,
                         .body = R"({"error":{"type":"card_error","code":"card_declined",)"
                                 R"("decline_code":"insufficient_funds"}})"});
  ASSERT_THAT(Send<v1::DebitRequest>("account_id: 'acme' request_id: 'd1' amount_micros: 10000000 "
                                     "item: ITEM_ADJUSTMENT"),
              Answers(""));
  AwaitRecharge(v1::RECHARGE_STATE_DECLINED);

  // Less than what is low.
  ASSERT_THAT(Pay("p1", 1'000'000), Answers(""));

  AwaitBalance(71'000'000);
}

TEST_F(StripePaymentsTest, APaymentThatTheCustomerConfirmsIsCreditedWhenTheProviderTells) {
  RegisterCard("pm_card_authenticationRequired");
  EXPECT_THAT(Pay("p1", 25'000'000), FailsWith(grpc::StatusCode::UNAVAILABLE, "PAYMENT_PENDING"));
  const v1::Recharge waiting = AwaitRecharge(v1::RECHARGE_STATE_ACTION_REQUIRED);
  EXPECT_THAT(waiting.action_url(), Not(IsEmpty()));

  stripe_.Confirm(waiting.provider_payment_id());
  EXPECT_EQ(Tell("payment_intent.succeeded", IntentOf(waiting, "succeeded")), 200);

  AwaitRecharge(v1::RECHARGE_STATE_CREDITED);
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
  EXPECT_THAT(Pay("p1", 25'000'000), Answers("recharge { state: RECHARGE_STATE_CREDITED }"));
}

TEST_F(StripePaymentsTest, APaymentWhoseAnswerWasLostHasTheBanksPageTooWhenTheProviderTells) {
  RegisterCard("pm_card_authenticationRequired");
  stripe_.AnswerAfterwards({.status = 500});
  EXPECT_FALSE(Pay("p1", 25'000'000).status.ok());
  const v1::Recharge lost = AwaitRecharge(v1::RECHARGE_STATE_UNKNOWN);

  EXPECT_EQ(Tell("payment_intent.payment_failed", IntentOf(lost, "requires_payment_method")), 200);

  EXPECT_THAT(AwaitRecharge(v1::RECHARGE_STATE_ACTION_REQUIRED).action_url(),
              StartsWith("https://bank.example/"));
}

TEST_F(StripePaymentsTest, EventsInAnyOrderAndNumberCreditOnceAndMoveNothingBack) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Pay("p1", 25'000'000), Answers(""));
  const v1::Recharge paid = AwaitRecharge(v1::RECHARGE_STATE_CREDITED);

  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Tell("payment_intent.succeeded", IntentOf(paid, "succeeded")), 200);
    EXPECT_EQ(Tell("payment_intent.requires_action", IntentOf(paid, "requires_action")), 200);
    EXPECT_EQ(Tell("payment_intent.payment_failed", IntentOf(paid, "requires_payment_method")),
              200);
    EXPECT_EQ(Tell("payment_intent.canceled", IntentOf(paid, "canceled")), 200);
  }

  // What was posted on the account's lane is over when the next payment is.
  ASSERT_THAT(Pay("p2", 1'000'000), Answers(""));
  EXPECT_THAT(Recharges().recharges(1), Shows("state: RECHARGE_STATE_CREDITED"));
  EXPECT_EQ(Balance("acme").balance_micros(), 46'000'000);
}

TEST_F(StripePaymentsTest, ChargesAreCountedByTheStatesThatTheyReach) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Pay("paid", 25'000'000), Answers(""));
  ASSERT_THAT(Pay("paid too", 5'000'000), Answers(""));

  EXPECT_THAT(Send<v1::GetStatusRequest>(""),
              Answers("recharges { reached { state: RECHARGE_STATE_CREDITED count: 2 } "
                      "            reached { state: RECHARGE_STATE_INTENT count: 2 } "
                      "            reached { state: RECHARGE_STATE_SUCCEEDED count: 2 } }"));
  const std::string credited =
      "farebox_recharge_attempts_total{kind=\"manual\",state=\"credited\"} 2\n";
  EXPECT_THAT(Get("/metrics").body,
              AllOf(HasSubstr(credited), HasSubstr("farebox_recharge_attempts_open 0\n")));
}

TEST_F(StripePaymentsTest, AChargeThatHasNotEndedGrowsOld) {
  RegisterCard("pm_card_authenticationRequired");
  EXPECT_FALSE(Pay("waits", 25'000'000).status.ok());
  clock_.Advance(absl::Seconds(90));

  EXPECT_THAT(Send<v1::GetStatusRequest>(""),
              Answers("recharges { open: 1 oldest_open_age { seconds: 90 } }"));
  EXPECT_THAT(Get("/metrics").body,
              AllOf(HasSubstr("farebox_recharge_attempts_open 1\n"),
                    HasSubstr("farebox_recharge_attempt_open_seconds_max 90\n")));
}

TEST_F(StripePaymentsTest, APaymentByAClockThatRanAheadIsOneCharge) {
  RegisterCard("pm_card_visa");
  const absl::Time right = clock_.Now();
  clock_.Set(right + absl::Hours(72));
  stripe_.AnswerAfterwards({.status = 500});
  EXPECT_THAT(Pay("p1", 25'000'000), FailsWith(grpc::StatusCode::UNAVAILABLE, "PAYMENT_PENDING"));

  // It had been so for days.
  clock_.Set(right + absl::Seconds(30));
  stripe_.ForgetKeys();

  EXPECT_THAT(Pay("p1", 25'000'000), Answers("recharge { state: RECHARGE_STATE_CREDITED }"));
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
  EXPECT_EQ(Charges(), 1);
}

TEST_F(StripePaymentsTest, AnEventThatTheProviderDoesNotConfirmCreditsNothing) {
  RegisterCard("pm_card_authenticationRequired");
  EXPECT_FALSE(Pay("p1", 25'000'000).status.ok());
  const v1::Recharge waiting = AwaitRecharge(v1::RECHARGE_STATE_ACTION_REQUIRED);

  // Signed with the right secret, and not true.
  EXPECT_EQ(Tell("payment_intent.succeeded", IntentOf(waiting, "succeeded")), 200);

  EXPECT_THAT(Ask(&Stub::RetryRecharge, "account_id: 'acme'"), Answers(""));
  EXPECT_THAT(Pay("p1", 25'000'000), FailsWith(grpc::StatusCode::UNAVAILABLE, "PAYMENT_PENDING"));
  EXPECT_EQ(Balance("acme").balance_micros(), 20'000'000);
}

TEST_F(StripePaymentsTest, WebhooksThatAreNotTheProvidersAreRefused) {
  const std::string body =
      R"({"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{}}})";
  const std::string good = SignWebhook(body, kFakeWebhookSecret, clock_.Now());
  const std::string old = SignWebhook(body, kFakeWebhookSecret, clock_.Now() - absl::Minutes(6));
  const std::string forged = SignWebhook(body, "another secret", clock_.Now());

  EXPECT_EQ(Post(kWebhooks, body, good).status, 200);
  EXPECT_EQ(Post(kWebhooks, body + " ", good).status, 400);
  EXPECT_EQ(Post(kWebhooks, body, old).status, 400);
  EXPECT_EQ(Post(kWebhooks, body, forged).status, 400);
  EXPECT_EQ(Post(kWebhooks, body).status, 400);
  EXPECT_EQ(Post(kWebhooks, std::string(1024 * 1024, 'x'), good).status, 413);
  const std::string garbage = "not json";
  EXPECT_EQ(Post(kWebhooks, garbage, SignWebhook(garbage, kFakeWebhookSecret, clock_.Now())).status,
            400);
  EXPECT_EQ(Get(kWebhooks).status, 405);
}

TEST_F(StripePaymentsTest, AFloodOfForgedWebhooksIsALineASecond) {
  ConfigureLog(LogFormat::kJson, LogLevel::kInfo);
  ::testing::internal::CaptureStderr();
  for (int second = 0; second < 2; ++second) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(Post(kWebhooks, "forged").status, 400);
    clock_.Advance(absl::Seconds(1));
  }
  FlushLog();
  const std::string text = ::testing::internal::GetCapturedStderr();
  ConfigureLog(LogFormat::kText, LogLevel::kError);

  const std::vector<std::string> parts = absl::StrSplit(text, "webhook_refused");
  ASSERT_THAT(parts, SizeIs(3)) << text;
  EXPECT_THAT(parts[2], HasSubstr("\"left_out\":9"));
}

TEST_F(StripePaymentsTest, ARestOfTheMonthThatIsTooSmallToBeChargedIsNotTried) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Ask(&Stub::UpdateAutoRecharge,
                  "account_id: 'acme' auto_recharge { enabled: true mode: RECHARGE_MODE_TARGET "
                  "amount_micros: 60000000 threshold_micros: 15000000 monthly_sum_max_micros: "
                  "60100000 failure_email: 'money@acme.example' }"),
              Answers(""));
  ASSERT_THAT(Send<v1::DebitRequest>("account_id: 'acme' request_id: 'd1' amount_micros: 20000000 "
                                     "item: ITEM_ADJUSTMENT"),
              Answers(""));
  AwaitBalance(60'000'000);
  ASSERT_THAT(Send<v1::DebitRequest>("account_id: 'acme' request_id: 'd2' amount_micros: 50000000 "
                                     "item: ITEM_ADJUSTMENT"),
              Answers(""));

  // What was posted on the account's lane is over when the payment is.
  ASSERT_THAT(Pay("p1", 1'000'000), Answers(""));
  EXPECT_THAT(Recharges().recharges(), SizeIs(2));
  EXPECT_THAT(Ask(&Stub::GetAutoRecharge, "account_id: 'acme'")->auto_recharge().stopped_because(),
              HasSubstr("month"));
}

// ---- Bad input

TEST_F(SimulatedPaymentsTest, BadFieldsAreNamed) {
  const auto pay = [&](const std::string& text) { return Ask(&Stub::Pay, text).status; };
  const auto setup = [&](const std::string& text) {
    return Ask(&Stub::StartCardSetup, text).status;
  };
  const auto update = [&](const std::string& settings) {
    return Ask(&Stub::UpdateAutoRecharge,
               absl::StrCat("account_id: 'acme' auto_recharge { enabled: true ", settings, " }"))
        .status;
  };
  const std::string email = " failure_email: 'a@acme.example' ";
  struct Row {
    grpc::Status status;
    const char* reason;
    const char* field;
  };
  for (const Row& row : std::vector<Row>{
           {pay("request_id: 'r' amount_micros: 1"), "FIELD_INVALID", "account_id"},
           {pay("account_id: '../x' request_id: 'r' amount_micros: 1"), "FIELD_INVALID",
            "account_id"},
           {pay("account_id: 'acme' amount_micros: 1"), "FIELD_INVALID", "request_id"},
           {pay("account_id: 'acme' request_id: 'r'"), "AMOUNT_INVALID", "amount_micros"},
           {pay("account_id: 'acme' request_id: 'r' amount_micros: -1"), "AMOUNT_INVALID",
            "amount_micros"},
           {pay("account_id: 'acme' request_id: 'r' amount_micros: 9223372036854775807"),
            "AMOUNT_INVALID", "amount_micros"},
           {pay("account_id: 'acme' request_id: 'r' amount_micros: -9223372036854775808"),
            "AMOUNT_INVALID", "amount_micros"},
           {setup("account_id: 'acme' return_url: 'javascript:alert(1)'"), "FIELD_INVALID",
            "return_url"},
           {setup("account_id: 'acme' return_url: 'http://evil.example/'"), "FIELD_INVALID",
            "return_url"},
           {setup("account_id: 'acme' return_url: 'http://localhost.evil.example/'"),
            "FIELD_INVALID", "return_url"},
           {setup("account_id: 'acme' return_url: 'http://localhost:1@evil.example/'"),
            "FIELD_INVALID", "return_url"},
           {setup("account_id: 'acme' return_url: 'https://a\\r\\nb'"), "FIELD_INVALID",
            "return_url"},
           {update("amount_micros: 50000000 threshold_micros: 15000000" + email), "AMOUNT_INVALID",
            "auto_recharge.amount_micros"},
           {update("amount_micros: 60000000 threshold_micros: 9990000" + email), "AMOUNT_INVALID",
            "auto_recharge.threshold_micros"},
           {update("amount_micros: 60000000 threshold_micros: 15000000"), "FIELD_INVALID",
            "auto_recharge.failure_email"},
           {update("amount_micros: 60000000 threshold_micros: 15000000 failure_email: 'a b'"),
            "FIELD_INVALID", "auto_recharge.failure_email"},
           {update("amount_micros: 60000000 threshold_micros: 15000000 daily_charges_max: 101" +
                   email),
            "FIELD_INVALID", "auto_recharge.daily_charges_max"},
           {Ask(&Stub::CompleteCardSetup, "account_id: 'acme'").status, "FIELD_INVALID",
            "setup_id"},
           {Ask(&Stub::DeleteCard, "account_id: 'acme'").status, "FIELD_INVALID", "card_id"},
           {Ask(&Stub::ListRecharges, "account_id: 'acme' page_token: 'forged'").status,
            "FIELD_INVALID", "page_token"},
           {Ask(&Stub::ListRecharges, "account_id: 'acme' page_size: -1").status, "FIELD_INVALID",
            "page_size"}}) {
    const ErrorDetails details = DetailsOf(row.status);
    EXPECT_EQ(row.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << row.field << ": " << row.status.error_message();
    EXPECT_EQ(details.error_info.reason(), row.reason) << row.field;
    ASSERT_EQ(details.bad_request.field_violations_size(), 1) << row.field;
    EXPECT_EQ(details.bad_request.field_violations(0).field(), row.field);
  }
  EXPECT_TRUE(update("amount_micros: 50010000 threshold_micros: 10000000" + email).ok());
  EXPECT_TRUE(setup("account_id: 'acme' return_url: 'http://localhost:80/x?y'").ok());
}

TEST_F(SimulatedPaymentsTest, AmountsThatNoCardCanBeChargedAreRefused) {
  const auto update = [&](const std::string& amount) {
    return Ask(&Stub::UpdateAutoRecharge,
               absl::StrCat("account_id: 'acme' auto_recharge { enabled: true ", amount,
                            " threshold_micros: 15000000 failure_email: 'a@acme.example' }"));
  };
  const auto paid = Pay("r1", 10'001'000);

  EXPECT_THAT(paid, FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "AMOUNT_INVALID"));
  EXPECT_THAT(paid.status.error_message(), HasSubstr("multiple of 0.01 USD"));
  EXPECT_THAT(Pay("r2", 490'000), FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "AMOUNT_INVALID"));
  EXPECT_THAT(update("amount_micros: 60005000"),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "AMOUNT_INVALID"));
  // A balance to reach is no charge.
  EXPECT_THAT(update("mode: RECHARGE_MODE_TARGET amount_micros: 60005000"), Answers(""));
}

TEST_F(SimulatedPaymentsTest, WhatCannotBeDoneSaysWhyAndChangesNothing) {
  const auto complete = [&](const std::string& card) {
    const auto setup = Ask(&Stub::StartCardSetup, "account_id: 'acme'");
    return Ask(&Stub::CompleteCardSetup,
               absl::Substitute("account_id: 'acme' setup_id: '$0:$1'", setup->setup_id(), card));
  };
  const grpc::StatusCode refused = grpc::StatusCode::FAILED_PRECONDITION;
  EXPECT_THAT(Pay("p1", 25'000'000), FailsWith(refused, "NO_CARD"));
  EXPECT_THAT(Pay("p2", 1'000'010'000), FailsWith(refused, "RECHARGE_LIMIT"));
  EXPECT_THAT(Ask(&Stub::CompleteCardSetup, "account_id: 'acme' setup_id: 'cs_simulated_99'"),
              FailsWith(grpc::StatusCode::NOT_FOUND, "CARD_SETUP_NOT_FOUND"));
  EXPECT_THAT(Ask(&Stub::GetCard, "account_id: 'nobody'"),
              FailsWith(grpc::StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"));

  ASSERT_THAT(complete("pm_card_chargeDeclinedInsufficientFunds"), Answers(""));
  const auto declined = Pay("p3", 25'000'000);
  EXPECT_THAT(declined, FailsWith(refused, "CARD_DECLINED"));
  EXPECT_EQ(DetailsOf(declined.status).error_info.metadata().at("decline_code"),
            "insufficient_funds");
  EXPECT_THAT(Pay("p3", 25'000'000), FailsWith(refused, "CARD_DECLINED"));
  EXPECT_THAT(Pay("p3", 26'000'000),
              FailsWith(grpc::StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED"));

  ASSERT_THAT(complete("pm_card_authenticationRequired"), Answers(""));
  EXPECT_FALSE(Pay("p4", 25'000'000).status.ok());
  EXPECT_THAT(Pay("p5", 25'000'000), FailsWith(refused, "RECHARGE_IN_PROGRESS"));
  EXPECT_EQ(Balance("acme").balance_micros(), 20'000'000);
}

TEST_F(SimulatedPaymentsTest, TheSameRequestAHundredTimesAtOnceIsOneCharge) {
  const auto setup = Ask(&Stub::StartCardSetup, "account_id: 'acme'");
  ASSERT_THAT(
      Ask(&Stub::CompleteCardSetup,
          absl::Substitute("account_id: 'acme' setup_id: '$0:pm_card_visa'", setup->setup_id())),
      Answers(""));
  std::vector<Answer<v1::PayResponse>> answers(100);
  std::vector<std::thread> callers;
  for (Answer<v1::PayResponse>& answer : answers) {
    callers.emplace_back([&] { answer = Pay("p1", 25'000'000); });
  }
  for (std::thread& caller : callers) caller.join();

  int first = 0;
  for (const Answer<v1::PayResponse>& answer : answers) {
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_EQ(answer->entry().entry_id(), answers[0]->entry().entry_id());
    EXPECT_EQ(answer->entry().amount_micros(), 25'000'000);
    if (!answer->replayed()) ++first;
  }
  EXPECT_EQ(first, 1);
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
  EXPECT_THAT(Ask(&Stub::ReconcileRecharges, ""), Answers("charges: 1 credits: 1"));
}

TEST_F(SimulatedPaymentsTest, PayingWhileTheSettingsChangeIsNoError) {
  const auto setup = Ask(&Stub::StartCardSetup, "account_id: 'acme'");
  ASSERT_THAT(
      Ask(&Stub::CompleteCardSetup,
          absl::Substitute("account_id: 'acme' setup_id: '$0:pm_card_visa'", setup->setup_id())),
      Answers(""));
  std::atomic<bool> is_over = false;
  std::thread changes([&] {
    while (!is_over) EXPECT_THAT(Ask(&Stub::RetryRecharge, "account_id: 'acme'"), Answers(""));
  });

  for (int i = 0; i < 50; ++i) EXPECT_THAT(Pay(absl::StrCat("p", i), 1'000'000), Answers(""));

  is_over = true;
  changes.join();
  EXPECT_EQ(Balance("acme").balance_micros(), 70'000'000);
}

// ---- With the simulated provider's pages

TEST_F(SimulatedPaymentsTest, ACardIsChosenOnThePageAndCharged) {
  const auto setup =
      Ask(&Stub::StartCardSetup, "account_id: 'acme' return_url: 'https://farebox.example/cards'");
  const std::string base = absl::StrCat("http://localhost:", server_->http_port());
  ASSERT_THAT(setup->url(), StartsWith(absl::StrCat(base, "/simulated/card?")));
  const HttpResponse page = Get(setup->url().substr(base.size()));
  EXPECT_THAT(page.body, HasSubstr("pm_card_visa"));
  EXPECT_THAT(page.Header("content-security-policy"), HasSubstr("default-src 'none'"));
  const auto complete = [&] {
    return Ask(&Stub::CompleteCardSetup,
               absl::Substitute("account_id: 'acme' setup_id: '$0'", setup->setup_id()));
  };
  EXPECT_THAT(complete(), FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "CARD_SETUP_NOT_DONE"));

  const HttpResponse entered =
      Post("/simulated/card", absl::StrCat("setup_id=", setup->setup_id(),
                                           "&token=pm_card_mastercard&return_url="
                                           "https%3A%2F%2Ffarebox.example%2Fcards"));

  EXPECT_EQ(entered.status, 200);
  EXPECT_THAT(entered.body, HasSubstr("href=\"https://farebox.example/cards\""));
  EXPECT_THAT(complete(), Answers("card { brand: 'mastercard' last_four: '4444' }"));
  EXPECT_THAT(Pay("p1", 25'000'000), Answers(""));
}

TEST_F(SimulatedPaymentsTest, TheLimitsOfTheCurrencyAreTold) {
  EXPECT_THAT(Ask(&Stub::GetAutoRecharge, "account_id: 'acme'"),
              Answers("limits { amount_above_micros: 50000000 threshold_min_micros: 10000000 "
                      "charge_max_micros: 1000000000 }"));
}

TEST_F(SimulatedPaymentsTest, TheFirstCardOnFileIsThePrimaryOne) {
  const auto add = [this](absl::string_view token, bool is_second) {
    const auto setup = Ask(&Stub::StartCardSetup, "account_id: 'acme'");
    return Ask(&Stub::CompleteCardSetup,
               absl::Substitute("account_id: 'acme' setup_id: '$0:$1' second: $2",
                                setup->setup_id(), token, is_second ? "true" : "false"));
  };

  // There is no second without a first.
  EXPECT_THAT(add("pm_card_visa", true), Answers("card { last_four: '4242' primary: true }"));
  EXPECT_THAT(add("pm_card_mastercard", true), Answers("card { last_four: '4444' }"));
  EXPECT_FALSE(add("pm_card_amex", true)->card().primary());

  const auto cards = Ask(&Stub::GetCard, "account_id: 'acme'");
  ASSERT_EQ(cards->cards_size(), 2);
  EXPECT_TRUE(cards->cards(0).primary());
  EXPECT_FALSE(cards->cards(1).primary());
}

TEST_F(SimulatedPaymentsTest, TheBanksPageDecidesOnAPayment) {
  const auto setup = Ask(&Stub::StartCardSetup, "account_id: 'acme'");
  ASSERT_THAT(Ask(&Stub::CompleteCardSetup, absl::Substitute("account_id: 'acme' setup_id: '$0:"
                                                             "pm_card_authenticationRequired'",
                                                             setup->setup_id())),
              Answers(""));
  for (const bool pays : {true, false}) {
    const std::string request_id = pays ? "yes" : "no";
    EXPECT_FALSE(Pay(request_id, 25'000'000).status.ok());
    const v1::Recharge waiting = AwaitRecharge(v1::RECHARGE_STATE_ACTION_REQUIRED);
    const std::string path = waiting.action_url().substr(waiting.action_url().find("/simulated"));
    EXPECT_THAT(Get(path).body, HasSubstr(waiting.provider_payment_id()));

    const HttpResponse answered =
        Post("/simulated/confirm",
             absl::StrCat("payment_id=", waiting.provider_payment_id(), "&answer=", request_id));

    EXPECT_EQ(answered.status, 200);
    AwaitRecharge(pays ? v1::RECHARGE_STATE_CREDITED : v1::RECHARGE_STATE_DECLINED);
  }
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
}

TEST_F(SimulatedPaymentsTest, PagesShowWhatTheyAreGivenAsText) {
  const std::string script = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
  EXPECT_THAT(Get("/simulated/card?setup_id=" + script + "&return_url=" + script).body,
              Not(HasSubstr("<script")));
  EXPECT_THAT(Get("/simulated/confirm?payment_id=" + script).body, Not(HasSubstr("<script")));
  const auto setup = Ask(&Stub::StartCardSetup, "account_id: 'acme'");
  const std::string form =
      absl::StrCat("setup_id=", setup->setup_id(), "&token=pm_card_visa&return_url=javascript:x");
  EXPECT_THAT(Post("/simulated/card", form).body, Not(HasSubstr("javascript")));
}

// With the rules of other pages, but for links to them, which may be anywhere.
TEST_F(SimulatedPaymentsTest, PagesAreForTheirOwnNameAndTheirOwnForms) {
  const auto status_of = [this](const char* method, std::vector<std::string> headers) {
    return http_
        .Send({.method = method,
               .url = absl::StrCat("http://127.0.0.1:", server_->http_port(), "/simulated/card"),
               .headers = std::move(headers)})
        ->status;
  };
  EXPECT_EQ(status_of("GET", {"Host: evil.example"}), 403);
  EXPECT_EQ(status_of("POST", {"Host: evil.example"}), 403);
  EXPECT_EQ(status_of("POST", {"Sec-Fetch-Site: cross-site"}), 403);

  EXPECT_EQ(status_of("GET", {"Sec-Fetch-Site: cross-site"}), 200);
  // As browsers send it: our pages do not tell where they are.
  EXPECT_EQ(status_of("POST", {"Sec-Fetch-Site: same-origin", "Origin: null"}), 404);
}

TEST_F(SimulatedPaymentsTest, PagesOfNothingSayNo) {
  EXPECT_EQ(Post("/simulated/card", "setup_id=cs_simulated_99&token=pm_card_visa").status, 404);
  EXPECT_EQ(Post("/simulated/card", "").status, 404);
  EXPECT_EQ(Post("/simulated/confirm", "payment_id=pi_simulated_99&answer=yes").status, 404);
  EXPECT_EQ(Get("/simulated/nothing").status, 404);
}

}  // namespace
}  // namespace farebox::server
