// Under which trace a call is in the log and in the audit log, and what its caller is told of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/limits.h"
#include "tests/server/access_fixture.h"
#include "tests/server/http_calls.h"

namespace farebox::server {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kTraceId[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kHeader[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class TracingTest : public AccessTest {
 protected:
  // What a call came to, as its caller sees it.
  struct Traced {
    grpc::Status status;
    // Empty where the server told none.
    std::string traceresponse;
  };

  Config MakeConfig() const override {
    Config config = AccessTest::MakeConfig();
    config.call_log = call_log_;
    config.http_listen = "127.0.0.1:0";
    return config;
  }

  // Starts again with these lines of calls.
  void LogCalls(const CallLogOptions& options) {
    call_log_ = options;
    Restart();
  }

  static std::string TraceresponseOf(const grpc::ClientContext& context) {
    const auto& metadata = context.GetServerTrailingMetadata();
    const auto told = metadata.find("traceresponse");
    if (told == metadata.end()) return "";
    return std::string(told->second.data(), told->second.size());
  }

  Traced CreditWith(const std::vector<std::string>& headers, absl::string_view request_id,
                    const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    SetDeadline(&context);
    for (const std::string& header : headers) context.AddMetadata("traceparent", header);
    const auto request = Parse<v1::CreditRequest>(
        absl::StrCat("account_id: 'acme' amount_micros: 1000000 reason: CREDIT_REASON_PAYMENT "
                     "request_id: '",
                     request_id, "'"));
    v1::CreditResponse response;
    Traced traced;
    traced.status = v1::BillingService::NewStub(channel)->Credit(&context, request, &response);
    traced.traceresponse = TraceresponseOf(context);
    return traced;
  }
  Traced CreditWith(const std::vector<std::string>& headers, absl::string_view request_id) {
    return CreditWith(headers, request_id, channel_);
  }

  // What the server tells of its trace; empty for nothing.
  std::string GetBalanceOf(absl::string_view account) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::GetBalanceRequest request;
    request.set_account_id(std::string(account));
    v1::GetBalanceResponse response;
    billing_->GetBalance(&context, request, &response);
    return TraceresponseOf(context);
  }

  // The lines that `work` has the server log.
  template <typename Work>
  std::vector<nlohmann::json> LinesOf(Work work) {
    ConfigureLog(LogFormat::kJson, LogLevel::kInfo);
    ::testing::internal::CaptureStderr();
    work();
    FlushLog();
    const std::string text = ::testing::internal::GetCapturedStderr();
    ConfigureLog(LogFormat::kText, LogLevel::kError);
    std::vector<nlohmann::json> lines;
    for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      lines.push_back(nlohmann::json::parse(std::string(line), nullptr, false));
      EXPECT_FALSE(lines.back().is_discarded()) << line;
    }
    return lines;
  }

  CallLogOptions call_log_;
};

TEST_F(TracingTest, ACallerIsToldOfTheirOwnTrace) {
  const Traced traced = CreditWith({kHeader}, "one");

  EXPECT_TRUE(traced.status.ok());
  EXPECT_THAT(traced.traceresponse, AllOf(StartsWith(absl::StrCat("00-", kTraceId, "-")),
                                          Not(HasSubstr("b7ad6b7169203331")), SizeIs(55)));
}

TEST_F(TracingTest, TheAuditLogHasTheCallersTrace) {
  CreditWith({kHeader}, "one");

  const v1::ListAuditLogResponse log = AuditLog("account_id: 'acme' page_size: 2");

  ASSERT_EQ(log.records_size(), 2);
  for (const v1::AuditRecord& record : log.records()) {
    EXPECT_EQ(record.request_id(), "one");
    EXPECT_EQ(record.trace_id(), kTraceId);
  }
}

TEST_F(TracingTest, ABadTraceIsTakenForNone) {
  const std::vector<std::vector<std::string>> bad = {
      {"junk"},
      {"00-00000000000000000000000000000000-b7ad6b7169203331-01"},
      {std::string(kHeader) + "-more"},
      {std::string(4'000, 'a')},
      {kHeader, kHeader}};
  for (size_t i = 0; i < bad.size(); ++i) {
    const Traced traced = CreditWith(bad[i], absl::StrCat("bad ", i));

    EXPECT_TRUE(traced.status.ok()) << traced.status.error_message();
    EXPECT_THAT(traced.traceresponse,
                AllOf(MatchesRegex("00-[0-9a-f]+-[0-9a-f]+-00"), Not(HasSubstr(kTraceId))));
  }
}

TEST_F(TracingTest, WhoeverNamesNoTraceIsToldOfOneOnlyWhereSomethingIsWrittenOfIt) {
  EXPECT_EQ(GetBalanceOf("acme"), "");
  EXPECT_EQ(GetBalanceOf("nobody"), "");
  EXPECT_THAT(CreditWith({}, "audited").traceresponse, SizeIs(55));
}

TEST_F(TracingTest, ADenialIsInTheLogUnderItsTrace) {
  const std::shared_ptr<grpc::Channel> router = ChannelOf("role: ROLE_ROUTER");

  const std::vector<nlohmann::json> lines = LinesOf([&] {
    const Traced traced = CreditWith({kHeader}, "denied", router);
    EXPECT_EQ(traced.status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_THAT(traced.traceresponse, HasSubstr(kTraceId));
  });

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0]["event"], "denied");
  EXPECT_EQ(lines[0]["trace_id"], kTraceId);
}

TEST_F(TracingTest, AnImportIsInTheLogUnderATrace) {
  const std::vector<nlohmann::json> lines = LinesOf([&] { Import("standard", DeckCsv()); });

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0]["event"], "deck_imported");
  EXPECT_THAT(std::string(lines[0]["trace_id"]), SizeIs(32));
}

