// What a connection is cut for, and what not.

#include "server/transport/conduct.h"

#include "gmock/gmock.h"
#include "server/transport/flood_limits.h"

namespace farebox::server {
namespace {

using ::testing::Optional;
using Offence = Conduct::Offence;

constexpr int64_t kMebibyte = 1024 * 1024;

// A connection of which is told what came in each tenth of a second.
class ConductTest : public ::testing::Test {
 protected:
  // Looks until something is wrong, at most so often; each time more of the same has come.
  std::optional<Offence> Repeat(int looks, const Conduct::Seen& more) {
    std::optional<Offence> offence;
    for (looks_ = 0; looks_ < looks && !offence.has_value(); ++looks_) offence = Look(more);
    return offence;
  }

  std::optional<Offence> Look(const Conduct::Seen& more, int64_t looks = 1) {
    seen_.bytes_received += more.bytes_received;
    seen_.bytes_sent += more.bytes_sent;
    seen_.bytes_unread = more.bytes_unread;
    seen_.calls.calls += more.calls.calls;
    seen_.calls.request_bytes += more.calls.request_bytes;
    seen_.calls.resets += more.calls.resets;
    return conduct_.Look(seen_, looks);
  }

  // Somebody has shown a key.
  void LetIn() { seen_.calls.is_known = true; }

  static constexpr int64_t kCallsAtOnce = 128;

  Conduct conduct_{kCallsAtOnce};
  Conduct::Seen seen_;
  int looks_ = 0;  // That the last Repeat() took.
};

TEST_F(ConductTest, CallsThatAreAnsweredAreNeverTooMany) {
  // 5,000 in each tenth of a second, with a kilobyte of metadata each.
  EXPECT_EQ(Repeat(1'000, {.bytes_received = 5'000 * 1'224,
                           .bytes_sent = 5'000 * 100,
                           .calls = {.calls = 5'000, .request_bytes = 5'000 * 200}}),
            std::nullopt);
}

TEST_F(ConductTest, CallsThatNobodyAnswersAreNeverTooMany) {
  // A disk stands still, and the callers go on.
  EXPECT_EQ(Repeat(1'000, {.bytes_received = 500 * 300,
                           .calls = {.calls = 500, .request_bytes = 500 * 100}}),
            std::nullopt);
}

