#ifndef FAREBOX_SERVER_SERVICES_ENTRIES_H_
#define FAREBOX_SERVER_SERVICES_ENTRIES_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/v1/entry.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "storage/entry.h"

namespace farebox::server {

// Shows a line of the journal. `out` is empty and on an arena.
void FillEntry(const Entry& entry, absl::string_view account_id, v1::Entry* out);

// What a Timestamp can say: 0001-01-01 to 9999-12-31.
inline constexpr int64_t kTimestampSecondsMin = -62'135'596'800;
inline constexpr int64_t kTimestampSecondsMax = 253'402'300'799;

void FillTime(absl::Time time, google::protobuf::Timestamp* out);
absl::Time FromProto(const google::protobuf::Timestamp& time);

inline v1::Reason ToProto(Reason reason) { return static_cast<v1::Reason>(reason); }

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_ENTRIES_H_
