#ifndef FAREBOX_SERVER_BASE_PROTO_TIME_H_
#define FAREBOX_SERVER_BASE_PROTO_TIME_H_

#include <cstdint>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace farebox::server {

// Times and durations as messages have them: seconds, and nanos that go forward in a Timestamp and
// have the sign of the seconds in a Duration.

// What a Timestamp can say: 0001-01-01 to 9999-12-31.
inline constexpr int64_t kTimestampSecondsMin = -62'135'596'800;
inline constexpr int64_t kTimestampSecondsMax = 253'402'300'799;

// To the microsecond, as the journal has times; what is finer is dropped.
void FillTime(absl::Time time, google::protobuf::Timestamp* out);
absl::Time TimeOf(const google::protobuf::Timestamp& time);

// To the nanosecond; of more than 292 years, that many.
void FillDuration(absl::Duration duration, google::protobuf::Duration* out);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_PROTO_TIME_H_
