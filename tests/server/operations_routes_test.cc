#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/recharge/http_client.h"
#include "tests/server/access_fixture.h"
#include "tests/server/thread_gate.h"
#include "tests/support/health_watch.h"

namespace farebox::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class OperationsRoutesTest : public AccessTest {
 protected:
  Config MakeConfig() const override {
    Config config = AccessTest::MakeConfig();
    config.http_listen = "127.0.0.1:0";
    return config;
  }

  HttpResponse Get(const std::string& path, const std::string& api_key = "") {
    HttpRequest request;
    request.method = "GET";
    request.url = absl::StrCat("http://127.0.0.1:", server_->http_port(), path);
    if (!api_key.empty()) {
      request.headers.push_back(absl::StrCat("Authorization: Bearer ", api_key));
    }
    return *http_.Send(request);
  }

  // Asks until it is answered so, and returns whether it was.
  bool AwaitReadiness(int status) {
    const absl::Time deadline = SystemClock().Now() + absl::Seconds(30);
    while (SystemClock().Now() < deadline) {
      if (Get("/readyz").status == status) return true;
    }
    return false;
  }

  HttpClient http_{{}};
};

TEST_F(OperationsRoutesTest, MetricsTellOfCallsCommitsAndFiles) {
  const std::string key = MakeKey("role: ROLE_METRICS").secret();

  const HttpResponse answer = Get("/metrics", key);

  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.Header("content-type"), HasSubstr("version=0.0.4"));
  EXPECT_THAT(
      answer.body,
      AllOf(HasSubstr("farebox_rpc_answers_total{code=\"OK\",method=\"farebox.v1."
                      "BillingService/Credit\"} 2\n"),
            HasSubstr("farebox_accounts 2\n"), HasSubstr("farebox_entries_total 4\n"),
            HasSubstr("farebox_commit_seconds_count 4\n"),
            HasSubstr("farebox_commit_entries_sum 4\n"), HasSubstr("farebox_queued_commands 0\n")));
  for (const char* const positive :
       {"farebox_journal_bytes", "farebox_disk_free_bytes", "process_resident_memory_bytes",
        "process_open_fds", "farebox_queued_commands_max"}) {
    EXPECT_THAT(answer.body, AllOf(HasSubstr(absl::StrCat("\n", positive, " ")),
                                   Not(HasSubstr(absl::StrCat("\n", positive, " 0\n")))));
  }
}

TEST_F(OperationsRoutesTest, MetricsAreForThoseWhoMayReadThem) {
  EXPECT_EQ(Get("/metrics").status, 401);
  EXPECT_EQ(Get("/metrics", "fbx_wrong").status, 401);
  EXPECT_EQ(Get("/metrics", MakeKey("role: ROLE_ROUTER").secret()).status, 403);
  EXPECT_EQ(Get("/metrics", MakeKey("role: ROLE_SUPPORT account_ids: 'acme'").secret()).status,
            403);
  EXPECT_EQ(Get("/metrics", AdminKey()).status, 200);
}

TEST_F(OperationsRoutesTest, ADiskThatDoesNotAnswerIsToldByHealthAndByReadiness) {
  testing::HealthWatch health(absl::StrCat("127.0.0.1:", server_->port()));
  ASSERT_TRUE(health.Await(testing::HealthWatch::Health::kServing));
  ThreadGate gate;
  server_->ledger().SubmitCatalogChange(
      [&](Catalog&) {
        gate.Wait();
        return absl::OkStatus();
      },
      [](const absl::Status&) {});

  EXPECT_TRUE(AwaitReadiness(503));
  EXPECT_TRUE(health.Await(testing::HealthWatch::Health::kNotServing));
  EXPECT_THAT(Get("/metrics", AdminKey()).body, HasSubstr("farebox_disk_state 1\n"));

  gate.Open();
  EXPECT_TRUE(AwaitReadiness(200));
  EXPECT_TRUE(health.Await(testing::HealthWatch::Health::kServing));
  EXPECT_THAT(Get("/metrics", AdminKey()).body,
              AllOf(HasSubstr("farebox_disk_state 0\n"), HasSubstr("farebox_disk_slow_total 1\n")));
}

TEST_F(OperationsRoutesTest, WhoeverAsksIsToldWhetherItIsWell) {
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_EQ(Get("/readyz").status, 200);
}

}  // namespace
}  // namespace farebox::server
