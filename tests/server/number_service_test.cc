// Rented numbers over gRPC.

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "farebox/v1/number.grpc.pb.h"
#include "tests/server/server_fixture.h"
#include "tests/server/thread_gate.h"

namespace farebox::server {
namespace {

using Stub = v1::NumberService::Stub;
using grpc::StatusCode;

class NumberServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    OpenAccount("acme", 10'000'000);
  }

  template <typename Request, typename Response>
  Answer<Response> Ask(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
                       absl::string_view text) {
    const auto numbers = v1::NumberService::NewStub(channel_);
    grpc::ClientContext context;
    SetDeadline(&context);
    Answer<Response> answer;
    answer.status = ((*numbers).*method)(&context, Parse<Request>(text), &answer.value);
    return answer;
  }

  Answer<v1::PurchaseNumberResponse> Buy(absl::string_view account, absl::string_view request_id,
                                         absl::string_view number) {
    return Ask(&Stub::PurchaseNumber,
               absl::Substitute("account_id: '$0' request_id: '$1' number: '$2'", account,
                                request_id, number));
  }
};

TEST_F(NumberServiceTest, APurchaseIsPricedByTheDeckAndRepeatedHarmlessly) {
  const auto bought = Buy("acme", "r1", "12025550123");

  EXPECT_THAT(bought, Answers("number { number: '+12025550123' account_id: 'acme' "
                              "state: NUMBER_STATE_ACTIVE } "
                              "entry { item: ITEM_PHONE_NUMBER_PURCHASE amount_micros: -1500000 "
                              "balance_after_micros: 8500000 }"));
  // On 1 February, in UTC.
  EXPECT_EQ(
      bought->number().next_renewal_time().seconds() - bought->number().purchase_time().seconds(),
      31 * 86'400);
  // With and without the plus it is the same number.
  const auto again = Buy("acme", "r1", "+12025550123");
  EXPECT_THAT(again, Answers("replayed: true"));
  EXPECT_EQ(again->entry().entry_id(), bought->entry().entry_id());
  EXPECT_EQ(Balance("acme").balance_micros(), 8'500'000);
}

// The first purchase waits in its middle.
class HeldUpPurchaseTest : public NumberServiceTest {
 protected:
  Config MakeConfig() const override {
    Config config = NumberServiceTest::MakeConfig();
    config.rentals.reached = [gate = gate_.get()](absl::string_view) { gate->Wait(); };
    return config;
  }

  const std::unique_ptr<ThreadGate> gate_ = std::make_unique<ThreadGate>();
};

TEST_F(HeldUpPurchaseTest, APurchaseWhoseCallerDidNotWaitForItsTurnIsNotBegun) {
  std::thread patient([&] { EXPECT_THAT(Buy("acme", "r1", "+12025550123"), Answers("")); });
  gate_->AwaitReached();

  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(SystemClock().Now() + absl::Milliseconds(200)));
  v1::PurchaseNumberResponse response;
  const grpc::Status status = v1::NumberService::NewStub(channel_)->PurchaseNumber(
      &context,
      Parse<v1::PurchaseNumberRequest>(
          "account_id: 'acme' request_id: 'r2' number: '+12025550199'"),
      &response);
  clock_.Advance(absl::Seconds(1));
  gate_->Open();
  patient.join();

  EXPECT_EQ(status.error_code(), StatusCode::DEADLINE_EXCEEDED);
  // The account's purchases are made one after the other.
  EXPECT_THAT(Buy("acme", "r3", "+12025550177"), Answers(""));
  EXPECT_EQ(Balance("acme").balance_micros(), 7'000'000);
}

