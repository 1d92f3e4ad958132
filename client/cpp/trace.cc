#include "client/cpp/trace.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace farebox::client {
namespace {

// 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
constexpr size_t kTraceIdAt = 3;
constexpr size_t kTraceIdDigits = 32;
constexpr size_t kSize = 55;

}  // namespace

std::string MakeTraceparent() {
  thread_local absl::BitGen bits;
  // Ids of zeros only mean none.
  const auto high = absl::Uniform<uint64_t>(bits);
  const auto low = absl::Uniform<uint64_t>(absl::IntervalClosed, bits, 1, ~uint64_t{0});
  const auto span = absl::Uniform<uint64_t>(absl::IntervalClosed, bits, 1, ~uint64_t{0});
  return absl::StrFormat("00-%016x%016x-%016x-01", high, low, span);
}

std::string TraceIdOf(absl::string_view header) {
  if (header.size() < kSize || header[kTraceIdAt - 1] != '-') return "";
  const absl::string_view id = header.substr(kTraceIdAt, kTraceIdDigits);
  const bool is_hex = std::all_of(id.begin(), id.end(), absl::ascii_isxdigit);
  return is_hex ? std::string(id) : "";
}

}  // namespace farebox::client