TEST_F(ConductTest, AStreamOfAnswersNeedsNoCalls) {
  // Window updates of a client that watches.
  EXPECT_EQ(Repeat(1'000, {.bytes_received = kMebibyte / 4, .bytes_sent = 8 * kMebibyte}),
            std::nullopt);
}

TEST_F(ConductTest, PingsAndHealthChecksOfAnIdleClientAreFree) {
  EXPECT_EQ(Repeat(1'000, {.bytes_received = 200, .bytes_sent = 100}), std::nullopt);
  EXPECT_TRUE(conduct_.is_quiet());
}

TEST_F(ConductTest, BytesThatLeadToNothingAreCutWithinASecond) {
  EXPECT_THAT(Repeat(10, {.bytes_received = 3 * kMebibyte}), Optional(Offence::kUnpaidBytes));
  EXPECT_LT(looks_, limits::kLooksPerSecond);
}

TEST_F(ConductTest, FewBytesThatLeadToNothingAreCutWhenTheyAddUp) {
  EXPECT_THAT(Repeat(200, {.bytes_received = 20'000}), Optional(Offence::kUnpaidBytes));
}

TEST_F(ConductTest, ALargeBatchOfWhoWasLetInIsGivenTime) {
  LetIn();

  // Two of the largest at once, over a slow network: nothing is paid for until one is whole.
  EXPECT_EQ(Repeat(80, {.bytes_received = kMebibyte / 10}), std::nullopt);
  EXPECT_EQ(Look({.bytes_sent = 1'000'000,
                  .calls = {.calls = 2, .request_bytes = uint64_t{8} * kMebibyte}}),
            std::nullopt);
  EXPECT_EQ(Repeat(1, {}), std::nullopt);
}

TEST_F(ConductTest, ALargeBatchOfAStrangerIsNotCutAtOnce) {
  EXPECT_EQ(Look({.bytes_received = 4 * kMebibyte}), std::nullopt);
  EXPECT_EQ(Look({}), std::nullopt);
  EXPECT_EQ(Look({.calls = {.calls = 1, .request_bytes = uint64_t{4} * kMebibyte}}), std::nullopt);
  EXPECT_EQ(Repeat(10, {}), std::nullopt);
}

TEST_F(ConductTest, AStrangersFloodIsCutAtTheThirdLook) {
  EXPECT_THAT(Repeat(10, {.bytes_received = 3 * kMebibyte}), Optional(Offence::kUnpaidBytes));
  EXPECT_EQ(looks_, 3);
}

TEST_F(ConductTest, WhoWasLetInMayNotFloodEither) {
  LetIn();

  EXPECT_THAT(Repeat(20, {.bytes_received = 6 * kMebibyte}), Optional(Offence::kUnpaidBytes));
}

TEST_F(ConductTest, BytesThatAreHardToReadAreCutSooner) {
  LetIn();

  EXPECT_THAT(Repeat(10, {.bytes_received = 100'000, .bytes_unread = 50'000}),
              Optional(Offence::kUnpaidBytes));
}

TEST_F(ConductTest, UnansweredCallsDoNotPayForBytesThatAreHardToRead) {
  LetIn();

  // Calls that are given up at once, as a busy machine tells of them: without their resets.
  EXPECT_THAT(
      Repeat(20, {.bytes_received = 16'000, .bytes_unread = 50'000, .calls = {.calls = 100}}),
      Optional(Offence::kUnpaidBytes));
  EXPECT_LE(looks_, limits::kLooksPerSecond);
}

TEST_F(ConductTest, AnsweredCallsPayForBytesThatAreHardToRead) {
  // On a machine that is as busy. They are answered later than they come.
  Look({.bytes_received = 16'000, .bytes_unread = 50'000, .calls = {.calls = 100}});
  EXPECT_EQ(Repeat(1'000, {.bytes_received = 16'000,
                           .bytes_sent = 100 * 60,
                           .bytes_unread = 50'000,
                           .calls = {.calls = 100}}),
            std::nullopt);
}

TEST_F(ConductTest, CallsThatNobodyAnswersForAMomentAreNoFlood) {
  // What they send is read as it comes, but for a moment.
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Repeat(3, {.bytes_received = 30'000, .bytes_unread = 5'000, .calls = {.calls = 200}}),
              std::nullopt);
    EXPECT_EQ(Look({.bytes_received = 30'000, .calls = {.calls = 200}}), std::nullopt);
  }
}

TEST_F(ConductTest, BytesThatComeByFitsAndStartsAreCutAsSoon) {
  // A window that is full lets nothing in until half of it has been read.
  Look({.bytes_received = 160'000, .bytes_unread = 105'000});
  EXPECT_EQ(Look({.bytes_unread = 55'000}), std::nullopt);
  EXPECT_THAT(Look({.bytes_received = 95'000, .bytes_unread = 100'000}),
              Optional(Offence::kUnpaidBytes));
}

TEST_F(ConductTest, BytesThatAreReadWithinTheAllowanceAreCutAsSoon) {
  // Calls that gRPC keeps to itself, and is ever slower to read.
  Look({.bytes_received = 125'000, .bytes_unread = 100'000});
  EXPECT_EQ(Look({.bytes_unread = 92'000}), std::nullopt);
  EXPECT_THAT(Look({.bytes_unread = 84'000}), Optional(Offence::kUnpaidBytes));
}

TEST_F(ConductTest, WhatNobodyReadsIsNotHeldAgainstWhoSentIt) {
  // The server stands still.
  EXPECT_EQ(Repeat(1, {.bytes_received = 125'000, .bytes_unread = 125'000}), std::nullopt);
  EXPECT_EQ(Repeat(1'000, {.bytes_unread = 125'000}), std::nullopt);
}

TEST_F(ConductTest, CallsMayComeFasterThanTheyAreRead) {
  // A server that has too much to do.
  EXPECT_EQ(Repeat(1'000, {.bytes_received = 1'000 * 300,
                           .bytes_sent = 1'000 * 50,
                           .bytes_unread = kMebibyte,
                           .calls = {.calls = 1'000, .request_bytes = 1'000 * 100}}),
            std::nullopt);
}

TEST_F(ConductTest, BatchesMayComeFasterThanTheyAreRead) {
  LetIn();
  Look({.bytes_received = 9 * kMebibyte, .bytes_unread = kMebibyte});

  // Some megabytes of them are always on their way, and one becomes whole at every other look.
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(Look({.bytes_received = kMebibyte / 2, .bytes_unread = kMebibyte}), std::nullopt);
    ASSERT_EQ(Look({.bytes_received = kMebibyte / 2,
                    .bytes_unread = kMebibyte,
                    .calls = {.calls = 10, .request_bytes = kMebibyte}}),
              std::nullopt);
  }
}

TEST_F(ConductTest, GoodConductIsNotSavedUp) {
  Repeat(1'000, {.bytes_received = 500 * 300, .bytes_sent = kMebibyte, .calls = {.calls = 500}});

  EXPECT_THAT(Repeat(10, {.bytes_received = 3 * kMebibyte}), Optional(Offence::kUnpaidBytes));
}

TEST_F(ConductTest, CallsThatAreResetAtOnceAreCut) {
  EXPECT_THAT(
      Repeat(10, {.bytes_received = 2'000 * 60, .calls = {.calls = 2'000, .resets = 2'000}}),
      Optional(Offence::kResets));
  EXPECT_EQ(looks_, 2);
}

TEST_F(ConductTest, CallsThatAreResetUnseenAreCut) {
  // gRPC is too busy with them to tell.
  EXPECT_THAT(Repeat(10, {.bytes_received = 3'000 * 60, .calls = {.calls = 3'000}}),
              Optional(Offence::kResets));
  EXPECT_EQ(looks_, 1);
}

TEST_F(ConductTest, CallsThatWaitAreNoFlood) {
  // As many at once as a connection was granted, and a disk that takes its time.
  Conduct conduct(100'000);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(conduct.Look({.bytes_received = 100'000 * 300, .calls = {.calls = 100'000}}, 1),
              std::nullopt);
  }
}

TEST_F(ConductTest, ErrorsAreAnswersToo) {
  EXPECT_EQ(Repeat(1'000, {.bytes_received = 5'000 * 100,
                           .bytes_sent = 5'000 * limits::kAnswerBytesMin,
                           .calls = {.calls = 5'000}}),
            std::nullopt);
}

TEST_F(ConductTest, ACallInAHundredMayBeReset) {
  EXPECT_EQ(Repeat(1'000, {.bytes_received = 2'000 * 300,
                           .bytes_sent = 2'000 * 100,
                           .calls = {.calls = 2'000, .resets = 20}}),
            std::nullopt);
}

TEST_F(ConductTest, ALookThatComesLateForgivesAsMuchAsThoseThatWereMissed) {
  const Conduct::Seen more = {.bytes_received = uint64_t{10} * limits::kFreeBytesPerLook,
                              .calls = {.resets = uint64_t{10} * limits::kFreeResetsPerLook}};

  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(Look(more, 10), std::nullopt);
}

TEST_F(ConductTest, WhatIsUnpaidIsLookedAtEachTime) {
  Look({.bytes_received = kMebibyte / 2});
  EXPECT_FALSE(conduct_.is_quiet());

  // Nothing more came, but that is owed still.
  Look({});
  EXPECT_FALSE(conduct_.is_quiet());
}

}  // namespace
}  // namespace farebox::server
