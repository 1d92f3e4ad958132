// What each RPC of BillingService answers when all is well, and what its own rules refuse.

#include <string>

#include "absl/strings/substitute.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

class Billing : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    OpenAccount("alice", 10'000'000);
  }

  Answer<v1::DebitResponse> DebitUsage(absl::string_view request_id, absl::string_view usage) {
    return Send<v1::DebitRequest>(
        absl::Substitute("account_id: 'alice' request_id: '$0' usage { $1 }", request_id, usage));
  }
};

TEST_F(Billing, AuthorizeTellsARouterAllItNeeds) {
  const auto answer = AuthorizeCall("alice", "a", 600);

  EXPECT_THAT(
      answer,
      Answers(
          "decision: DECISION_GRANTED hold_id: 3 granted_seconds: 600 "
          "reauthorize_after_seconds: 540 held_micros: 2000000 available_micros: 8000000 "
          "expire_time { seconds: 1767226320 } "  // 600 s of call and 120 of slack.
          "price { prefix: '1' tariff_id: 'standard@1:2' rate_nanos_per_minute: 200000000 "
          "initial_increment_seconds: 60 increment_seconds: 60 description: 'North America' }"));
  EXPECT_FALSE(answer->replayed());
}

TEST_F(Billing, AuthorizeGrantsWhatTheBalancePaysAndSaysThatItIsTheLast) {
  EXPECT_THAT(AuthorizeCall("alice", "a", 86'400),
              Answers("granted_seconds: 3000 held_micros: 10000000 final: true"));
}

TEST_F(Billing, AuthorizeIsDeniedForAnAccountThatMustNotCall) {
  EXPECT_THAT(AuthorizeCall("nobody", "a", 60),
              FailsWith(StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"));
  Send<v1::SuspendAccountRequest>("account_id: 'alice' request_id: 'suspend'");
  EXPECT_THAT(AuthorizeCall("alice", "a", 60),
              Answers("decision: DECISION_DENIED reason: REASON_ACCOUNT_SUSPENDED"));
  OpenAccount("closed");
  Send<v1::CloseAccountRequest>("account_id: 'closed' request_id: 'close'");
  EXPECT_THAT(AuthorizeCall("closed", "a", 60),
              Answers("decision: DECISION_DENIED reason: REASON_ACCOUNT_CLOSED"));
}

// Once, nobody could tell afterwards which calls these had been.
TEST_F(Billing, ADenialForTheAccountsStateKeepsWhichCallItWas) {
  Send<v1::UpdateAccountRequest>(
      "account { account_id: 'alice' open_holds_max: 1 } request_id: 'u' update_mask { paths: "
      "'open_holds_max' }");
  const int64_t hold = AuthorizeCall("alice", "a", 60)->hold_id();
  OpenAccount("closed");
  Send<v1::CloseAccountRequest>("account_id: 'closed' request_id: 'close'");
  const auto expect_kept = [this](absl::string_view account, absl::string_view reason) {
    EXPECT_THAT(
        Send<v1::ListActivityRequest>(
            absl::Substitute("account_id: '$0' show: ACTIVITY_SHOW_JOURNAL page_size: 1", account)),
        Answers(absl::Substitute("entries { kind: ENTRY_KIND_DECLINE reason: REASON_$0 item: "
                                 "ITEM_OUTBOUND_CALL usage { call { to: '+12025550123' } } price "
                                 "{ tariff_id: 'standard@1:2' } }",
                                 reason)));
  };

  AuthorizeCall("alice", "b", 60);
  expect_kept("alice", "TOO_MANY_HOLDS");
  AuthorizeCall("closed", "a", 60);
  expect_kept("closed", "ACCOUNT_CLOSED");
  Send<v1::SuspendAccountRequest>("account_id: 'alice' request_id: 'suspend'");
  AuthorizeCall("alice", "c", 60);
  expect_kept("alice", "ACCOUNT_SUSPENDED");
  Send<v1::ReauthorizeRequest>(absl::Substitute(
      "account_id: 'alice' request_id: 'd' hold_id: $0 requested_seconds: 60", hold));
  expect_kept("alice", "ACCOUNT_SUSPENDED");
}

TEST_F(Billing, AuthorizeWithoutATariffIsDenied) {
  EXPECT_THAT(
      Send<v1::AuthorizeRequest>(
          "account_id: 'alice' request_id: 'a' requested_seconds: 60 usage { call { direction: "
          "DIRECTION_OUTBOUND from: '+12025550100' to: '+999123456' } }"),
      Answers("decision: DECISION_DENIED reason: REASON_NO_RATE"));
  Send<v1::CreateAccountRequest>(
      "account { account_id: 'no-deck' currency_code: 'USD' } request_id: 'x'");
  EXPECT_THAT(AuthorizeCall("no-deck", "a", 60),
              Answers("decision: DECISION_DENIED reason: REASON_NO_RATE"));
}

TEST_F(Billing, AuthorizeKeepsToTheBlockListOfTheAccount) {
  Send<v1::UpdateAccountRequest>(
      "account { account_id: 'alice' blocked_prefixes: '1202' blocked_prefixes: '999' } "
      "update_mask { paths: 'blocked_prefixes' } request_id: 'block'");

  EXPECT_THAT(AuthorizeCall("alice", "a", 60),
              Answers("decision: DECISION_DENIED reason: REASON_DESTINATION_BLOCKED"));
  // Calls to the account are not the account's doing.
  EXPECT_THAT(
      Send<v1::AuthorizeRequest>(
          "account_id: 'alice' request_id: 'in' requested_seconds: 60 usage { call { direction: "
          "DIRECTION_INBOUND from: '+12025550100' to: '+12025550123' } }"),
      Answers("decision: DECISION_GRANTED"));
}

TEST_F(Billing, AuthorizeKeepsToTheCallsAtOnceOfTheAccount) {
  Send<v1::UpdateAccountRequest>(
      "account { account_id: 'alice' open_holds_max: 2 } update_mask { paths: 'open_holds_max' } "
      "request_id: 'two'");
  AuthorizeCall("alice", "1", 60);
  const auto second = AuthorizeCall("alice", "2", 60);

  EXPECT_THAT(AuthorizeCall("alice", "3", 60),
              Answers("decision: DECISION_DENIED reason: REASON_TOO_MANY_HOLDS"));

  Settle("alice", "end", second->hold_id(), 1);
  EXPECT_THAT(AuthorizeCall("alice", "4", 60), Answers("decision: DECISION_GRANTED"));
}

TEST_F(Billing, AHoldForATextIsChargedWholeWhenItIsSettled) {
  const auto hold = Send<v1::AuthorizeRequest>(
      "account_id: 'alice' request_id: 'a' usage { text { direction: DIRECTION_OUTBOUND from: "
      "'12345' to: '+12025550123' segments: 3 } }");
  EXPECT_THAT(hold, Answers("decision: DECISION_GRANTED held_micros: 30000"));

  EXPECT_THAT(Settle("alice", "s", hold->hold_id(), 0),
              Answers("segments: 3 entry { amount_micros: -30000 item: ITEM_OUTGOING_TEXT }"));
}

TEST_F(Billing, AHoldForATextThatIsReleasedCostsNothing) {
  const auto hold = Send<v1::AuthorizeRequest>(
      "account_id: 'alice' request_id: 'a' usage { text { direction: DIRECTION_OUTBOUND from: "
      "'12345' to: '+12025550123' segments: 3 } }");

  Send<v1::ReleaseRequest>(
      absl::Substitute("account_id: 'alice' request_id: 'r' hold_id: $0", hold->hold_id()));

  EXPECT_THAT(Balance("alice"), Shows("balance_micros: 10000000 available_micros: 10000000"));
}

TEST_F(Billing, ReauthorizeIsDeniedWhereTheBalancePaysNoMore) {
  const auto hold = AuthorizeCall("alice", "a", 86'400);

  EXPECT_THAT(Send<v1::ReauthorizeRequest>(absl::Substitute(
                  "account_id: 'alice' request_id: 'more' hold_id: $0 used_seconds: 2900 "
                  "requested_seconds: 60",
                  hold->hold_id())),
              Answers(absl::Substitute("decision: DECISION_DENIED reason: "
                                       "REASON_INSUFFICIENT_BALANCE hold_id: $0",
                                       hold->hold_id())));
  EXPECT_EQ(Balance("alice").held_micros(), 10'000'000);
}

TEST_F(Billing, ReauthorizeOfATextBlamesItsSecondsAndIsRecordedNowhere) {
  const int64_t hold = Send<v1::AuthorizeRequest>(
                           "account_id: 'alice' request_id: 'a' usage { text { direction: "
                           "DIRECTION_OUTBOUND from: '12345' to: '+12025550123' segments: 1 } }")
                           ->hold_id();
  const auto ask = [&] {
    return Send<v1::ReauthorizeRequest>(absl::Substitute(
        "account_id: 'alice' request_id: 'more' hold_id: $0 requested_seconds: 60", hold));
  };
  const int64_t entries = Send<v1::GetStatusRequest>("")->entries();

  EXPECT_THAT(ask(), BlamesField("requested_seconds"));
  EXPECT_EQ(Send<v1::GetStatusRequest>("")->entries(), entries);
  // A field before the account's state.
  Send<v1::SuspendAccountRequest>("account_id: 'alice' request_id: 'suspend'");
  EXPECT_THAT(ask(), BlamesField("requested_seconds"));
}

TEST_F(Billing, ReauthorizeMovesTheExpiryFromNow) {
  const auto hold = AuthorizeCall("alice", "a", 60);
  Advance(absl::Seconds(50));

  EXPECT_THAT(Send<v1::ReauthorizeRequest>(absl::Substitute(
                  "account_id: 'alice' request_id: 'more' hold_id: $0 used_seconds: 50 "
                  "requested_seconds: 60",
                  hold->hold_id())),
              // 70 s are left of the grant, and 120 of slack.
              Answers(absl::Substitute("granted_seconds: 120 expire_time { seconds: $0 }",
                                       1'767'225'600 + 50 + 70 + 120)));
  Advance(absl::Seconds(140));
  EXPECT_EQ(Balance("alice").open_holds(), 1);
}

TEST_F(Billing, ReauthorizeOfAHoldThatEndedIsRefused) {
  const auto hold = AuthorizeCall("alice", "a", 60);
  Settle("alice", "s", hold->hold_id(), 1);

  EXPECT_THAT(Send<v1::ReauthorizeRequest>(absl::Substitute(
                  "account_id: 'alice' request_id: 'more' hold_id: $0 requested_seconds: 60",
                  hold->hold_id())),
              FailsWith(StatusCode::FAILED_PRECONDITION, "HOLD_ENDED"));
  EXPECT_THAT(Send<v1::ReauthorizeRequest>(
                  "account_id: 'alice' request_id: 'none' hold_id: 999 requested_seconds: 60"),
              FailsWith(StatusCode::NOT_FOUND, "HOLD_NOT_FOUND"));
}

TEST_F(Billing, AnotherAccountsHoldIsNotFound) {
  OpenAccount("bob", 1'000'000);
  const auto hold = AuthorizeCall("alice", "a", 60);

  EXPECT_THAT(Settle("bob", "s", hold->hold_id(), 1),
              FailsWith(StatusCode::NOT_FOUND, "HOLD_NOT_FOUND"));
}

TEST_F(Billing, AnUnansweredCallThatIsSettledWithNoSecondsCostsItsAttemptFee) {
  const auto hold = Send<v1::AuthorizeRequest>(
      "account_id: 'alice' request_id: 'a' requested_seconds: 60 usage { call { direction: "
      "DIRECTION_OUTBOUND from: '+12025550100' to: '+442079460000' } }");

  const auto interim = Send<v1::DebitRequest>(absl::Substitute(
      "account_id: 'alice' request_id: 'i' settlement { hold_id: $0 final: false }",
      hold->hold_id()));
  EXPECT_EQ(interim->entry().amount_micros(), 0);
  EXPECT_THAT(Settle("alice", "s", hold->hold_id(), 0), Answers("entry { amount_micros: -10000 }"));
}

TEST_F(Billing, DebitOfACallChargesItsPriceAtOnce) {
  EXPECT_THAT(
      Send<v1::DebitRequest>(
          "account_id: 'alice' request_id: 'd' used_seconds: 61 description: 'conference' usage { "
          "call { direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' } }"),
      Answers("entry { kind: ENTRY_KIND_DEBIT item: ITEM_OUTBOUND_CALL amount_micros: -400000 "
              "balance_after_micros: 9600000 used_seconds: 61 billed_seconds: 120 description: "
              "'conference' account_id: 'alice' request_id: 'd' } billed_seconds: 120 "
              "available_micros: 9600000 price { prefix: '1' }"));
}

TEST_F(Billing, DebitOfATextCountsItsSegmentsAndKeepsNoWordOfIt) {
  const std::string body(161, 'a');

  const auto answer =
      DebitUsage("t", absl::Substitute("text { direction: DIRECTION_OUTBOUND from: 'My Shop' to: "
                                       "'+12025550123' body: '$0' }",
                                       body));

  EXPECT_THAT(answer, Answers("segments: 2 entry { item: ITEM_OUTGOING_TEXT amount_micros: -20000 "
                              "segments: 2 usage { text { from: 'My Shop' segments: 2 } } }"));
  EXPECT_FALSE(answer->entry().usage().text().has_body());
  EXPECT_THAT(DebitUsage("in",
                         "text { direction: DIRECTION_INBOUND from: '+442079460000' to: "
                         "'+12025550123' segments: 9 }"),
              Answers("entry { item: ITEM_INCOMING_TEXT balance_after_micros: 9980000 }"));
}

TEST_F(Billing, DebitOfNumbersAndAttemptsTakesTheirUnitFee) {
  EXPECT_THAT(DebitUsage("n", "phone_number { number: '+12025550123' kind: KIND_PURCHASE }"),
              Answers("entry { item: ITEM_PHONE_NUMBER_PURCHASE amount_micros: -1500000 }"));
  EXPECT_THAT(DebitUsage("m", "phone_number { number: '12025550123' kind: KIND_RENEWAL }"),
              Answers("entry { item: ITEM_PHONE_NUMBER_RENEWAL amount_micros: -1000000 }"));
  EXPECT_THAT(DebitUsage("r", "ring_through { from: '+12025550100' to: 'desk-7' }"),
              Answers("entry { item: ITEM_RING_THROUGH_ATTEMPT amount_micros: -20000 }"));
}

TEST_F(Billing, DebitOfAnAmountTakesItOrNothing) {
  EXPECT_THAT(Send<v1::DebitRequest>("account_id: 'alice' request_id: 'd' amount_micros: 10000000 "
                                     "item: ITEM_ADJUSTMENT description: 'correction'"),
              Answers("entry { item: ITEM_ADJUSTMENT amount_micros: -10000000 description: "
                      "'correction' }"));

  const auto refused = Send<v1::DebitRequest>(
      "account_id: 'alice' request_id: 'e' amount_micros: 1 item: ITEM_ADJUSTMENT");
  EXPECT_THAT(refused, FailsWith(StatusCode::FAILED_PRECONDITION, "INSUFFICIENT_BALANCE"));
  const auto metadata = DetailsOf(refused.status).error_info.metadata();
  EXPECT_EQ(metadata.at("account_id"), "alice");
  EXPECT_EQ(metadata.at("available_micros"), "0");
  EXPECT_EQ(metadata.at("needed_micros"), "1");
  EXPECT_THAT(
      Send<v1::ListActivityRequest>("account_id: 'alice' show: ACTIVITY_SHOW_JOURNAL page_size: 1"),
      Answers("entries { kind: ENTRY_KIND_DECLINE reason: REASON_INSUFFICIENT_BALANCE }"));
}

// A repeat is told the same, from what was recorded.
TEST_F(Billing, ARefusedUsageSaysWhatWasMissingOrWhereItWent) {
  OpenAccount("poor", 5'000);
  const auto debit = [this](absl::string_view account, absl::string_view to) {
    return Send<v1::DebitRequest>(absl::Substitute(
        "account_id: '$0' request_id: 'd' used_seconds: 61 usage { call { direction: "
        "DIRECTION_OUTBOUND from: '+12025550100' to: '$1' } }",
        account, to));
  };
  for (int i = 0; i < 2; ++i) {
    const auto refused = debit("poor", "+12025550123");
    EXPECT_THAT(refused, FailsWith(StatusCode::FAILED_PRECONDITION, "INSUFFICIENT_BALANCE"));
    const auto metadata = DetailsOf(refused.status).error_info.metadata();
    EXPECT_EQ(metadata.at("available_micros"), "5000");
    EXPECT_EQ(metadata.at("needed_micros"), "400000");
    // By then, neither is so any more.
    Send<v1::CreditRequest>(
        "account_id: 'poor' request_id: 'c' amount_micros: 5 reason: CREDIT_REASON_PAYMENT");
    ASSERT_TRUE(Import("standard", "item,prefix,rate_per_minute\nOUTBOUND_CALL,1,9\n").status.ok());
  }
  for (int i = 0; i < 2; ++i) {
    const auto refused = debit("alice", "+999123456");
    EXPECT_THAT(refused, FailsWith(StatusCode::FAILED_PRECONDITION, "NO_RATE"));
    const auto metadata = DetailsOf(refused.status).error_info.metadata();
    EXPECT_EQ(metadata.at("item"), "ITEM_OUTBOUND_CALL");
    EXPECT_EQ(metadata.at("destination"), "+999123456");
    EXPECT_EQ(metadata.count("available_micros"), 0U);
  }
}

TEST_F(Billing, AQuoteOfADeckIsNobodysAndSaysWhichDestinationHasNoRate) {
  const auto nowhere = Send<v1::QuoteRequest>(
      "deck: 'standard' usage { call { direction: DIRECTION_OUTBOUND from: '12345' to: "
      "'+999123456' } }");

  EXPECT_THAT(nowhere, FailsWith(StatusCode::FAILED_PRECONDITION, "NO_RATE"));
  const auto metadata = DetailsOf(nowhere.status).error_info.metadata();
  EXPECT_EQ(metadata.at("destination"), "+999123456");
  EXPECT_EQ(metadata.count("account_id"), 0U);
}

TEST_F(Billing, ACreditLimitIsSpentBelowZero) {
  Send<v1::CreateAccountRequest>(
      "account { account_id: 'post' currency_code: 'USD' deck: 'standard' credit_limit_micros: "
      "1000000 } request_id: 'x'");

  EXPECT_THAT(Send<v1::DebitRequest>("account_id: 'post' request_id: 'd' amount_micros: 1000000 "
                                     "item: ITEM_ADJUSTMENT"),
              Answers("entry { balance_after_micros: -1000000 }"));
  EXPECT_THAT(Balance("post"), Shows("balance_micros: -1000000 credit_limit_micros: 1000000"));
  EXPECT_EQ(Balance("post").available_micros(), 0);
}

TEST_F(Billing, CreditsBecomeTheItemOfTheirReason) {
  const struct {
    const char* reason;
    const char* item;
  } kRows[] = {{"PAYMENT", "ITEM_FUNDS_MANUAL"},
               {"ADJUSTMENT", "ITEM_ADJUSTMENT"},
               {"PROMOTION", "ITEM_PROMOTION"}};
  for (const auto& row : kRows) {
    EXPECT_THAT(Send<v1::CreditRequest>(absl::Substitute(
                    "account_id: 'alice' request_id: '$0' amount_micros: 5 reason: "
                    "CREDIT_REASON_$0 description: 'words'",
                    row.reason)),
                Answers(absl::Substitute("entry { kind: ENTRY_KIND_CREDIT item: $0 amount_micros: "
                                         "5 description: 'words' }",
                                         row.item)));
  }
}

TEST_F(Billing, RefundsOfADebitNeverExceedIt) {
  const int64_t debit = Send<v1::DebitRequest>(
                            "account_id: 'alice' request_id: 'd' amount_micros: 100 item: "
                            "ITEM_ADJUSTMENT")
                            ->entry()
                            .entry_id();
  const auto refund = [&](absl::string_view id, int64_t amount, int64_t entry) {
    return Send<v1::CreditRequest>(absl::Substitute(
        "account_id: 'alice' request_id: '$0' amount_micros: $1 reason: CREDIT_REASON_REFUND "
        "refunded_entry_id: $2",
        id, amount, entry));
  };

  EXPECT_THAT(refund("1", 60, debit),
              Answers(absl::Substitute("entry { item: ITEM_REFUND amount_micros: 60 "
                                       "refunded_entry_id: $0 }",
                                       debit)));
  EXPECT_THAT(refund("2", 41, debit),
              FailsWith(StatusCode::FAILED_PRECONDITION, "REFUND_EXCEEDS_DEBIT"));
  EXPECT_THAT(refund("3", 40, debit), Answers("entry { amount_micros: 40 }"));
  EXPECT_THAT(refund("4", 1, debit),
              FailsWith(StatusCode::FAILED_PRECONDITION, "REFUND_EXCEEDS_DEBIT"));
  EXPECT_THAT(refund("5", 1, 999), FailsWith(StatusCode::NOT_FOUND, "ENTRY_NOT_FOUND"));
  // The payment itself is no debit.
  EXPECT_THAT(refund("6", 1, 2), FailsWith(StatusCode::NOT_FOUND, "ENTRY_NOT_FOUND"));
}

TEST_F(Billing, GetBalanceIsNeverOlderThanAnAnswer) {
  for (int i = 0; i < 50; ++i) {
    const auto debit = Send<v1::DebitRequest>(absl::Substitute(
        "account_id: 'alice' request_id: 'd$0' amount_micros: 1 item: ITEM_ADJUSTMENT", i));
    const v1::GetBalanceResponse balance = Balance("alice");
    EXPECT_EQ(balance.as_of_entry(), debit->entry().entry_id());
    EXPECT_EQ(balance.balance_micros(), debit->entry().balance_after_micros());
  }
  EXPECT_THAT(Balance("alice"), Shows("currency_code: 'USD' state: ACCOUNT_STATE_OPEN"));
}

TEST_F(Billing, GetBalanceTellsOfALowBalanceOnlyWithAThreshold) {
  EXPECT_FALSE(Balance("alice").low_balance());
  Send<v1::UpdateAccountRequest>(
      "account { account_id: 'alice' low_balance_threshold_micros: 10000001 } update_mask { paths: "
      "'low_balance_threshold_micros' } request_id: 'low'");
  EXPECT_TRUE(Balance("alice").low_balance());
}

TEST_F(Billing, QuoteShowsEveryStepOfTheSum) {
  const auto quote = Send<v1::QuoteRequest>(
      "account_id: 'alice' seconds: 61 usage { call { direction: DIRECTION_OUTBOUND from: "
      "'+12025550100' to: '+442079460000' } }");

  EXPECT_THAT(quote, Answers("amount_micros: 62200 billed_seconds: 61 affordable: true "
                             "affordable_seconds: 49750 price { prefix: '44' }"));
  ASSERT_EQ(quote->steps_size(), 3);
  EXPECT_THAT(quote->steps(0), Shows("exact_nanos_times_60: '3000000000'"));
  EXPECT_THAT(quote->steps(1), Shows("quantity: 1 rate_nanos: 12000000 exact_nanos_times_60: "
                                     "'12000000'"));
  EXPECT_THAT(quote->steps(2), Shows("quantity: 60 exact_nanos_times_60: '720000000'"));
  EXPECT_EQ(Balance("alice").as_of_entry(), 2);
}

TEST_F(Billing, QuoteCountsTheAttemptAsAuthorizeDoes) {
  ASSERT_TRUE(Import("standard",
                     "item,prefix,attempt_fee,rate_per_minute,initial_increment,increment\n"
                     "OUTBOUND_CALL,44,0.02,0.01,60,60\n")
                  .status.ok());
  OpenAccount("poor", 15'000);

  EXPECT_THAT(Send<v1::QuoteRequest>("account_id: 'poor' seconds: 60 usage { call { direction: "
                                     "DIRECTION_OUTBOUND from: '+12025550100' to: "
                                     "'+442079460000' } }"),
              Answers("amount_micros: 10000 affordable: false affordable_seconds: 0"));
  EXPECT_THAT(Send<v1::AuthorizeRequest>(
                  "account_id: 'poor' request_id: 'a' requested_seconds: 60 usage { call { "
                  "direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+442079460000' } }"),
              Answers("decision: DECISION_DENIED"));
}

TEST_F(Billing, QuoteOfADeckNeedsNoAccount) {
  EXPECT_THAT(Send<v1::QuoteRequest>("deck: 'standard' usage { text { direction: "
                                     "DIRECTION_OUTBOUND from: '1' to: '+12025550123' segments: 3 "
                                     "} }"),
              Answers("amount_micros: 30000 segments: 3 steps { quantity: 3 }"));
  EXPECT_THAT(Send<v1::QuoteRequest>("deck: 'none' usage { ring_through { from: '1' to: '2' } }"),
              FailsWith(StatusCode::NOT_FOUND, "DECK_NOT_FOUND"));
  EXPECT_THAT(Send<v1::QuoteRequest>("deck: 'standard' usage { call { direction: "
                                     "DIRECTION_OUTBOUND from: '1' to: '+999123456' } }"),
              FailsWith(StatusCode::FAILED_PRECONDITION, "NO_RATE"));
}

TEST_F(Billing, ListHoldsPagesNewestFirst) {
  for (int i = 0; i < 5; ++i) AuthorizeCall("alice", absl::Substitute("call $0", i), 60);
  Settle("alice", "s", 4, 1);

  const auto first = Send<v1::ListHoldsRequest>("account_id: 'alice' page_size: 3");
  ASSERT_EQ(first->holds_size(), 3);
  EXPECT_EQ(first->holds(0).hold_id(), 7);
  EXPECT_EQ(first->holds(2).hold_id(), 5);

  const auto second = Send<v1::ListHoldsRequest>(absl::Substitute(
      "account_id: 'alice' page_size: 3 page_token: '$0'", first->next_page_token()));
  ASSERT_EQ(second->holds_size(), 1);
  EXPECT_THAT(second->holds(0), Shows("hold_id: 3 held_micros: 200000 granted_seconds: 60 "
                                      "start_time { seconds: 1767225600 } price { prefix: '1' }"));
  EXPECT_EQ(second->next_page_token(), "");
}

}  // namespace
}  // namespace farebox::server
