#ifndef FAREBOX_TESTS_SERVER_RECHARGE_FAKE_STRIPE_H_
#define FAREBOX_TESTS_SERVER_RECHARGE_FAKE_STRIPE_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/recharge/stripe_gateway.h"
#include "storage/clock.h"
#include "storage/mutex.h"
#include "tests/server/recharge/stub_server.h"

namespace farebox::server {

inline constexpr char kFakeStripeKey[] = "sk_test_51FakeKeyOfTheTests";
inline constexpr char kFakeWebhookSecret[] = "whsec_FakeSecretOfTheTests";

// As much of Stripe's API as StripeGateway uses, after its documentation: idempotency keys that
// keep the first answer, lists in pages, the test cards of simulated_cards.h, and no charge of less
// than half a unit. Answers can be replaced, before they have an effect or after. Thread-safe.
class FakeStripe {
 public:
  explicit FakeStripe(Clock* clock);

  const std::string& url() const { return server_->url(); }
  std::vector<StubRequest> received() { return server_->received(); }

  // The options of a gateway that talks to it.
  StripeGateway::Options GatewayOptions() const;

  // The next request is answered with this, and does nothing.
  void AnswerInstead(StubAnswer answer);
  // The next request does what it does; its answer is lost for this one.
  void AnswerAfterwards(StubAnswer answer);
  void ClearFaults();
  // Each request waits so, from now on, before it does anything.
  void HoldUp(std::function<void()> wait);

  // Refunds that are asked for fail: the money of the operator does not suffice, say.
  void RefuseRefunds(bool are_refused);

  // As Stripe does after a day.
  void ForgetKeys();
  size_t refund_count();

  // The customer enters a test card on the page of a setup.
  void EnterCard(const std::string& session_id, const std::string& token);
  // The customer pays what waits for him.
  void Confirm(const std::string& payment_id);

 private:
  using Fields = std::map<std::string, std::string>;
  struct Fault {
    bool has_effect = false;
    StubAnswer answer;
  };
  struct Kept {
    std::string request;
    StubAnswer answer;
  };

  StubAnswer Handle(const StubRequest& request);
  StubAnswer Keyed(const StubRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  StubAnswer Route(const StubRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  StubAnswer RoutePayment(absl::string_view method, const std::string& id, absl::string_view action)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  StubAnswer MakePayment(const Fields& form) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  StubAnswer MakeRefund(const Fields& form) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  StubAnswer MakeSession(const Fields& form) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  StubAnswer RouteCard(const std::string& id, absl::string_view action)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string NewId(absl::string_view prefix) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Clock* const clock_;

  Mutex mu_;
  int64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;
  std::function<void()> wait_ ABSL_GUARDED_BY(mu_) = [] {};
  std::deque<Fault> faults_ ABSL_GUARDED_BY(mu_);
  bool refunds_are_refused_ ABSL_GUARDED_BY(mu_) = false;
  std::map<std::string, Kept> kept_ ABSL_GUARDED_BY(mu_);
  // Oldest first.
  std::vector<nlohmann::json> payments_ ABSL_GUARDED_BY(mu_);
  std::vector<nlohmann::json> refunds_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, nlohmann::json> sessions_ ABSL_GUARDED_BY(mu_);
  // Registered cards.
  std::map<std::string, nlohmann::json> cards_ ABSL_GUARDED_BY(mu_);

  std::unique_ptr<StubServer> server_;
};

// An answer of Stripe's that refuses: {"error": {"type": ..., "message": ...}}.
StubAnswer StripeError(int status, const std::string& type, const std::string& message);

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_RECHARGE_FAKE_STRIPE_H_