TEST_F(TracingTest, EveryCallHasALineWhereThatIsWanted) {
  LogCalls({.has_all = true});

  const std::vector<nlohmann::json> lines = LinesOf([&] {
    CreditWith({kHeader}, "mine");
    GetBalanceOf("nobody");
  });

  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0]["event"], "call");
  EXPECT_EQ(lines[0]["method"], "farebox.v1.BillingService/Credit");
  EXPECT_EQ(lines[0]["code"], "OK");
  EXPECT_EQ(lines[0]["account_id"], "acme");
  EXPECT_EQ(lines[0]["request_id"], "mine");
  EXPECT_EQ(lines[0]["trace_id"], kTraceId);
  EXPECT_THAT(std::string(lines[0]["caller"]), StartsWith("key:"));
  EXPECT_THAT(std::string(lines[0]["peer"]), StartsWith("ipv4:127.0.0.1:"));
  EXPECT_TRUE(lines[0]["took_us"].is_number());
  EXPECT_EQ(lines[1]["code"], "NOT_FOUND");
  EXPECT_EQ(lines[1]["reason"], "ACCOUNT_NOT_FOUND");
  EXPECT_FALSE(lines[1].contains("request_id"));
}

TEST_F(TracingTest, ALineOfACallOverHttpSaysWhereItCameFrom) {
  LogCalls({.has_all = true});
  HttpCalls http(server_->http_port());

  const std::vector<nlohmann::json> lines = LinesOf([&] {
    http.Call("BillingService/GetBalance", R"({"account_id": "acme"})",
              {absl::StrCat("Authorization: Bearer ", AdminKey())});
  });

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(std::string(lines[0]["peer"]), StartsWith("ipv4:127.0.0.1:"));
}

TEST_F(TracingTest, ALineHasNothingOfWhatACallSays) {
  LogCalls({.has_all = true});

  const std::vector<nlohmann::json> lines = LinesOf([&] {
    Send<v1::DebitRequest>(
        "account_id: 'acme' request_id: 'text' "
        "usage { text { from: '+12025550100' to: '+12025550123' body: 'our secret' } }");
    MakeKey("role: ROLE_ROUTER label: 'a label'");
  });

  ASSERT_THAT(lines, SizeIs(2));
  for (const nlohmann::json& line : lines) {
    for (const char* const word : {"our secret", "+1202", "a label", "fbx_"}) {
      EXPECT_FALSE(absl::StrContains(line.dump(), word)) << line.dump();
    }
  }
}

TEST_F(TracingTest, CallsThatTakeLongHaveALineAndOthersHaveNone) {
  LogCalls({.slow = absl::Hours(1)});
  EXPECT_THAT(LinesOf([&] { CreditWith({kHeader}, "quick"); }), IsEmpty());

  // By the fixture's clock every call takes no time.
  LogCalls({.slow = absl::ZeroDuration()});
  const std::vector<nlohmann::json> lines = LinesOf([&] { CreditWith({kHeader}, "slow"); });

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0]["event"], "slow_call");
  EXPECT_EQ(lines[0]["level"], "warning");
  EXPECT_EQ(lines[0]["trace_id"], kTraceId);
}

TEST_F(TracingTest, LinesAboutSlowCallsAreBoundedAndTheRestIsCounted) {
  LogCalls({.slow = absl::ZeroDuration()});

  const std::vector<nlohmann::json> lines = LinesOf([&] {
    for (int i = 0; i < limits::kSlowCallLinesPerSecond + 7; ++i) GetBalanceOf("acme");
    clock_.Advance(absl::Seconds(1));
    GetBalanceOf("acme");
  });

  ASSERT_THAT(lines, SizeIs(limits::kSlowCallLinesPerSecond + 1));
  EXPECT_EQ(lines.back()["left_out"], 7);
}

}  // namespace
}  // namespace farebox::server
