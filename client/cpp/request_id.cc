#include "client/cpp/request_id.h"

#include <cstdint>

#include "absl/random/random.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace farebox::client {

std::string MakeRequestId() { return MakeRequestIdAt(absl::Now()); }

std::string MakeRequestIdAt(absl::Time time) {
  thread_local absl::BitGen bits;
  const int64_t nanos = absl::ToUnixNanos(time);
  const auto millis = static_cast<uint64_t>(nanos / 1'000'000) & 0xffff'ffff'ffff;
  // Twelve bits of what is left of the millisecond: about a quarter of a microsecond each.
  const auto fraction = static_cast<uint64_t>(nanos % 1'000'000) * 4096 / 1'000'000;
  const auto random = absl::Uniform<uint64_t>(bits);
  constexpr uint64_t kVersion = 0x7000;
  constexpr uint64_t kVariant = 0x8000;
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", millis >> 16, millis & 0xffff,
                         kVersion | fraction, kVariant | (random >> 50), random & 0xffff'ffff'ffff);
}

}  // namespace farebox::client
