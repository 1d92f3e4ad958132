#include "server/base/proto_time.h"

#include "google/protobuf/util/time_util.h"

namespace farebox::server {
namespace {

using google::protobuf::util::TimeUtil;

static_assert(kTimestampSecondsMin == TimeUtil::kTimestampMinSeconds);
static_assert(kTimestampSecondsMax == TimeUtil::kTimestampMaxSeconds);

}  // namespace

// By itself: most answers have one, and TimeUtil's would be copied.
void FillTime(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t micros = absl::ToUnixMicros(time);
  int64_t seconds = micros / 1'000'000;
  int64_t rest = micros % 1'000'000;
  if (rest < 0) {
    rest += 1'000'000;
    --seconds;
  }
  out->set_seconds(seconds);
  out->set_nanos(static_cast<int32_t>(rest * 1000));
}

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

void FillDuration(absl::Duration duration, google::protobuf::Duration* out) {
  *out = TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(duration));
}

}  // namespace farebox::server
