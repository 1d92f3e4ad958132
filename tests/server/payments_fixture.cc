#include "tests/server/payments_fixture.h"

#include <atomic>
#include <fstream>

#include "absl/strings/substitute.h"
#include "server/recharge/stripe_objects.h"
#include "server/recharge/webhook_signature.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

void WriteSecret(const std::string& path, const std::string& secret) {
  std::ofstream(path) << secret << "\n";
}

}  // namespace

void PaymentsTest::SetUp() {
  WriteSecret(directory_.path() + "/key", kFakeStripeKey);
  WriteSecret(directory_.path() + "/webhook-secret", kFakeWebhookSecret);
  ServerTest::SetUp();
  recharges_ = v1::RechargeService::NewStub(channel_);
  OpenAccount("acme", 20'000'000);
}

void PaymentsTest::TearDown() {
  // Whatever happened: the provider's books and the ledger's agree, or the test says why not.
  recharges_.reset();
  ServerTest::TearDown();
}

Config PaymentsTest::MakeConfig() const {
  Config config = ServerTest::MakeConfig();
  config.http_listen = "127.0.0.1:0";
  PaymentProviderOptions& provider = config.payments.provider;
  provider.provider = provider_;
  provider.stripe_key_file = directory_.path() + "/key";
  provider.stripe_webhook_secret_file = directory_.path() + "/webhook-secret";
  provider.stripe_url = stripe_.url();
  provider.return_url = "https://farebox.example/confirmed";
  return config;
}

Answer<v1::PayResponse> PaymentsTest::Pay(absl::string_view request_id, int64_t amount_micros) {
  return Ask(&v1::RechargeService::Stub::Pay,
             absl::Substitute("account_id: 'acme' request_id: '$0' amount_micros: $1", request_id,
                              amount_micros));
}

v1::ListRechargesResponse PaymentsTest::Recharges() {
  return Ask(&v1::RechargeService::Stub::ListRecharges, "account_id: 'acme'").value;
}

v1::Recharge PaymentsTest::AwaitRecharge(v1::RechargeState state) {
  v1::ListRechargesResponse list;
  const bool is_so = testing::Await([&] {
    list = Recharges();
    return !list.recharges().empty() && list.recharges(0).state() == state;
  });
  if (is_so) return list.recharges(0);
  ADD_FAILURE() << "not " << v1::RechargeState_Name(state) << " but " << list.ShortDebugString();
  return {};
}

void PaymentsTest::AwaitBalance(int64_t balance_micros) {
  EXPECT_TRUE(testing::Await([&] { return Balance("acme").balance_micros() == balance_micros; }))
      << Balance("acme").ShortDebugString();
}

HttpResponse PaymentsTest::Get(const std::string& path) {
  return Request({.method = "GET", .url = path});
}

HttpResponse PaymentsTest::Post(const std::string& path, const std::string& body,
                                const std::string& signature) {
  HttpRequest request = {.method = "POST", .url = path, .body = body};
  if (!signature.empty()) request.headers.push_back("Stripe-Signature: " + signature);
  return Request(std::move(request));
}

HttpResponse PaymentsTest::Request(HttpRequest request) {
  request.url = absl::StrCat("http://127.0.0.1:", server_->http_port(), request.url);
  absl::StatusOr<HttpResponse> response = http_.Send(request);
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() ? *std::move(response) : HttpResponse();
}

void StripePaymentsTest::RegisterCard(const std::string& token) {
  const auto setup = Ask(&v1::RechargeService::Stub::StartCardSetup,
                         "account_id: 'acme' return_url: 'https://farebox.example/cards'");
  ASSERT_TRUE(setup.status.ok()) << setup.status.error_message();
  stripe_.EnterCard(setup->setup_id(), token);
  const auto card = Ask(&v1::RechargeService::Stub::CompleteCardSetup,
                        absl::Substitute("account_id: 'acme' setup_id: '$0'", setup->setup_id()));
  ASSERT_TRUE(card.status.ok()) << card.status.error_message();
}

int StripePaymentsTest::Tell(absl::string_view type, const nlohmann::json& object) {
  static std::atomic<int> events{0};
  const std::string body = nlohmann::json{
      {"id", absl::StrCat("evt_", ++events)},
      {"object", "event"},
      {"type", std::string(type)},
      {"data",
       {{"object", object}}}}.dump();
  return Post("/webhooks/payments", body, SignWebhook(body, kFakeWebhookSecret, clock_.Now()))
      .status;
}

int StripePaymentsTest::Charges() {
  int charges = 0;
  for (const StubRequest& request : stripe_.received()) {
    charges += request.method == "POST" && request.target == "/v1/payment_intents" ? 1 : 0;
  }
  return charges;
}

nlohmann::json StripePaymentsTest::IntentOf(const v1::Recharge& recharge,
                                            const std::string& status) {
  nlohmann::json intent = {{"id", recharge.provider_payment_id()},
                           {"object", "payment_intent"},
                           {"currency", "usd"},
                           {"status", status},
                           {"metadata", {{stripe::kAttemptIdKey, recharge.recharge_id()}}}};
  if (status == "succeeded") intent["amount_received"] = recharge.amount_micros() / 10'000;
  return intent;
}

nlohmann::json StripePaymentsTest::MoneyBack(const std::string& id, const v1::Recharge& recharge,
                                             int64_t cents) {
  return {{"id", id},
          {"payment_intent", recharge.provider_payment_id()},
          {"currency", "usd"},
          {"amount", cents}};
}

}  // namespace farebox::server
