#include "client/cli/times.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace farebox::cli {
namespace {

constexpr const char* kFormats[] = {"%Y-%m-%dT%H:%M:%E*S%Ez", "%Y-%m-%d %H:%M:%E*S",
                                    "%Y-%m-%d %H:%M", "%Y-%m-%d"};

// "7d" and all that absl reads.
bool ReadDuration(absl::string_view text, absl::Duration* duration) {
  int64_t days = 0;
  absl::string_view number = text;
  if (absl::ConsumeSuffix(&number, "d") && absl::SimpleAtoi(number, &days)) {
    *duration = absl::Hours(24) * days;
    return true;
  }
  return absl::ParseDuration(text, duration);
}

// How far a moment is away.
std::optional<absl::Duration> ReadDistance(absl::string_view text) {
  absl::Duration distance;
  const bool is_good = ReadDuration(text, &distance) && distance >= absl::ZeroDuration() &&
                       distance != absl::InfiniteDuration();
  return is_good ? std::make_optional(distance) : std::nullopt;
}

// What clocks and calendars say.
std::optional<absl::Time> ReadMoment(absl::string_view text, absl::TimeZone zone) {
  for (const char* format : kFormats) {
    absl::Time time;
    std::string problem;
    if (absl::ParseTime(format, text, zone, &time, &problem) && time != absl::InfiniteFuture() &&
        time != absl::InfinitePast()) {
      return time;
    }
  }
  return std::nullopt;
}

absl::Status NotUnderstood(absl::string_view text, absl::string_view examples) {
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not ", examples));
}

}  // namespace

absl::StatusOr<absl::Time> ParseTime(absl::string_view text, absl::TimeZone zone, absl::Time now) {
  const absl::CivilDay today = absl::ToCivilDay(now, zone);
  if (text == "now") return now;
  if (text == "today") return absl::FromCivil(today, zone);
  if (text == "yesterday") return absl::FromCivil(today - 1, zone);
  if (const auto ago = ReadDistance(text); ago.has_value()) return now - *ago;
  if (const auto moment = ReadMoment(text, zone); moment.has_value()) return *moment;
  return NotUnderstood(text, "a time such as 2026-03-01, \"2026-03-01 14:30\", today or 24h");
}

absl::StatusOr<absl::Time> ParseTimeAhead(absl::string_view text, absl::TimeZone zone,
                                          absl::Time now) {
  if (const auto ahead = ReadDistance(text); ahead.has_value()) return now + *ahead;
  if (const auto moment = ReadMoment(text, zone); moment.has_value()) return *moment;
  return NotUnderstood(text, "a time such as 2026-03-01, \"2026-03-01 14:30\" or 24h");
}

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  absl::Duration duration;
  int64_t seconds = 0;
  if (absl::SimpleAtoi(text, &seconds)) {
    duration = absl::Seconds(seconds);
  } else if (!ReadDuration(text, &duration)) {
    return NotUnderstood(text, "a length of time such as 500ms, 2s or 5m");
  }
  if (duration <= absl::ZeroDuration() || duration == absl::InfiniteDuration()) {
    return NotUnderstood(text, "a length of time above zero");
  }
  return duration;
}

std::string FormatTime(const google::protobuf::Timestamp& time, absl::TimeZone zone) {
  if (time.seconds() == 0 && time.nanos() == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()), zone);
}

std::string ZoneName(absl::TimeZone zone, absl::Time at) {
  return absl::FormatTime("%Z", at, zone);
}

std::string FormatDuration(const google::protobuf::Duration& duration) {
  return absl::FormatDuration(DurationOf(duration));
}

std::string FormatShort(std::optional<absl::Duration> duration) {
  if (!duration.has_value()) return "-";
  if (*duration == absl::InfiniteDuration()) return ">";
  struct Unit {
    absl::Duration unit;
    const char* name;
  };
  constexpr Unit kUnits[] = {
      {absl::Seconds(1), "s"}, {absl::Milliseconds(1), "ms"}, {absl::Microseconds(1), "us"}};
  for (const Unit& unit : kUnits) {
    if (*duration < unit.unit) continue;
    return absl::StrFormat("%.3g%s", absl::FDivDuration(*duration, unit.unit), unit.name);
  }
  return "0us";
}

std::string FormatSeconds(int64_t seconds) {
  if (seconds < 60) return absl::StrCat(seconds, "s");
  if (seconds < 3600) return absl::StrFormat("%dm %02ds", seconds / 60, seconds % 60);
  return absl::StrFormat("%dh %02dm %02ds", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

absl::Duration DurationOf(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

void FillTimestamp(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  out->set_seconds(seconds);
  out->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

}  // namespace farebox::cli
