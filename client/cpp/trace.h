#ifndef FAREBOX_CLIENT_CPP_TRACE_H_
#define FAREBOX_CLIENT_CPP_TRACE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace farebox::client {

// The metadata by which a call says which trace it is a part of (W3C Trace Context), and by which
// the server says under which it has written about it.
inline constexpr char kTraceparent[] = "traceparent";
inline constexpr char kTraceresponse[] = "traceresponse";

// The beginning of a new trace, for CallOptions::traceparent. Thread-safe.
std::string MakeTraceparent();

// The 32 hexadecimal digits by which logs have the trace; empty where the header has none.
std::string TraceIdOf(absl::string_view header);

}  // namespace farebox::client

#endif  // FAREBOX_CLIENT_CPP_TRACE_H_
