// The same request id, said again; and what is answered where several refusals apply.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

constexpr char kCallNowhere[] =
    "usage { call { direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+999123456' } } ";

class Replay : public ServerTest {
 protected:
  // Sends a request twice, with something in between that changes what a first one would get.
  template <typename Request>
  void ExpectSameAnswerAgain(absl::string_view text) {
    auto first = Send<Request>(text);
    ASSERT_TRUE(first.status.ok()) << first.status.error_message();
    EXPECT_FALSE(first->replayed());
    clock_.Advance(absl::Hours(1));
    OpenAccount(absl::StrCat("somebody-else-", ++others_), 1);

    const auto again = Send<Request>(text);

    EXPECT_TRUE(again->replayed());
    first.value.set_replayed(true);
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(first.value, again.value))
        << first.value.ShortDebugString() << "\n"
        << again.value.ShortDebugString();
  }

  int others_ = 0;
};

TEST_F(Replay, EveryChangeGivesItsFirstAnswerAgain) {
  ExpectSameAnswerAgain<v1::CreateAccountRequest>(
      "account { account_id: 'alice' currency_code: 'EUR' time_zone: 'Europe/Berlin' deck: "
      "'standard' metadata { key: 'b' value: '2' } metadata { key: 'a' value: '1' } } "
      "request_id: 'open'");
  ExpectSameAnswerAgain<v1::CreditRequest>(
      "account_id: 'alice' request_id: 'credit' amount_micros: 5000000 reason: "
      "CREDIT_REASON_PAYMENT description: 'cash'");
  ExpectSameAnswerAgain<v1::DebitRequest>(
      "account_id: 'alice' request_id: 'debit' amount_micros: 5 item: ITEM_ADJUSTMENT");
  ExpectSameAnswerAgain<v1::DebitRequest>(
      "account_id: 'alice' request_id: 'text' usage { text { direction: DIRECTION_OUTBOUND from: "
      "'My Shop' to: '+12025550123' body: 'hello' } }");
  ExpectSameAnswerAgain<v1::AuthorizeRequest>(absl::StrCat(
      "account_id: 'alice' request_id: 'nowhere' requested_seconds: 60 ", kCallNowhere));
  ExpectSameAnswerAgain<v1::UpdateAccountRequest>(
      "account { account_id: 'alice' email: 'a@example.org' } request_id: 'update' update_mask { "
      "paths: 'email' }");
  OpenAccount("bob");
  ExpectSameAnswerAgain<v1::SuspendAccountRequest>("account_id: 'bob' request_id: 'suspend'");
  ExpectSameAnswerAgain<v1::ResumeAccountRequest>("account_id: 'bob' request_id: 'resume'");
  ExpectSameAnswerAgain<v1::CloseAccountRequest>("account_id: 'bob' request_id: 'close'");
}

TEST_F(Replay, EveryStepOfAHoldGivesItsFirstAnswerAgain) {
  OpenAccount("alice", 5'000'000);
  ExpectSameAnswerAgain<v1::AuthorizeRequest>(
      "account_id: 'alice' request_id: 'a' requested_seconds: 60 hold_ttl_seconds: 86400 usage { "
      "call { direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' } }");
  const int64_t hold = Send<v1::ListHoldsRequest>("account_id: 'alice'")->holds(0).hold_id();
  ExpectSameAnswerAgain<v1::ReauthorizeRequest>(
      absl::Substitute("account_id: 'alice' request_id: 'r' hold_id: $0 requested_seconds: 60 "
                       "hold_ttl_seconds: 86400",
                       hold));
  ExpectSameAnswerAgain<v1::DebitRequest>(absl::Substitute(
      "account_id: 'alice' request_id: 'i' settlement { hold_id: $0 used_seconds: 30 final: false}",
      hold));
  ExpectSameAnswerAgain<v1::DebitRequest>(absl::Substitute(
      "account_id: 'alice' request_id: 's' settlement { hold_id: $0 used_seconds: 90 }", hold));
  const int64_t released = AuthorizeCall("alice", "b", 60)->hold_id();
  ExpectSameAnswerAgain<v1::ReleaseRequest>(
      absl::Substitute("account_id: 'alice' request_id: 'rel' hold_id: $0", released));
}

TEST_F(Replay, ADeckThatWasLoadedMeanwhileChangesNoAnswer) {
  OpenAccount("alice", 5'000'000);
  auto first = AuthorizeCall("alice", "a", 60);
  ASSERT_TRUE(Import("standard", "item,prefix,rate_per_minute\nOUTBOUND_CALL,1,9\n").status.ok());

  auto again = AuthorizeCall("alice", "a", 60);

  EXPECT_THAT(again, Answers("replayed: true price { tariff_id: 'standard@1:2' }"));
  again.value.set_replayed(false);
  EXPECT_EQ(first.value.SerializeAsString(), again.value.SerializeAsString());
  // The call is settled by the tariff it was authorized with; a new one has the new tariff.
  EXPECT_THAT(Settle("alice", "s", first->hold_id(), 60),
              Answers("entry { amount_micros: -200000 } price { tariff_id: 'standard@1:2' }"));
  EXPECT_THAT(AuthorizeCall("alice", "b", 60),
              Answers("granted_seconds: 32 final: true price { tariff_id: 'standard@2:2' }"));
}

