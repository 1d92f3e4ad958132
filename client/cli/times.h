#ifndef FAREBOX_CLIENT_CLI_TIMES_H_
#define FAREBOX_CLIENT_CLI_TIMES_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace farebox::cli {

// Reads a moment as people write it: "2026-03-01", "2026-03-01 14:30" and "... 14:30:05" in `zone`;
// "2026-03-01T14:30:05Z" or with an offset; "today" and "yesterday", when these began in `zone`;
// "90m", "24h" or "7d" before `now`. INVALID_ARGUMENT with a message for the person.
absl::StatusOr<absl::Time> ParseTime(absl::string_view text, absl::TimeZone zone, absl::Time now);

// The same of what is to come: "24h" is after `now`.
absl::StatusOr<absl::Time> ParseTimeAhead(absl::string_view text, absl::TimeZone zone,
                                          absl::Time now);

// "500ms", "2s", "5m"; a bare number counts seconds. Above zero.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);

// "2026-03-01 14:30:05"; empty for a time that is not set.
std::string FormatTime(const google::protobuf::Timestamp& time, absl::TimeZone zone);

// "UTC", "CET"...
std::string ZoneName(absl::TimeZone zone, absl::Time at);

// "1.5ms"
std::string FormatDuration(const google::protobuf::Duration& duration);

// "213us", "1.25ms", "2.5s": three digits or so. "-" for none, ">" for an infinite one.
std::string FormatShort(std::optional<absl::Duration> duration);

// "1h 02m 03s", "42s".
std::string FormatSeconds(int64_t seconds);

absl::Time TimeOf(const google::protobuf::Timestamp& time);
absl::Duration DurationOf(const google::protobuf::Duration& duration);
void FillTimestamp(absl::Time time, google::protobuf::Timestamp* out);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_TIMES_H_
