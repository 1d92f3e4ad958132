#include "server/base/serving_state.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Remembers what it is told.
class RememberedHealth final : public grpc::HealthCheckServiceInterface {
 public:
  void SetServingStatus(const std::string& /*service_name*/, bool /*serving*/) override {
    ADD_FAILURE() << "of one service only";
  }
  void SetServingStatus(bool serving) override { told_.emplace_back(serving ? "yes" : "no"); }
  void Shutdown() override { told_.emplace_back("never again"); }

  const std::vector<std::string>& told() const { return told_; }

 private:
  std::vector<std::string> told_;
};

class ServingStateTest : public ::testing::Test {
 protected:
  // "ready" where it serves.
  std::string Reason() const {
    const ServingState::Verdict verdict = state_.verdict();
    EXPECT_EQ(verdict.is_serving, std::string(verdict.reason) == "ready");
    return verdict.reason;
  }

  RememberedHealth health_;
  ServingState state_;
};

TEST_F(ServingStateTest, ServesWhereNothingSpeaksAgainstIt) {
  state_.TellFromNowOn(&health_);

  EXPECT_EQ(Reason(), "ready");
  EXPECT_THAT(health_.told(), ElementsAre("yes"));
}

TEST_F(ServingStateTest, ServesAgainWhenLockAndSlowWriteHaveBothEnded) {
  state_.TellFromNowOn(&health_);

  state_.SetJournalLocked(true);
  EXPECT_EQ(Reason(), "another program locks the journal");
  state_.SetDiskSlow(true);
  state_.SetJournalLocked(false);
  EXPECT_EQ(Reason(), "the disk is slow");
  state_.SetDiskSlow(false);

  EXPECT_EQ(Reason(), "ready");
  EXPECT_THAT(health_.told(), ElementsAre("yes", "no", "no", "no", "yes"));
}

TEST_F(ServingStateTest, WhatWasNoticedBeforeAnybodyListenedIsToldAtOnce) {
  state_.SetDiskSlow(true);
  EXPECT_THAT(health_.told(), IsEmpty());

  state_.TellFromNowOn(&health_);

  EXPECT_THAT(health_.told(), ElementsAre("no"));
}

TEST_F(ServingStateTest, WhoLeavesDoesNotServeAgain) {
  state_.TellFromNowOn(&health_);
  state_.SetJournalLocked(true);
  state_.Leave();

  state_.SetJournalLocked(false);

  EXPECT_EQ(Reason(), "shutting down");
  EXPECT_EQ(health_.told().back(), "never again");
  EXPECT_FALSE(state_.is_closing()->load());
}

// As at a hand-over: who calls comes back, and is answered by the successor.
TEST_F(ServingStateTest, TurningCallsAwayIsNotToldToBalancers) {
  state_.TellFromNowOn(&health_);

  state_.Close();

  EXPECT_TRUE(state_.is_closing()->load());
  EXPECT_EQ(Reason(), "ready");
  EXPECT_THAT(health_.told(), ElementsAre("yes"));
}

}  // namespace
}  // namespace farebox::server
