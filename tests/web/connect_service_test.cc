#include "server/web/connect_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/base/limits.h"
#include "tests/server/thread_gate.h"

namespace farebox::web {
namespace {

using ::testing::Contains;
using ::testing::Pair;

// A request that keeps its answer.
class KeptExchange final : public Exchange {
 public:
  explicit KeptExchange(Request request) : request_(std::move(request)) {}

  const Request& request() const override { return request_; }
  void Answer(Response response) override { response_ = std::move(response); }
  void Begin(Response /*head*/) override {}
  void Write(std::string /*piece*/, absl::AnyInvocable<void(bool)> /*written*/) override {}
  void End() override {}
  void OnGone(absl::AnyInvocable<void()> /*gone*/) override {}
  void ReadBody(absl::AnyInvocable<void(absl::StatusOr<std::string>)> /*read*/) override {}

  const Response& response() const { return response_; }

 private:
  const Request request_;
  Response response_;
};

class ConnectServiceTest : public ::testing::Test {
 protected:
  ConnectServiceTest() { service_.AddRoutes(&router_); }

  const Route& ApplyBatch() const {
    return *router_.Find("POST", "/farebox.v1.BillingService/ApplyBatch").route;
  }

  // As api.md has the form of errors.
  static void ExpectOverloaded(const Response& response) {
    EXPECT_EQ(response.status, 429);
    EXPECT_EQ(nlohmann::json::parse(response.body)["code"], "resource_exhausted");
    EXPECT_THAT(response.headers, Contains(Pair("retry-after", "1")));
  }

  const OriginRules origins_{{}};
  const server::AccessControl access_{{}, nullptr, nullptr};
  ConnectService service_{
      {.services = {"farebox.v1.BillingService"}, .access = &access_, .origins = &origins_}};
  server::ThreadGate gate_;
  // Last: its threads use what is above.
  Router router_;
};

TEST_F(ConnectServiceTest, ACallWithoutRoomForItsBodyIsOverloaded) {
  ExpectOverloaded(ApplyBatch().busy);
}

TEST_F(ConnectServiceTest, ACallThatWouldWaitBehindTooManyIsOverloaded) {
  const absl::Cleanup open_gate = [this] { gate_.Open(); };
  while (router_.RunApart([this] { gate_.Wait(); })) continue;
  const auto exchange = std::make_shared<KeptExchange>(
      Request{.method = "POST",
              .headers = {{"content-type", "application/json"}},
              .body = std::string(2 * limits::kHttpSmallBodyBytes, ' ')});

  ApplyBatch().handler(exchange);

  ExpectOverloaded(exchange->response());
}

}  // namespace
}  // namespace farebox::web
