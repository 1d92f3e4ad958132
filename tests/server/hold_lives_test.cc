// The lives of holds, with the money that must come out, over gRPC.

#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

class HoldLives : public ServerTest {
 protected:
  // The balance and what is held, in micros.
  void ExpectMoney(absl::string_view account, int64_t balance, int64_t held) {
    EXPECT_THAT(Balance(account),
                Shows(absl::Substitute("balance_micros: $0 $1 available_micros: $2", balance,
                                       held == 0 ? "" : absl::StrCat("held_micros: ", held),
                                       balance - held)));
  }
};

TEST_F(HoldLives, ThreeCallsShareOneBalance) {
  OpenAccount("alice", 8'000'000);

  const auto call1 = AuthorizeCall("alice", "call 1", 1800);
  EXPECT_THAT(call1, Answers("decision: DECISION_GRANTED granted_seconds: 1800 "
                             "held_micros: 6000000 available_micros: 2000000"));
  EXPECT_FALSE(call1->final());
  EXPECT_THAT(AuthorizeCall("alice", "call 2", 1800),
              Answers("decision: DECISION_GRANTED granted_seconds: 600 held_micros: 2000000 "
                      "final: true"));
  EXPECT_THAT(AuthorizeCall("alice", "call 3", 1800),
              Answers("decision: DECISION_DENIED reason: REASON_INSUFFICIENT_BALANCE"));

  EXPECT_THAT(Settle("alice", "end 1", call1->hold_id(), 720),
              Answers("entry { amount_micros: -2400000 balance_after_micros: 5600000 "
                      "held_after_micros: 2000000 } available_micros: 3600000"));
  ExpectMoney("alice", 5'600'000, 2'000'000);
  EXPECT_THAT(AuthorizeCall("alice", "call 4", 1800),
              Answers("granted_seconds: 1080 held_micros: 3600000 final: true"));
}

