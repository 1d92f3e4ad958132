#ifndef FAREBOX_SERVER_RATING_LIMITS_H_
#define FAREBOX_SERVER_RATING_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "storage/micros.h"

// Every bound of rating, each with its reason.
namespace farebox::rating {

// No fee is above a thousand million currency units: enough for any currency, far from overflow.
inline constexpr Micros kFeeMax{1'000'000'000'000'000};

// No rate is above a thousand million currency units a minute, for the same reason.
inline constexpr int64_t kRateNanosPerMinuteMax = 1'000'000'000'000'000'000;

// A block is at most a day: longer ones are typing errors.
inline constexpr int32_t kIncrementSecondsMax = 86'400;

// The second rate starts within the first thirty days of a call, the longest that is let run.
inline constexpr int32_t kRateAfterSecondsMax = 2'592'000;

// A rate applies from no earlier than 1970 and ends before the year 10000 (UTC): other years are
// typing errors, and have no four digits to be written with.
inline constexpr int kYearMin = 1970;
inline constexpr int kYearMax = 9999;

// E.164 numbers have at most 15 digits, so a longer prefix could never match.
inline constexpr size_t kPrefixDigitsMax = 15;

// Digits without a plus sign are a short code, and no international number, up to this many: the
// shortest numbers that include a country code have seven.
inline constexpr size_t kShortCodeDigitsMax = 6;

// A destination that is matched as a whole is no longer than a SIP user part may sensibly be.
inline constexpr size_t kExactDestinationBytesMax = 64;

// A description is a label in lists and on activity lines, not a text.
inline constexpr size_t kDescriptionBytesMax = 200;

// Five times the largest wholesale deck in use, and about 200 MB of memory.
inline constexpr size_t kDeckRowsMax = 1'000'000;

// A longer field is no value of any column; most often it is a quote that was never closed.
inline constexpr size_t kCsvFieldBytesMax = 1'024;

// More fields than any deck has columns, so that a line of commas takes no memory.
inline constexpr size_t kCsvFieldsMax = 64;

// Enough errors to see what is wrong with a deck, few enough to be read and sent.
inline constexpr size_t kDeckCsvErrorsMax = 20;

// How much of an offending text an error repeats.
inline constexpr size_t kDeckCsvErrorTextBytesMax = 64;

}  // namespace farebox::rating

#endif  // FAREBOX_SERVER_RATING_LIMITS_H_
