#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/recharge/http_client.h"
#include "server/recharge/stripe_gateway.h"
#include "storage/check.h"
#include "storage/mutex.h"
#include "tests/server/recharge/provider_fixture.h"
#include "tests/server/recharge/stub_server.h"

// Each request of StripeGateway against stripe-mock, which checks it against Stripe's published
// specification. stripe-mock keeps nothing and answers with examples: what answers mean is tested
// elsewhere.
namespace farebox::server {
namespace {

using ::testing::HasSubstr;

// The program, on a port of its own.
class StripeMock {
 public:
  StripeMock() {
    int pipe_ends[2] = {-1, -1};
    FAREBOX_CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
    std::string binary = FAREBOX_TOOLS "/stripe-mock";
    if (access(binary.c_str(), X_OK) != 0) binary = "stripe-mock";
    std::string flag = "-http-addr";
    std::string address = "127.0.0.1:";
    char* const arguments[] = {binary.data(), flag.data(), address.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
    const int result = posix_spawnp(&pid_, binary.c_str(), &actions, nullptr, arguments, environ);
    EXPECT_EQ(result, 0) << "no stripe-mock: tools/install builds it";
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_ends[1]);
    output_ = pipe_ends[0];
    ReadAddress();
  }
  ~StripeMock() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(output_);
  }
  StripeMock(const StripeMock&) = delete;
  StripeMock& operator=(const StripeMock&) = delete;

  // Empty where it did not start.
  const std::string& url() const { return url_; }

 private:
  // It tells it in its first lines: "Listening for HTTP at address: 127.0.0.1:4711".
  void ReadAddress() {
    const std::string kBefore = "address: ";
    std::string text;
    char buffer[512];
    ssize_t count = 0;
    while ((count = read(output_, buffer, sizeof(buffer))) > 0) {
      text.append(buffer, static_cast<size_t>(count));
      const size_t start = text.find(kBefore);
      const size_t end = text.find('\n', start == std::string::npos ? 0 : start);
      if (start == std::string::npos || end == std::string::npos) continue;
      const size_t address = start + kBefore.size();
      url_ = absl::StrCat("http://", text.substr(address, end - address));
      return;
    }
  }

  pid_t pid_ = 0;
  int output_ = -1;
  std::string url_;
};

struct Exchange {
  std::string request;
  int status = 0;
  std::string answer;
};

class StripeMockTest : public ::testing::Test {
 protected:
  // Once: it takes a second to read the specification.
  static void SetUpTestSuite() { mock_ = new StripeMock; }
  static void TearDownTestSuite() { delete mock_; }
  void SetUp() override { ASSERT_FALSE(mock_->url().empty()) << "stripe-mock did not start"; }

  // Passes a request on, and keeps what was answered.
  StubAnswer Forward(const StubRequest& request) {
    HttpRequest forwarded = {.method = request.method,
                             .url = absl::StrCat(mock_->url(), request.target),
                             .body = request.body};
    for (const auto& [name, value] : request.headers) {
      if (name == "host" || name == "content-length") continue;
      forwarded.headers.push_back(absl::StrCat(name, ": ", value));
    }
    const absl::StatusOr<HttpResponse> response = client_.Send(forwarded);
    if (!response.ok()) return {.ending = StubAnswer::Ending::kNothing};
    MutexLock lock(&mu_);
    exchanges_.push_back({.request = absl::StrCat(request.method, " ", request.target),
                          .status = response->status,
                          .answer = response->body});
    if (!instead_.body.empty()) return std::exchange(instead_, {});
    return {.status = response->status, .body = response->body};
  }

  // The next answer is this one.
  void AnswerInstead(const StubAnswer& answer) {
    MutexLock lock(&mu_);
    instead_ = answer;
  }

  // Each of these was asked for, and nothing was refused.
  void ExpectTaken(const std::vector<std::string>& requests) {
    MutexLock lock(&mu_);
    for (const Exchange& exchange : exchanges_) {
      EXPECT_EQ(exchange.status, 200) << exchange.request << "\n" << exchange.answer;
    }
    ASSERT_EQ(exchanges_.size(), requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_TRUE(absl::StartsWith(exchanges_[i].request, requests[i])) << exchanges_[i].request;
    }
  }

