#include <filesystem>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/recharge/http_client.h"
#include "tests/server/access_fixture.h"
#include "tests/server/thread_gate.h"
#include "tests/support/await.h"
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
    return testing::Await([&] { return Get("/readyz").status == status; });
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

TEST_F(OperationsRoutesTest, AFreeDiskThatCannotBeToldIsNoFullOne) {
  const std::string files = MakeConfig().data_directory;
  const std::string away = absl::StrCat(files, ".away");
  std::filesystem::rename(files, away);

  const HttpResponse answer = Get("/metrics", AdminKey());

  std::filesystem::rename(away, files);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body,
              AllOf(HasSubstr("farebox_journal_bytes"), Not(HasSubstr("farebox_disk_free_bytes"))));
}

TEST_F(OperationsRoutesTest, MoneyIsAddedUpByCurrencyAndAgainAfterARestart) {
  Send<v1::CreateAccountRequest>(
      "account { account_id: 'jane' currency_code: 'EUR' deck: 'standard' } request_id: 'jane'");
  const auto held = AuthorizeCall("acme", "held", 60);
  AuthorizeCall("acme", "held too", 60);
  AuthorizeCall("other", "expires", 60);
  Settle("acme", "settled", held->hold_id(), 60);
  Advance(absl::Hours(1));
  AuthorizeCall("acme", "in progress", 120);
  Send<v1::DebitRequest>(
      "account_id: 'other' request_id: 'too much' amount_micros: 21000000 "
      "item: ITEM_ADJUSTMENT");
  const auto sums = AllOf(HasSubstr("farebox_holds_open{currency=\"EUR\"} 0\n"),
                          HasSubstr("farebox_holds_open{currency=\"USD\"} 1\n"),
                          HasSubstr("farebox_held_money{currency=\"USD\"} 0.4\n"),
                          HasSubstr("farebox_balance_money{currency=\"USD\"} 39.8\n"),
                          HasSubstr("farebox_balance_money{currency=\"EUR\"} 0\n"));
  const std::string before = Get("/metrics", AdminKey()).body;
  EXPECT_THAT(before,
              AllOf(sums, HasSubstr("farebox_entries_by_kind_total{kind=\"hold_expired\"} 2\n"),
                    HasSubstr("farebox_declines_total{reason=\"INSUFFICIENT_BALANCE\"} 1\n")));

  Restart();

  EXPECT_THAT(Get("/metrics", AdminKey()).body,
              AllOf(sums, Not(HasSubstr("farebox_entries_by_kind_total{"))));
}

TEST_F(OperationsRoutesTest, LinesOfTheAuditLogAreCounted) {
  const std::string router = MakeKey("role: ROLE_ROUTER").secret();
  const auto asked = Parse<v1::CreditRequest>(
      "account_id: 'acme' request_id: 'x' amount_micros: 1 reason: CREDIT_REASON_PAYMENT");
  CallBy<v1::CreditResponse>(ChannelWith(router), "BillingService/Credit", asked);

  // The line about it is written by and by.
  const std::string denied = "farebox_audit_records_total{event=\"denied\"} 1\n";
  std::string body;
  for (int i = 0; i < 1'000 && !absl::StrContains(body, denied); ++i) {
    body = Get("/metrics", AdminKey()).body;
  }
  EXPECT_THAT(body,
              AllOf(HasSubstr(denied), HasSubstr("farebox_audit_records_total{event=\"asked\"} "),
                    Not(HasSubstr("farebox_audit_records_total{event=\"asked\"} 0\n")),
                    HasSubstr("farebox_audit_lost_total 0\n")));
}

TEST_F(OperationsRoutesTest, StatusHasTheFiguresOfTheMetrics) {
  AuthorizeCall("acme", "in progress", 60);
  Send<v1::DebitRequest>(
      "account_id: 'other' request_id: 'too much' amount_micros: 21000000 "
      "item: ITEM_ADJUSTMENT");

  const Answer<v1::GetStatusResponse> status = Send<v1::GetStatusRequest>("");

  EXPECT_THAT(status, Answers("currencies { currency_code: 'USD' accounts: 2 open_holds: 1 "
                              "             held_micros: '200000' balance_micros: '40000000' } "
                              "declines { reason: REASON_INSUFFICIENT_BALANCE count: 1 } "
                              "queued_max: 65536 start_entries: 0"));
  const v1::DurationHistogram& commits = status->commits();
  EXPECT_EQ(commits.counts_size(), commits.bound_micros_size() + 1);
  EXPECT_GT(status->syncs().sum_micros(), 0);
  EXPECT_EQ(status->time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_GT(status->process().resident_bytes(), 1'000'000);
  EXPECT_GT(status->disk_free_bytes(), 0);
  EXPECT_TRUE(status->has_recharges());
  EXPECT_FALSE(status->has_certificate_expire_time());
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
  HoldUpWriter(&server_->ledger(), &gate);

  EXPECT_TRUE(AwaitReadiness(503));
  EXPECT_TRUE(health.Await(testing::HealthWatch::Health::kNotServing));
  EXPECT_THAT(Get("/metrics", AdminKey()).body, HasSubstr("farebox_disk_state 1\n"));

  gate.Open();
  EXPECT_TRUE(AwaitReadiness(200));
  EXPECT_TRUE(health.Await(testing::HealthWatch::Health::kServing));
  EXPECT_THAT(Get("/metrics", AdminKey()).body,
              AllOf(HasSubstr("farebox_disk_state 0\n"), HasSubstr("farebox_disk_slow_total 1\n")));
}

class OperationsRoutesGraceTest : public OperationsRoutesTest {
 protected:
  Config MakeConfig() const override {
    Config config = OperationsRoutesTest::MakeConfig();
    config.drain_grace = absl::Seconds(1);
    return config;
  }
};

// A balancer that asks by HTTP has the same time to leave as one that watches health.
TEST_F(OperationsRoutesGraceTest, IsNotReadyFromTheBeginningOfADrain) {
  std::thread drain([this] { server_->Drain(); });

  EXPECT_TRUE(AwaitReadiness(503));

  drain.join();
  Restart();
}

TEST_F(OperationsRoutesTest, WhoeverAsksIsToldWhetherItIsWell) {
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_EQ(Get("/readyz").status, 200);
}

}  // namespace
}  // namespace farebox::server
