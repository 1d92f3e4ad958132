#include "server/base/proto_time.h"

#include "gtest/gtest.h"

namespace farebox::server {
namespace {

TEST(ProtoTime, ATimeIsSecondsAndNanosThatGoForward) {
  const struct {
    absl::Time time;
    int64_t seconds;
    int32_t nanos;
  } kRows[] = {
      {absl::UnixEpoch(), 0, 0},
      {absl::FromUnixMicros(1'500'000), 1, 500'000'000},
      {absl::FromUnixMicros(-1), -1, 999'999'000},
      {absl::FromUnixMicros(-1'500'000), -2, 500'000'000},
      {absl::FromUnixSeconds(-1), -1, 0},
      {absl::FromUnixSeconds(kTimestampSecondsMin), kTimestampSecondsMin, 0},
      {absl::FromUnixSeconds(kTimestampSecondsMax) + absl::Microseconds(999'999),
       kTimestampSecondsMax, 999'999'000},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(absl::FormatTime(row.time, absl::UTCTimeZone()));
    google::protobuf::Timestamp filled;

    FillTime(row.time, &filled);

    EXPECT_EQ(filled.seconds(), row.seconds);
    EXPECT_EQ(filled.nanos(), row.nanos);
    EXPECT_EQ(TimeOf(filled), row.time);
  }
}

TEST(ProtoTime, WhatIsFinerThanAMicrosecondIsDropped) {
  google::protobuf::Timestamp filled;

  FillTime(absl::FromUnixMicros(-1) + absl::Nanoseconds(999), &filled);

  EXPECT_EQ(TimeOf(filled), absl::FromUnixMicros(-1));
}

TEST(ProtoTime, ADurationIsSecondsAndNanosOfOneSign) {
  const struct {
    absl::Duration duration;
    int64_t seconds;
    int32_t nanos;
  } kRows[] = {
      {absl::ZeroDuration(), 0, 0},
      {absl::Nanoseconds(1), 0, 1},
      {-absl::Nanoseconds(1), 0, -1},
      {absl::Milliseconds(1'500), 1, 500'000'000},
      {-absl::Milliseconds(1'500), -1, -500'000'000},
      {absl::InfiniteDuration(), 9'223'372'036, 854'775'807},
      {-absl::InfiniteDuration(), -9'223'372'036, -854'775'808},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(absl::FormatDuration(row.duration));
    google::protobuf::Duration filled;

    FillDuration(row.duration, &filled);

    EXPECT_EQ(filled.seconds(), row.seconds);
    EXPECT_EQ(filled.nanos(), row.nanos);
  }
}

}  // namespace
}  // namespace farebox::server