  static inline StripeMock* mock_ = nullptr;
  HttpClient client_{{}};
  Mutex mu_;
  std::vector<Exchange> exchanges_ ABSL_GUARDED_BY(mu_);
  StubAnswer instead_ ABSL_GUARDED_BY(mu_);
  StubServer between_{[this](const StubRequest& request) { return Forward(request); }};
  std::unique_ptr<StripeGateway> gateway_ =
      *StripeGateway::Create({.base_url = between_.url(),
                              .secret_key = "sk_test_123",
                              .return_url = "https://farebox.example/confirmed"});
};

TEST_F(StripeMockTest, AMalformedRequestIsSeen) {
  const absl::StatusOr<HttpResponse> response =
      client_.Send({.method = "POST",
                    .url = absl::StrCat(mock_->url(), "/v1/payment_intents"),
                    .headers = {"Authorization: Bearer sk_test_123"},
                    .body = "amount=2000&currency=eur&no_such_field=1"});

  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->status, 400);
  EXPECT_THAT(response->body, HasSubstr("additional properties"));
}

TEST_F(StripeMockTest, AChargeIsAsSpecified) {
  gateway_->TakeCharge(RequestFor("a-1"));

  ExpectTaken({"POST /v1/payment_intents"});
}

TEST_F(StripeMockTest, AConfirmationByTheCustomerIsAsSpecified) {
  AnswerInstead(
      {.status = 402, .body = R"({"error":{"type":"card_error","code":"authentication_required",
                             "payment_intent":{"id":"pi_1","object":"payment_intent"}}})"});

  gateway_->TakeCharge(RequestFor("a-1"));

  ExpectTaken({"POST /v1/payment_intents", "POST /v1/payment_intents/pi_1/confirm"});
}

TEST_F(StripeMockTest, ALookUpIsAsSpecified) {
  gateway_->FindCharge({.attempt_id = "a-1", .payment_id = "pi_1"});
  gateway_->FindCharge({.attempt_id = "a-1",
                        .customer = "cus_1",
                        .not_before = absl::FromUnixSeconds(1'790'000'000)});
  gateway_->CancelCharge({.attempt_id = "a-1", .payment_id = "pi_1"});

  ExpectTaken({"GET /v1/payment_intents/pi_1", "GET /v1/payment_intents?customer=cus_1",
               "POST /v1/payment_intents/pi_1/cancel"});
}

TEST_F(StripeMockTest, ARefundIsAsSpecified) {
  const absl::Status refunded = gateway_->Refund({.refund_id = "r-1",
                                                  .payment_id = "pi_1",
                                                  .amount = Micros(5'000'000),
                                                  .currency_code = "EUR"});

  EXPECT_THAT(refunded, IsOk());
  ExpectTaken({"GET /v1/refunds?payment_intent=pi_1", "POST /v1/refunds"});
}

TEST_F(StripeMockTest, ACardsLifeIsAsSpecified) {
  const absl::StatusOr<CardSetup> setup =
      gateway_->StartCardSetup("acme", "", "https://farebox.example/cards");
  EXPECT_THAT(setup, IsOk());
  // The example is nobody's session.
  EXPECT_THAT(gateway_->CompleteCardSetup("acme", "cs_1"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(gateway_->DetachCard({.token = "pm_1"}), IsOk());

  ExpectTaken({"POST /v1/customers", "POST /v1/checkout/sessions",
               "GET /v1/checkout/sessions/cs_1?expand", "POST /v1/payment_methods/pm_1/detach"});
}

TEST_F(StripeMockTest, AListIsAsSpecified) {
  const absl::Status listed = gateway_->ListCharges(
      absl::FromUnixSeconds(1'790'000'000), absl::InfiniteFuture(), [] { return true; },
      [](absl::string_view, const CardCharge&) {});

  EXPECT_THAT(listed, IsOk());
  ExpectTaken({"GET /v1/payment_intents?created"});
}

}  // namespace
}  // namespace farebox::server