TEST_F(NumberServiceTest, WhatCannotBeDoneSaysWhyAndChangesNothing) {
  OpenAccount("poor", 1'499'999);
  ASSERT_THAT(Buy("acme", "r1", "+12025550123"), Answers(""));

  EXPECT_THAT(Buy("acme", "r2", "+12025550123"),
              FailsWith(StatusCode::FAILED_PRECONDITION, "NUMBER_TAKEN"));
  EXPECT_THAT(Buy("poor", "r1", "+12025550199"),
              FailsWith(StatusCode::FAILED_PRECONDITION, "INSUFFICIENT_BALANCE"));
  EXPECT_THAT(Buy("acme", "r3", "+4930123456"),
              FailsWith(StatusCode::FAILED_PRECONDITION, "NO_RATE"));
  EXPECT_THAT(Buy("acme", "r1", "+12025550177"),
              FailsWith(StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED"));
  EXPECT_THAT(Buy("nobody", "r1", "+12025550177"),
              FailsWith(StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"));
  EXPECT_THAT(Ask(&Stub::ReleaseNumber, "account_id: 'poor' number: '+12025550123'"),
              FailsWith(StatusCode::NOT_FOUND, "NUMBER_NOT_FOUND"));

  EXPECT_EQ(Balance("poor").balance_micros(), 1'499'999);
  EXPECT_EQ(Balance("acme").balance_micros(), 8'500'000);
  // What was refused did not take the number.
  EXPECT_THAT(Buy("acme", "r4", "+12025550199"), Answers(""));
}

TEST_F(NumberServiceTest, BadFieldsAreNamed) {
  struct Row {
    grpc::Status status;
    const char* field;
  };
  for (const Row& row : std::vector<Row>{
           {Buy("", "r", "+12025550123").status, "account_id"},
           {Buy("../x", "r", "+12025550123").status, "account_id"},
           {Buy("acme", "", "+12025550123").status, "request_id"},
           {Buy("acme", "r", "").status, "number"},
           {Buy("acme", "r", "+").status, "number"},
           {Buy("acme", "r", "sip:bob").status, "number"},
           {Buy("acme", "r", "+1202555012345678").status, "number"},
           {Ask(&Stub::ReleaseNumber, "account_id: 'acme'").status, "number"},
           {Ask(&Stub::ListNumbers, "").status, "account_id"},
           {Ask(&Stub::ListNumbers, "account_id: 'acme' page_size: -1").status, "page_size"},
           {Ask(&Stub::ListNumbers, "account_id: 'acme' page_token: 'x'").status, "page_token"}}) {
    const ErrorDetails details = DetailsOf(row.status);
    EXPECT_EQ(row.status.error_code(), StatusCode::INVALID_ARGUMENT)
        << row.field << ": " << row.status.error_message();
    ASSERT_EQ(details.bad_request.field_violations_size(), 1) << row.field;
    EXPECT_EQ(details.bad_request.field_violations(0).field(), row.field);
  }
}

TEST_F(NumberServiceTest, NumbersAreListedNewestFirstReleasedOnesToo) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT(Buy("acme", absl::StrCat("r", i), absl::StrCat("+1202555012", i)), Answers(""));
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Ask(&Stub::ReleaseNumber, "account_id: 'acme' number: '12025550122'"),
                Answers("number { state: NUMBER_STATE_RELEASED }"));
  }

  std::vector<std::string> numbers;
  std::string token;
  do {
    const auto page =
        Ask(&Stub::ListNumbers,
            absl::Substitute("account_id: 'acme' page_size: 2 page_token: '$0'", token));
    ASSERT_TRUE(page.status.ok()) << page.status.error_message();
    for (const v1::RentedNumber& number : page->numbers()) {
      numbers.push_back(absl::StrCat(number.number(), " ", number.state()));
    }
    token = page->next_page_token();
  } while (!token.empty());

  EXPECT_EQ(numbers, (std::vector<std::string>{"+12025550124 1", "+12025550123 1", "+12025550122 3",
                                               "+12025550121 1", "+12025550120 1"}));
  // Giving it up is a line of the activity.
  EXPECT_THAT(Send<v1::ListActivityRequest>("account_id: 'acme' page_size: 1"),
              Answers("entries { item: ITEM_PHONE_NUMBER_RENEWAL description: 'given up' }"));
}

TEST_F(NumberServiceTest, NumbersOutliveTheServer) {
  ASSERT_THAT(Buy("acme", "r1", "+12025550123"), Answers(""));

  Restart();

  EXPECT_THAT(Ask(&Stub::ListNumbers, "account_id: 'acme'"),
              Answers("numbers { number: '+12025550123' state: NUMBER_STATE_ACTIVE }"));
}

}  // namespace
}  // namespace farebox::server
