#include "storage/queue_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/clock.h"
#include "storage/errors.h"
#include "storage/limits.h"

namespace farebox {
namespace {

constexpr absl::Duration kSync = absl::Milliseconds(2);

class QueueGateTest : public ::testing::Test {
 protected:
  // A batch has been written, and answered.
  void Commit(int64_t commands, absl::Duration append, absl::Duration decide,
              absl::Duration answer = absl::ZeroDuration()) {
    gate_.BeginCommit();
    clock_.Advance(append + decide);
    gate_.EndCommit(commands, append);
    gate_.NoteAnswers(commands, answer);
  }
  // The same so often that nothing else is remembered.
  void Learn(int64_t commands, absl::Duration append, absl::Duration decide,
             absl::Duration answer = absl::ZeroDuration()) {
    for (int i = 0; i < 100; ++i) Commit(commands, append, decide, answer);
  }
  bool Admits(Urgency urgency, int64_t commands = 1) { return gate_.Check(urgency, commands).ok(); }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  QueueGate gate_{{.commands_max = 10'000, .requests_max = 1'000}, &clock_};
};

TEST_F(QueueGateTest, EverythingIsLetInWhereNothingIsOutstanding) {
  Learn(100, absl::Seconds(5), absl::Milliseconds(100));

  for (const Urgency urgency :
       {Urgency::kBegins, Urgency::kGoesOn, Urgency::kReads, Urgency::kEnds}) {
    EXPECT_TRUE(Admits(urgency, 10'000)) << UrgencyName(urgency);
  }
}

TEST_F(QueueGateTest, TheQueueIsKeptForWhatIsMoreUrgent) {
  gate_.Enter(4'999);
  EXPECT_TRUE(Admits(Urgency::kBegins));
  gate_.Enter(1);
  EXPECT_FALSE(Admits(Urgency::kBegins));
  EXPECT_TRUE(Admits(Urgency::kGoesOn));
  gate_.Enter(2'500);
  EXPECT_FALSE(Admits(Urgency::kGoesOn));
  EXPECT_TRUE(Admits(Urgency::kEnds));
  gate_.Enter(2'500);
  EXPECT_FALSE(Admits(Urgency::kEnds));
}

TEST_F(QueueGateTest, SoIsWhatManySmallRequestsMayFill) {
  const auto enter = [this](int requests) {
    for (int i = 0; i < requests; ++i) gate_.Enter(1);
  };
  enter(499);
  EXPECT_TRUE(Admits(Urgency::kBegins));
  enter(1);
  EXPECT_FALSE(Admits(Urgency::kBegins));
  EXPECT_TRUE(Admits(Urgency::kGoesOn));
  enter(250);
  EXPECT_FALSE(Admits(Urgency::kGoesOn));
  EXPECT_TRUE(Admits(Urgency::kEnds));
  enter(250);
  EXPECT_FALSE(Admits(Urgency::kEnds));
  gate_.Leave(1);
  EXPECT_TRUE(Admits(Urgency::kEnds));
}

TEST_F(QueueGateTest, NewWorkIsRefusedFirstByWhatTheWriterNeeds) {
  // 100 us a command.
  Learn(100, kSync, absl::Milliseconds(10));

  gate_.Enter(499);
  EXPECT_TRUE(Admits(Urgency::kBegins, 0));
  gate_.Enter(2);
  EXPECT_FALSE(Admits(Urgency::kBegins, 0));
  EXPECT_TRUE(Admits(Urgency::kGoesOn, 0));
  EXPECT_TRUE(Admits(Urgency::kReads, 0));
  gate_.Enter(500);
  EXPECT_FALSE(Admits(Urgency::kGoesOn, 0));
  EXPECT_FALSE(Admits(Urgency::kReads, 0));
  EXPECT_TRUE(Admits(Urgency::kEnds, 0));
}

TEST_F(QueueGateTest, TheSlowerOfWriterAndAnswersCounts) {
  Learn(100, kSync, absl::Milliseconds(1), absl::Milliseconds(10));

  gate_.Enter(501);

  EXPECT_FALSE(Admits(Urgency::kBegins, 0));
  EXPECT_EQ(gate_.ExpectedWait() / absl::Milliseconds(1), 50);
}

TEST_F(QueueGateTest, WhoBringsMuchMayWaitForItsOwnTime) {
  Learn(100, kSync, absl::Milliseconds(10));

  gate_.Enter(800);

  EXPECT_FALSE(Admits(Urgency::kBegins, 1));
  EXPECT_TRUE(Admits(Urgency::kBegins, 100));
}

TEST_F(QueueGateTest, ADiskThatIsSlowByNatureIsNoReasonToRefuse) {
  Learn(100, absl::Milliseconds(250), absl::Milliseconds(1));
  gate_.Enter(1'000);

  gate_.BeginCommit();
  clock_.Advance(absl::Milliseconds(500));

  EXPECT_TRUE(Admits(Urgency::kBegins));
}

TEST_F(QueueGateTest, ADiskThatStallsIs) {
  Learn(100, kSync, absl::Milliseconds(1));
  gate_.Enter(100);
  gate_.BeginCommit();

  clock_.Advance(limits::kWaitMax);
  EXPECT_TRUE(Admits(Urgency::kBegins));
  clock_.Advance(2 * kSync + absl::Milliseconds(1));
  EXPECT_FALSE(Admits(Urgency::kBegins));
  EXPECT_TRUE(Admits(Urgency::kGoesOn));
  clock_.Advance(limits::kWaitMax);
  EXPECT_FALSE(Admits(Urgency::kGoesOn));
  clock_.Advance(absl::Hours(1));
  EXPECT_TRUE(Admits(Urgency::kEnds));
  EXPECT_TRUE(Admits(Urgency::kReads));
}

TEST_F(QueueGateTest, AWriterThatWaitsIsAStallAndNoCommit) {
  Learn(100, absl::Milliseconds(250), absl::Milliseconds(1));
  gate_.Enter(100);
  gate_.BeginWait();

  clock_.Advance(limits::kWaitMax - absl::Milliseconds(2));
  EXPECT_TRUE(Admits(Urgency::kBegins));
  clock_.Advance(absl::Milliseconds(2));
  EXPECT_FALSE(Admits(Urgency::kBegins));
  EXPECT_TRUE(Admits(Urgency::kEnds));
  EXPECT_FALSE(gate_.is_committing());
  EXPECT_EQ(gate_.commit_under_way(), absl::ZeroDuration());

  clock_.Advance(absl::Hours(1));
  Commit(100, absl::Milliseconds(250), absl::Milliseconds(1));
  EXPECT_TRUE(Admits(Urgency::kBegins));
}

TEST_F(QueueGateTest, NoDiskIsSlowerByNatureThanCallersArePatient) {
  Learn(100, absl::Seconds(5), absl::Milliseconds(1));
  gate_.Enter(100);

  gate_.BeginCommit();
  clock_.Advance(limits::kDiskPatience + limits::kWaitMax + absl::Milliseconds(1));

  EXPECT_FALSE(Admits(Urgency::kBegins));
}

TEST_F(QueueGateTest, FewThatWaitAreRefusedWhenTheDiskStallsForLong) {
  Learn(100, kSync, absl::Milliseconds(1));
  gate_.Enter(1);
  gate_.BeginCommit();

  clock_.Advance(4 * limits::kWaitMax);
  EXPECT_TRUE(Admits(Urgency::kBegins));
  clock_.Advance(2 * limits::kWaitMax);
  EXPECT_FALSE(Admits(Urgency::kBegins));
}

TEST_F(QueueGateTest, SmallBatchesDoNotTellWhatManyCommandsCost) {
  Learn(1, kSync, absl::Milliseconds(1));

  gate_.Enter(4'000);

  EXPECT_TRUE(Admits(Urgency::kBegins));
}

TEST_F(QueueGateTest, AClockThatLeaptIsForgottenSoon) {
  Learn(100, kSync, absl::Milliseconds(1));
  Commit(100, kSync, absl::Hours(1));

  for (int i = 0; i < 50; ++i) Commit(1, kSync, absl::Microseconds(10));

  gate_.Enter(2'000);
  EXPECT_TRUE(Admits(Urgency::kBegins));
}

TEST_F(QueueGateTest, WhoeverIsRefusedIsCountedAndToldWhenToComeBack) {
  Learn(100, kSync, absl::Milliseconds(10));
  gate_.Enter(3'000);

  const absl::Status refusal = gate_.Check(Urgency::kBegins, 1);

  EXPECT_EQ(GetReason(refusal), Reason::kOverloaded);
  const absl::Duration retry_after = *GetErrorDetail(refusal)->retry_after;
  EXPECT_GE(retry_after, absl::Milliseconds(290));
  EXPECT_LE(retry_after, absl::Milliseconds(310));
  EXPECT_EQ(gate_.refused(Urgency::kBegins), 1);
  EXPECT_EQ(gate_.refused(Urgency::kEnds), 0);
}

}  // namespace
}  // namespace farebox
