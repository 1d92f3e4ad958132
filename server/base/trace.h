#ifndef FAREBOX_SERVER_BASE_TRACE_H_
#define FAREBOX_SERVER_BASE_TRACE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"

// What a call is a part of, in the form of W3C Trace Context: one trace goes through all programs
// that take part in one thing, and each of them has a span of it.
namespace farebox::server {

// The names under which it comes, and is told to the caller.
inline constexpr char kTraceparent[] = "traceparent";
inline constexpr char kTraceresponse[] = "traceresponse";

// A span of a trace. Neither id is 0.
struct TraceSpan {
  absl::uint128 trace_id = 0;
  uint64_t span_id = 0;
  // The caller records this trace. Passed on; nothing is recorded here but log lines.
  bool is_sampled = false;

  friend bool operator==(const TraceSpan&, const TraceSpan&) = default;
};

// Reads the caller's span from the header `traceparent`. Nothing where it is not just as the
// standard has it: such a header is to be taken for none. Of a version that is not known yet, what
// is known of it is read.
std::optional<TraceSpan> ParseTraceparent(absl::string_view header);

// A new span of the caller's trace, or of a new one.
TraceSpan BeginSpan(const std::optional<TraceSpan>& caller);

// 32 and 16 lowercase hexadecimal digits.
std::string TraceIdText(const TraceSpan& span);
std::string SpanIdText(const TraceSpan& span);

// The header `traceresponse`, by which a caller is told under which ids its call is in the log.
std::string FormatTraceresponse(const TraceSpan& span);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_TRACE_H_
