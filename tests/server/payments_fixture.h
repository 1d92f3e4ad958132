#ifndef FAREBOX_TESTS_SERVER_PAYMENTS_FIXTURE_H_
#define FAREBOX_TESTS_SERVER_PAYMENTS_FIXTURE_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "farebox/v1/recharge.grpc.pb.h"
#include "server/recharge/http_client.h"
#include "tests/server/recharge/fake_stripe.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {

inline constexpr char kAutoRecharge[] =
    "account_id: 'acme' auto_recharge { enabled: true amount_micros: 60000000 "
    "threshold_micros: 15000000 failure_email: 'money@acme.example' }";

// A server with a payment provider and HTTP, both over real sockets.
class PaymentsTest : public ServerTest {
 protected:
  explicit PaymentsTest(PaymentProvider provider) : provider_(provider) {}

  void SetUp() override;
  void TearDown() override;
  Config MakeConfig() const override;

  // A call of RechargeService.
  template <typename Request, typename Response>
  using Method = grpc::Status (v1::RechargeService::Stub::*)(grpc::ClientContext*, const Request&,
                                                             Response*);
  template <typename Request, typename Response>
  Answer<Response> Ask(Method<Request, Response> method, absl::string_view text) {
    grpc::ClientContext context;
    SetDeadline(&context);
    Answer<Response> answer;
    answer.status = ((*recharges_).*method)(&context, Parse<Request>(text), &answer.value);
    return answer;
  }
  Answer<v1::PayResponse> Pay(absl::string_view request_id, int64_t amount_micros);
  // Of "acme", newest first.
  v1::ListRechargesResponse Recharges();
  // Waits until the newest one is in this state.
  v1::Recharge AwaitRecharge(v1::RechargeState state);
  void AwaitBalance(int64_t balance_micros);

  HttpResponse Get(const std::string& path);
  HttpResponse Post(const std::string& path, const std::string& body,
                    const std::string& signature = "");

  const PaymentProvider provider_;
  FakeStripe stripe_{&clock_};
  HttpClient http_{{}};
  std::unique_ptr<v1::RechargeService::Stub> recharges_;

 private:
  HttpResponse Request(HttpRequest request);
};

// The provider is one that behaves like Stripe.
class StripePaymentsTest : public PaymentsTest {
 protected:
  StripePaymentsTest() : PaymentsTest(PaymentProvider::kStripe) {}

  // Puts a test card on the file of "acme", on the provider's page.
  void RegisterCard(const std::string& token);
  // Sends a webhook that is signed as Stripe signs it; the HTTP status of its answer.
  int Tell(absl::string_view type, const nlohmann::json& object);
  // How often the provider was asked to take money.
  int Charges();
  // What Stripe tells of a payment of ours.
  static nlohmann::json IntentOf(const v1::Recharge& recharge, const std::string& status);
  // What Stripe tells of a dispute of such a payment, or of a refund.
  static nlohmann::json MoneyBack(const std::string& id, const v1::Recharge& recharge,
                                  int64_t cents);
};

class SimulatedPaymentsTest : public PaymentsTest {
 protected:
  SimulatedPaymentsTest() : PaymentsTest(PaymentProvider::kSimulated) {}
};

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_PAYMENTS_FIXTURE_H_
