#include "server/base/trace.h"

#include <algorithm>
#include <cstddef>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"

namespace farebox::server {
namespace {

// version "-" trace-id "-" parent-id "-" trace-flags
constexpr size_t kTraceIdAt = 3;
constexpr size_t kTraceIdDigits = 32;
constexpr size_t kSpanIdAt = kTraceIdAt + kTraceIdDigits + 1;
constexpr size_t kSpanIdDigits = 16;
constexpr size_t kFlagsAt = kSpanIdAt + kSpanIdDigits + 1;
constexpr size_t kSize = kFlagsAt + 2;

constexpr uint64_t kSampled = 1;

// The digits, in lower case as the standard wants them, as a number.
std::optional<absl::uint128> ParseHex(absl::string_view digits) {
  absl::uint128 number = 0;
  for (const char digit : digits) {
    const bool is_decimal = digit >= '0' && digit <= '9';
    if (!is_decimal && (digit < 'a' || digit > 'f')) return std::nullopt;
    number = (number << 4) | static_cast<uint64_t>(is_decimal ? digit - '0' : digit - 'a' + 10);
  }
  return number;
}

uint64_t RandomId() {
  absl::InsecureBitGen bits;
  return absl::Uniform<uint64_t>(absl::IntervalClosed, bits, 1, ~uint64_t{0});
}

}  // namespace

std::optional<TraceSpan> ParseTraceparent(absl::string_view header) {
  if (header.size() < kSize) return std::nullopt;
  for (const size_t dash : {kTraceIdAt - 1, kSpanIdAt - 1, kFlagsAt - 1}) {
    if (header[dash] != '-') return std::nullopt;
  }
  const std::optional<absl::uint128> version = ParseHex(header.substr(0, 2));
  const auto trace_id = ParseHex(header.substr(kTraceIdAt, kTraceIdDigits));
  const auto span_id = ParseHex(header.substr(kSpanIdAt, kSpanIdDigits));
  const auto flags = ParseHex(header.substr(kFlagsAt, 2));
  if (!version.has_value() || !trace_id.has_value() || !span_id.has_value() || !flags.has_value()) {
    return std::nullopt;
  }
  if (*version == 0xff || *trace_id == 0 || *span_id == 0) return std::nullopt;
  // Later versions may have more behind another dash; this one has not.
  const bool has_more = header.size() > kSize;
  if (has_more && (*version == 0 || header[kSize] != '-')) return std::nullopt;
  return TraceSpan{.trace_id = *trace_id,
                   .span_id = absl::Uint128Low64(*span_id),
                   .is_sampled = (absl::Uint128Low64(*flags) & kSampled) != 0};
}

TraceSpan BeginSpan(const std::optional<TraceSpan>& caller) {
  if (caller.has_value()) {
    return {.trace_id = caller->trace_id, .span_id = RandomId(), .is_sampled = caller->is_sampled};
  }
  return {.trace_id = absl::MakeUint128(RandomId(), RandomId()), .span_id = RandomId()};
}

std::string TraceIdText(const TraceSpan& span) {
  return absl::StrCat(absl::Hex(absl::Uint128High64(span.trace_id), absl::kZeroPad16),
                      absl::Hex(absl::Uint128Low64(span.trace_id), absl::kZeroPad16));
}

std::string SpanIdText(const TraceSpan& span) {
  return absl::StrCat(absl::Hex(span.span_id, absl::kZeroPad16));
}

std::string FormatTraceresponse(const TraceSpan& span) {
  return absl::StrCat("00-", TraceIdText(span), "-", SpanIdText(span),
                      span.is_sampled ? "-01" : "-00");
}

}  // namespace farebox::server
