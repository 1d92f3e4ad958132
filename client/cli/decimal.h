#ifndef FAREBOX_CLIENT_CLI_DECIMAL_H_
#define FAREBOX_CLIENT_CLI_DECIMAL_H_

#include <cstdint>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Money as people type and read it, exactly: by integers alone.
namespace farebox::cli {

// Reads an amount in units of the currency, e.g. "12.50" or "0.000001", as micros. INVALID_ARGUMENT
// with a message for the person who typed it: for anything but digits and one point between digits,
// for more than six decimals, and for what no 64-bit integer holds.
absl::StatusOr<int64_t> ParseMicros(absl::string_view text);

// At least two decimals, at most six, no zeros at the end beyond two: "12.50", "-0.004". What
// ParseMicros reads, with a minus where it is negative.
std::string FormatMicros(absl::int128 micros);

// The same for nanos: at most nine decimals.
std::string FormatNanos(absl::int128 nanos);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_DECIMAL_H_