TEST_F(HoldLives, AFirstBlockThatIsNotAffordableHoldsNothing) {
  OpenAccount("alice", 10'000);

  EXPECT_THAT(AuthorizeCall("alice", "a", 30),
              Answers("decision: DECISION_DENIED reason: REASON_INSUFFICIENT_BALANCE"));

  ExpectMoney("alice", 10'000, 0);
}

TEST_F(HoldLives, AnExactFitIsGrantedAndOneMicroLessIsNot) {
  OpenAccount("exact", 200'000);
  OpenAccount("short", 199'999);

  const auto exact = AuthorizeCall("exact", "a", 60);
  EXPECT_THAT(exact, Answers("decision: DECISION_GRANTED held_micros: 200000 final: true"));
  EXPECT_EQ(exact->available_micros(), 0);
  EXPECT_THAT(AuthorizeCall("short", "a", 60), Answers("decision: DECISION_DENIED"));

  ExpectMoney("exact", 200'000, 200'000);
  ExpectMoney("short", 199'999, 0);
}

TEST_F(HoldLives, AFreeDestinationIsGrantedInFullWithoutABalance) {
  OpenAccount("alice");

  EXPECT_THAT(Send<v1::AuthorizeRequest>(
                  "account_id: 'alice' request_id: 'free' requested_seconds: 3600 usage { call { "
                  "direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+18005550123' } }"),
              Answers("decision: DECISION_GRANTED granted_seconds: 3600"));
  EXPECT_THAT(AuthorizeCall("alice", "priced", 60), Answers("decision: DECISION_DENIED"));

  ExpectMoney("alice", 0, 0);
}

TEST_F(HoldLives, OfThirtyAtOnceExactlyOneIsGranted) {
  OpenAccount("alice", 200'000);
  std::atomic<int> granted{0};

  std::vector<std::thread> callers;
  for (int i = 0; i < 30; ++i) {
    callers.emplace_back([this, i, &granted] {
      const auto answer = AuthorizeCall("alice", absl::StrCat("call ", i), 60);
      if (answer->decision() == v1::DECISION_GRANTED) ++granted;
    });
  }
  for (std::thread& caller : callers) caller.join();

  EXPECT_EQ(granted, 1);
  ExpectMoney("alice", 200'000, 200'000);
}

TEST_F(HoldLives, AnUnansweredCallCostsNothing) {
  OpenAccount("alice", 1'000'000);
  const auto hold = AuthorizeCall("alice", "a", 60);

  EXPECT_THAT(Send<v1::ReleaseRequest>(absl::Substitute(
                  "account_id: 'alice' request_id: 'r' hold_id: $0", hold->hold_id())),
              Answers("entry { kind: ENTRY_KIND_HOLD_RELEASED held_change_micros: -200000 } "
                      "available_micros: 1000000"));

  ExpectMoney("alice", 1'000'000, 0);
}

TEST_F(HoldLives, AnUnansweredCallCostsTheAttemptFeeOfItsTariff) {
  OpenAccount("alice", 1'000'000);
  const auto hold = Send<v1::AuthorizeRequest>(
      "account_id: 'alice' request_id: 'a' requested_seconds: 60 usage { call { direction: "
      "DIRECTION_OUTBOUND from: '+12025550100' to: '+442079460000' } }");

  EXPECT_THAT(Send<v1::ReleaseRequest>(absl::Substitute(
                  "account_id: 'alice' request_id: 'r' hold_id: $0", hold->hold_id())),
              Answers("entry { amount_micros: -10000 }"));

  ExpectMoney("alice", 990'000, 0);
}

TEST_F(HoldLives, AnOverrunIsChargedAndMayTakeTheBalanceBelowZero) {
  OpenAccount("alice", 200'000);
  const auto hold = AuthorizeCall("alice", "a", 60);

  EXPECT_THAT(Settle("alice", "s", hold->hold_id(), 75),
              Answers("overrun: true billed_seconds: 120 entry { amount_micros: -400000 "
                      "balance_after_micros: -200000 overrun: true }"));

  ExpectMoney("alice", -200'000, 0);
  EXPECT_THAT(AuthorizeCall("alice", "next", 60),
              Answers("decision: DECISION_DENIED reason: REASON_INSUFFICIENT_BALANCE"));
}

TEST_F(HoldLives, ALostHangUpGivesTheMoneyBackAndALateOneIsStillCharged) {
  OpenAccount("alice", 2'000'000);
  const auto hold = Send<v1::AuthorizeRequest>(
      "account_id: 'alice' request_id: 'a' requested_seconds: 600 hold_ttl_seconds: 60 "
      "usage { call { direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' } }");
  EXPECT_THAT(hold, Answers("held_micros: 2000000"));

  Advance(absl::Seconds(59));
  ExpectMoney("alice", 2'000'000, 2'000'000);
  Advance(absl::Seconds(1));
  ExpectMoney("alice", 2'000'000, 0);
  EXPECT_THAT(
      Send<v1::ListActivityRequest>("account_id: 'alice' show: ACTIVITY_SHOW_JOURNAL page_size: 1"),
      Answers(absl::Substitute("entries { kind: ENTRY_KIND_HOLD_EXPIRED hold_id: $0 }",
                               hold->hold_id())));

  Advance(absl::Seconds(30));
  const auto settled = Settle("alice", "s", hold->hold_id(), 90);
  EXPECT_THAT(settled, Answers("late: true entry { amount_micros: -400000 late: true }"));
  EXPECT_FALSE(settled->overrun());
  ExpectMoney("alice", 1'600'000, 0);
}

TEST_F(HoldLives, ASettlementSaidTwiceIsOneEntry) {
  OpenAccount("alice", 1'000'000);
  const auto hold = AuthorizeCall("alice", "a", 60);

  auto first = Settle("alice", "s", hold->hold_id(), 30);
  const auto second = Settle("alice", "s", hold->hold_id(), 30);

  EXPECT_THAT(second, Answers("replayed: true"));
  first.value.set_replayed(true);
  EXPECT_EQ(first.value.SerializeAsString(), second.value.SerializeAsString());
  EXPECT_THAT(Settle("alice", "s", hold->hold_id(), 31),
              FailsWith(StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED"));
  EXPECT_THAT(Settle("alice", "other", hold->hold_id(), 30),
              FailsWith(StatusCode::FAILED_PRECONDITION, "HOLD_ENDED"));
  ExpectMoney("alice", 800'000, 0);
}

TEST_F(HoldLives, ATextOfFiveSegmentsIsNotPaidByABalanceForThree) {
  OpenAccount("alice", 30'000);

  EXPECT_THAT(
      Send<v1::DebitRequest>("account_id: 'alice' request_id: 'd' usage { text { direction: "
                             "DIRECTION_OUTBOUND from: '12345' to: '+12025550123' "
                             "segments: 5 } }"),
      FailsWith(StatusCode::FAILED_PRECONDITION, "INSUFFICIENT_BALANCE"));

  ExpectMoney("alice", 30'000, 0);
}

TEST_F(HoldLives, AReauthorizedCallIsChargedAsOneCall) {
  OpenAccount("alice", 1'000'000);
  const auto hold = AuthorizeCall("alice", "a", 60);

  EXPECT_THAT(Send<v1::ReauthorizeRequest>(absl::Substitute(
                  "account_id: 'alice' request_id: 'more' hold_id: $0 used_seconds: 50 "
                  "requested_seconds: 60",
                  hold->hold_id())),
              Answers("decision: DECISION_GRANTED granted_seconds: 120 held_micros: 400000 "
                      "available_micros: 600000"));
  EXPECT_THAT(Settle("alice", "s", hold->hold_id(), 95),
              Answers("billed_seconds: 120 entry { amount_micros: -400000 }"));
  ExpectMoney("alice", 600'000, 0);
}

TEST_F(HoldLives, InterimSettlementsEndAtThePriceOfOneCall) {
  OpenAccount("alice", 1'000'000);
  const auto hold = Send<v1::AuthorizeRequest>(
      "account_id: 'alice' request_id: 'a' requested_seconds: 600 usage { call { direction: "
      "DIRECTION_OUTBOUND from: '+12025550100' to: '+442079460000' } }");
  EXPECT_THAT(hold, Answers("granted_seconds: 600 held_micros: 170000"));

  EXPECT_THAT(Send<v1::DebitRequest>(absl::Substitute(
                  "account_id: 'alice' request_id: 'so far' settlement { hold_id: $0 "
                  "used_seconds: 100 final: false }",
                  hold->hold_id())),
              Answers("entry { kind: ENTRY_KIND_HOLD_CHARGED amount_micros: -70000 "
                      "held_after_micros: 100000 }"));
  EXPECT_THAT(Settle("alice", "end", hold->hold_id(), 333),
              Answers("entry { kind: ENTRY_KIND_HOLD_SETTLED amount_micros: -46600 }"));

  // 0.05 + 333 s of 0.012 a minute.
  ExpectMoney("alice", 1'000'000 - 116'600, 0);
}

TEST_F(HoldLives, ARestartChangesNothing) {
  OpenAccount("alice", 8'000'000);
  const auto hold = AuthorizeCall("alice", "a", 1800);
  EXPECT_THAT(Settle("alice", "bad", 999, 1), FailsWith(StatusCode::NOT_FOUND, "HOLD_NOT_FOUND"));
  OpenAccount("bob");
  EXPECT_THAT(AuthorizeCall("bob", "denied", 60), Answers("decision: DECISION_DENIED"));

  Restart();

  ExpectMoney("alice", 8'000'000, 6'000'000);
  auto again = AuthorizeCall("alice", "a", 1800);
  EXPECT_THAT(again, Answers("replayed: true"));
  again.value.set_replayed(false);
  EXPECT_EQ(again.value.SerializeAsString(), hold.value.SerializeAsString());
  EXPECT_THAT(AuthorizeCall("bob", "denied", 60),
              Answers("decision: DECISION_DENIED replayed: true"));
  EXPECT_THAT(Send<v1::ListHoldsRequest>("account_id: 'alice'"),
              Answers(absl::Substitute("holds { hold_id: $0 held_micros: 6000000 granted_seconds: "
                                       "1800 usage { call { to: '+12025550123' } } }",
                                       hold->hold_id())));
  EXPECT_THAT(Settle("alice", "s", hold->hold_id(), 720),
              Answers("entry { amount_micros: -2400000 }"));
}

}  // namespace
}  // namespace farebox::server
