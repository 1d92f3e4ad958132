// Who has changed what, as the audit log has it over real calls.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "farebox/v1/recharge.pb.h"
#include "google/protobuf/empty.pb.h"
#include "tests/server/access_fixture.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

using ::google::protobuf::Empty;
using ::grpc::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class AuditTest : public AccessTest {
 protected:
  // By one stream of `channel`, one message after the other: a debit, and one that is no operation.
  static void StreamDebits(const std::shared_ptr<grpc::Channel>& channel,
                           const std::vector<std::string>& request_ids) {
    grpc::ClientContext context;
    SetDeadline(&context);
    const auto stream = v1::BillingService::NewStub(channel)->ApplyStream(&context);
    for (const std::string& request_id : request_ids) {
      v1::ApplyStreamRequest request = Parse<v1::ApplyStreamRequest>(
          absl::Substitute("operation { debit { account_id: 'acme' request_id: '$0' usage { text { "
                           "direction: DIRECTION_OUTBOUND from: '+12025550100' to: "
                           "'+12025550123' segments: 1 } } } } more {}",
                           request_id));
      ASSERT_TRUE(stream->Write(request));
    }
    stream->WritesDone();
    v1::ApplyStreamResponse response;
    for (size_t i = 0; i < request_ids.size(); ++i) {
      ASSERT_TRUE(stream->Read(&response));
      EXPECT_TRUE(response.result().has_debit()) << response.ShortDebugString();
      EXPECT_TRUE(response.more(0).result().has_error());
    }
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
};

TEST_F(AuditTest, AChangeHasALineBeforeAndOneAfter) {
  ASSERT_THAT(Send<v1::UpdateAccountRequest>(
                  "account { account_id: 'acme' email: 'new@example.com' } request_id: 'u1' "
                  "update_mask { paths: 'email' }"),
              Answers(""));

  const v1::ListAuditLogResponse log = AuditLog("account_id: 'acme' page_size: 2");

  ASSERT_EQ(log.records_size(), 2);
  EXPECT_THAT(
      log.records(0),
      Shows("event: AUDIT_EVENT_ANSWERED role: ROLE_ADMIN account_id: 'acme' "
            "request_id: 'u1' code: 'OK' "
            "method: 'farebox.v1.AccountService/UpdateAccount' time { seconds: 1767225600 }"));
  EXPECT_THAT(log.records(0).after_json(), HasSubstr("new@example.com"));
  EXPECT_THAT(log.records(1), Shows("event: AUDIT_EVENT_ASKED code: ''"));
  EXPECT_THAT(log.records(1).request_json(), HasSubstr("new@example.com"));
  EXPECT_THAT(log.records(1).before_json(),
              AllOf(HasSubstr("acme"), Not(HasSubstr("new@example.com"))));
  EXPECT_EQ(log.records(0).call_id(), log.records(1).call_id());
  EXPECT_THAT(log.records(0).caller(), StartsWith("key:"));
  EXPECT_THAT(log.records(0).peer(), StartsWith("ipv4:127.0.0.1:"));
}

TEST_F(AuditTest, WhatWasRefusedIsInTheLogWithItsReason) {
  ASSERT_THAT(Send<v1::CloseAccountRequest>("account_id: 'acme' request_id: 'c1'"),
              FailsWith(StatusCode::FAILED_PRECONDITION, "ACCOUNT_NOT_EMPTY"));

  const v1::ListAuditLogResponse log = AuditLog("account_id: 'acme' page_size: 1");

  EXPECT_THAT(log.records(0),
              Shows("event: AUDIT_EVENT_ANSWERED code: 'FAILED_PRECONDITION' after_json: ''"));
  EXPECT_THAT(log.records(0).problem(), Not(IsEmpty()));
}

TEST_F(AuditTest, MachinesMoneyIsInTheJournalAndPeoplesInTheLogToo) {
  const size_t before = AuditLog().records_size();
  const auto router = ChannelOf("role: ROLE_ROUTER");  // Two lines.
  ASSERT_THAT(CallBy<v1::AuthorizeResponse>(
                  router, "BillingService/Authorize",
                  Parse<v1::AuthorizeRequest>(
                      "account_id: 'acme' request_id: 'a1' requested_seconds: 60 usage { call { "
                      "direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' } }")),
              Answers("decision: DECISION_GRANTED"));
  EXPECT_EQ(AuditLog().records_size(), before + 2);

  ASSERT_THAT(Send<v1::DebitRequest>("account_id: 'acme' request_id: 'd1' amount_micros: 1 "
                                     "item: ITEM_ADJUSTMENT"),
              Answers(""));
  EXPECT_EQ(AuditLog().records_size(), before + 4);
}

TEST_F(AuditTest, OfAStreamEachMessageHasItsLines) {
  const size_t before = AuditLog().records_size();

  StreamDebits(channel_, {"s1", "s2", "s3"});

  const v1::ListAuditLogResponse log = AuditLog();
  ASSERT_EQ(log.records_size(), before + 6);
  std::vector<std::string> asked;
  std::vector<std::string> answered;
  for (int i = 5; i >= 0; --i) {
    const v1::AuditRecord& record = log.records(i);
    EXPECT_THAT(record, Shows("role: ROLE_ADMIN method: 'farebox.v1.BillingService/ApplyStream'"));
    const bool is_asked = record.event() == v1::AUDIT_EVENT_ASKED;
    (is_asked ? asked : answered).push_back(record.call_id());
    EXPECT_THAT(is_asked ? record.request_json() : record.after_json(), HasSubstr("acme"));
  }
  EXPECT_EQ(asked, answered);
}

// Also those that no single line has room for.
TEST_F(AuditTest, OfABatchEveryOperationIsFoundUnderItsAccount) {
  constexpr int kOperations = 200;
  constexpr int kOfOther = 150;
  v1::ApplyBatchRequest batch;
  for (int i = 0; i < kOperations; ++i) {
    v1::CreditRequest* const credit = batch.add_operations()->mutable_credit();
    credit->set_account_id(i == kOfOther ? "other" : "acme");
    credit->set_request_id(absl::StrCat("b", i));
    credit->set_amount_micros(1);
    credit->set_reason(v1::CREDIT_REASON_PAYMENT);
  }
  ASSERT_TRUE(Send(batch).status.ok());

  const v1::ListAuditLogResponse others = AuditLog("account_id: 'other' page_size: 2");
  ASSERT_EQ(others.records_size(), 2);
  for (const v1::AuditRecord& record : others.records()) {
    EXPECT_THAT(record, Shows("method: 'farebox.v1.BillingService/ApplyBatch' "
                              "account_id: 'other' request_id: 'b150'"));
  }
  EXPECT_THAT(others.records(0), Shows("event: AUDIT_EVENT_ANSWERED code: 'OK'"));
  EXPECT_THAT(others.records(0).after_json(), HasSubstr("b150"));
  EXPECT_THAT(others.records(1).request_json(), AllOf(HasSubstr("b150"), Not(HasSubstr("b149"))));
  std::string asked;
  const v1::ListAuditLogResponse own = AuditLog("account_id: 'acme'");
  for (const v1::AuditRecord& record : own.records()) {
    if (record.call_id() == others.records(0).call_id()) asked += record.request_json();
    EXPECT_LT(record.request_json().size(), size_t{10'000});
    EXPECT_LT(record.after_json().size(), size_t{10'000});
  }
  for (int i = 0; i < kOperations; ++i) {
    EXPECT_EQ(absl::StrContains(asked, absl::StrCat("\"b", i, "\"")), i != kOfOther) << i;
  }
}

TEST_F(AuditTest, WhatBecameOfABatchIsFoundUnderEachAccount) {
  v1::ApplyBatchRequest batch = Parse<v1::ApplyBatchRequest>(
      "operations { release { account_id: 'acme' request_id: 'r' hold_id: 1 } } "
      "operations { release { account_id: 'other' request_id: 's' hold_id: 1 } }");
  ASSERT_TRUE(Send(batch).status.ok());

  for (const char* const account : {"acme", "other"}) {
    const v1::ListAuditLogResponse log =
        AuditLog(absl::StrCat("page_size: 1 account_id: '", account, "'"));
    EXPECT_THAT(log.records(0), Shows("event: AUDIT_EVENT_ANSWERED method: "
                                      "'farebox.v1.BillingService/ApplyBatch'"));
    EXPECT_THAT(log.records(0).after_json(), HasSubstr("HOLD_NOT_FOUND"));
  }
}

TEST_F(AuditTest, AKeyOfOneAccountIsInTheLogOfTheAccount) {
  const std::string key_id = MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'").key().key_id();

  const v1::ListAuditLogResponse log = AuditLog("account_id: 'acme' page_size: 1");

  EXPECT_THAT(log.records(0), Shows("event: AUDIT_EVENT_ANSWERED role: ROLE_ADMIN "
                                    "method: 'farebox.v1.AccessService/CreateApiKey'"));
  EXPECT_THAT(log.records(0).after_json(), HasSubstr(key_id));
}

TEST_F(AuditTest, AMachinesStreamIsInTheJournalOnly) {
  const auto gateway = ChannelOf("role: ROLE_GATEWAY");
  const size_t before = AuditLog().records_size();

  StreamDebits(gateway, {"g1", "g2"});

  EXPECT_EQ(AuditLog().records_size(), before);
}

TEST_F(AuditTest, WhoeverWasTurnedAwayIsInTheLogOnceAMinute) {
  const auto router = ChannelOf("role: ROLE_ROUTER");
  const auto ask = [&] {
    return CallBy<Empty>(router, "AccountService/CreateAccount", Empty()).status.error_code();
  };
  const auto denied_lines = [&] {
    int count = 0;
    const v1::ListAuditLogResponse log = AuditLog();
    for (const v1::AuditRecord& record : log.records()) {
      if (record.event() != v1::AUDIT_EVENT_DENIED) continue;
      EXPECT_THAT(record, Shows("role: ROLE_ROUTER code: 'PERMISSION_DENIED' "
                                "method: 'farebox.v1.AccountService/CreateAccount'"));
      ++count;
    }
    return count;
  };
  const auto await_lines = [&](int count) {
    // They are written by and by.
    testing::Await([&] { return denied_lines() >= count; });
  };

  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(), StatusCode::PERMISSION_DENIED);
  await_lines(1);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(ask(), StatusCode::PERMISSION_DENIED);
  await_lines(2);

  EXPECT_EQ(denied_lines(), 2);
}

TEST_F(AuditTest, WhatABatchIsDeniedIsInTheLogToo) {
  const auto router = ChannelOf("role: ROLE_ROUTER");
  const auto answer = CallBy<v1::ApplyBatchResponse>(
      router, "BillingService/ApplyBatch",
      Parse<v1::ApplyBatchRequest>("operations { credit { account_id: 'acme' request_id: 'c' "
                                   "amount_micros: 1 reason: CREDIT_REASON_PAYMENT } }"));
  ASSERT_EQ(answer->results(0).error().code(), StatusCode::PERMISSION_DENIED);

  v1::ListAuditLogResponse log;
  testing::Await([&] {
    log = AuditLog("page_size: 1");
    return log.records(0).event() == v1::AUDIT_EVENT_DENIED;
  });

  EXPECT_THAT(log.records(0), Shows("role: ROLE_ROUTER code: 'PERMISSION_DENIED' "
                                    "method: 'farebox.v1.BillingService/ApplyBatch'"));
}

TEST_F(AuditTest, TheLogHasNoSecretsAndNoTexts) {
  const v1::CreateApiKeyResponse made = MakeKey("role: ROLE_ROUTER");
  ASSERT_THAT(Send<v1::DebitRequest>(
                  "account_id: 'acme' request_id: 't1' usage { text { direction: "
                  "DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' body: 'see you' } }"),
              Answers(""));

  bool has_key = false;
  const v1::ListAuditLogResponse log = AuditLog();
  for (const v1::AuditRecord& record : log.records()) {
    EXPECT_THAT(record.ShortDebugString(), Not(HasSubstr(made.secret())));
    EXPECT_THAT(record.ShortDebugString(), Not(HasSubstr("see you")));
    has_key |= absl::StrContains(record.after_json(), made.key().key_id());
  }
  EXPECT_TRUE(has_key);
}

class PaymentsAuditTest : public AuditTest {
 protected:
  Config MakeConfig() const override {
    Config config = AuditTest::MakeConfig();
    config.payments.provider.provider = PaymentProvider::kSimulated;
    return config;
  }
};

TEST_F(PaymentsAuditTest, TheLogHasNoPagesOfTheProvider) {
  const auto setup = CallBy<v1::StartCardSetupResponse>(
      channel_, "RechargeService/StartCardSetup",
      Parse<v1::StartCardSetupRequest>("account_id: 'acme' return_url: 'https://f.example/'"));
  ASSERT_TRUE(CallBy<v1::CompleteCardSetupResponse>(
                  channel_, "RechargeService/CompleteCardSetup",
                  Parse<v1::CompleteCardSetupRequest>(absl::Substitute(
                      "account_id: 'acme' setup_id: '$0:pm_card_authenticationRequired'",
                      setup->setup_id())))
                  .status.ok());
  EXPECT_FALSE(
      CallBy<v1::PayResponse>(
          channel_, "RechargeService/Pay",
          Parse<v1::PayRequest>("account_id: 'acme' request_id: 'p1' amount_micros: 25000000"))
          .status.ok());
  const auto shown =
      CallBy<v1::GetAutoRechargeResponse>(channel_, "RechargeService/GetAutoRecharge",
                                          Parse<v1::GetAutoRechargeRequest>("account_id: 'acme'"));
  ASSERT_THAT(shown->last_recharge().action_url(), Not(IsEmpty()));
  ASSERT_TRUE(CallBy<v1::UpdateAutoRechargeResponse>(
                  channel_, "RechargeService/UpdateAutoRecharge",
                  Parse<v1::UpdateAutoRechargeRequest>(
                      "account_id: 'acme' auto_recharge { enabled: true amount_micros: 60000000 "
                      "threshold_micros: 15000000 failure_email: 'a@acme.example' }"))
                  .status.ok());

  bool has_waiting = false;
  const v1::ListAuditLogResponse log = AuditLog();
  for (const v1::AuditRecord& record : log.records()) {
    EXPECT_THAT(record.ShortDebugString(), Not(HasSubstr(setup->url())));
    EXPECT_THAT(record.ShortDebugString(), Not(HasSubstr(shown->last_recharge().action_url())));
    has_waiting |= absl::StrContains(record.before_json(), "ACTION_REQUIRED");
  }
  EXPECT_TRUE(has_waiting);
}

TEST_F(AuditTest, ADeckThatIsImportedIsInTheLog) {
  ASSERT_TRUE(Import("night", DeckCsv()).status.ok());

  const v1::ListAuditLogResponse log = AuditLog("page_size: 2");

  EXPECT_THAT(log.records(1), Shows("event: AUDIT_EVENT_ASKED method: "
                                    "'farebox.v1.RateService/ImportRates'"));
  EXPECT_THAT(log.records(1).request_json(), HasSubstr("night"));
  EXPECT_THAT(log.records(0), Shows("event: AUDIT_EVENT_ANSWERED code: 'OK'"));
}

TEST_F(AuditTest, TheLogHasPages) {
  std::vector<int64_t> ids;
  std::string token;
  do {
    const auto page = AuditLog(absl::Substitute("page_size: 2 page_token: '$0'", token));
    for (const v1::AuditRecord& record : page.records()) ids.push_back(record.record_id());
    token = page.next_page_token();
  } while (!token.empty());

  // The deck, two accounts and two credits.
  EXPECT_EQ(ids.size(), 10u);
  EXPECT_TRUE(std::is_sorted(ids.rbegin(), ids.rend()));
}

}  // namespace
}  // namespace farebox::server