TEST_F(Replay, ARefusalIsRepeatedEvenWhenTheMoneyIsThereByNow) {
  OpenAccount("alice");
  constexpr char kDebit[] =
      "account_id: 'alice' request_id: 'd' amount_micros: 5 item: ITEM_ADJUSTMENT";
  EXPECT_THAT(Send<v1::DebitRequest>(kDebit),
              FailsWith(StatusCode::FAILED_PRECONDITION, "INSUFFICIENT_BALANCE"));
  Send<v1::CreditRequest>(
      "account_id: 'alice' request_id: 'c' amount_micros: 5 reason: CREDIT_REASON_PAYMENT");

  EXPECT_THAT(Send<v1::DebitRequest>(kDebit),
              FailsWith(StatusCode::FAILED_PRECONDITION, "INSUFFICIENT_BALANCE"));
  EXPECT_EQ(Balance("alice").balance_micros(), 5);
}

TEST_F(Replay, AnIdIsRefusedWithAnyOtherContent) {
  OpenAccount("alice", 5'000'000);
  const int64_t hold = AuthorizeCall("alice", "id", 60)->hold_id();
  const auto is_reused = FailsWith(StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED");

  EXPECT_THAT(AuthorizeCall("alice", "id", 61), is_reused);
  EXPECT_THAT(Settle("alice", "id", hold, 60), is_reused);
  EXPECT_THAT(Send<v1::DebitRequest>(
                  "account_id: 'alice' request_id: 'id' amount_micros: 5 item: ITEM_ADJUSTMENT"),
              is_reused);
  EXPECT_THAT(Send<v1::CreditRequest>("account_id: 'alice' request_id: 'id' amount_micros: 5 "
                                      "reason: CREDIT_REASON_PAYMENT"),
              is_reused);
  EXPECT_THAT(Send<v1::ReleaseRequest>(
                  absl::Substitute("account_id: 'alice' request_id: 'id' hold_id: $0", hold)),
              is_reused);
  EXPECT_THAT(Send<v1::SuspendAccountRequest>("account_id: 'alice' request_id: 'id'"), is_reused);
  // Another account's ids are its own.
  OpenAccount("bob", 5'000'000);
  EXPECT_THAT(AuthorizeCall("bob", "id", 61), Answers("decision: DECISION_GRANTED"));
}

// Precedence: field, request id, account, hold, state, money.
class Precedence : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    OpenAccount("poor");
    OpenAccount("suspended");
    used_id_hold_ = AuthorizeCall("suspended", "used id", 60)->hold_id();
    ASSERT_TRUE(Send<v1::SuspendAccountRequest>("account_id: 'suspended' request_id: 'suspend'")
                    .status.ok());
  }

  int64_t used_id_hold_ = 0;
};

TEST_F(Precedence, TheFirstRefusalOfTheOrderIsTheAnswer) {
  using R = v1::DebitRequest;
  const struct {
    const char* name;
    const char* request;
    StatusCode code;
    const char* reason;
  } kRows[] = {
      {"field before request id", "account_id: 'suspended' request_id: 'used id' amount_micros: -1",
       StatusCode::INVALID_ARGUMENT, "AMOUNT_INVALID"},
      {"field before account", "account_id: 'nobody' request_id: 'x' amount_micros: 1",
       StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"},
      {"request id before hold",
       "account_id: 'suspended' request_id: 'used id' settlement { hold_id: 999 }",
       StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED"},
      {"request id before state",
       "account_id: 'suspended' request_id: 'used id' amount_micros: 1 item: ITEM_ADJUSTMENT",
       StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED"},
      {"account before hold", "account_id: 'nobody' request_id: 'x' settlement { hold_id: 999 }",
       StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"},
      {"hold before state",
       "account_id: 'suspended' request_id: 'x1' settlement { hold_id: 999 used_seconds: 1 }",
       StatusCode::NOT_FOUND, "HOLD_NOT_FOUND"},
      {"state before money",
       "account_id: 'suspended' request_id: 'x2' amount_micros: 1 item: ITEM_ADJUSTMENT",
       StatusCode::FAILED_PRECONDITION, "ACCOUNT_SUSPENDED"},
      {"state before rate",
       "account_id: 'suspended' request_id: 'x3' used_seconds: 1 usage { call { direction: "
       "DIRECTION_OUTBOUND from: '1' to: '+999123456' } }",
       StatusCode::FAILED_PRECONDITION, "ACCOUNT_SUSPENDED"},
      {"rate before money",
       "account_id: 'poor' request_id: 'x4' used_seconds: 1 usage { call { direction: "
       "DIRECTION_OUTBOUND from: '1' to: '+999123456' } }",
       StatusCode::FAILED_PRECONDITION, "NO_RATE"},
      {"money", "account_id: 'poor' request_id: 'x5' amount_micros: 1 item: ITEM_ADJUSTMENT",
       StatusCode::FAILED_PRECONDITION, "INSUFFICIENT_BALANCE"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(Send<R>(row.request), FailsWith(row.code, row.reason)) << row.name;
  }
}

TEST_F(Precedence, AReplayComesBeforeWhatHasChangedSince) {
  EXPECT_THAT(AuthorizeCall("suspended", "used id", 60),
              Answers("replayed: true decision: DECISION_DENIED reason: "
                      "REASON_INSUFFICIENT_BALANCE"));
  EXPECT_THAT(AuthorizeCall("suspended", "new id", 60),
              Answers("decision: DECISION_DENIED reason: REASON_ACCOUNT_SUSPENDED"));
}

}  // namespace
}  // namespace farebox::server
