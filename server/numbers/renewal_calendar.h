#ifndef FAREBOX_SERVER_NUMBERS_RENEWAL_CALENDAR_H_
#define FAREBOX_SERVER_NUMBERS_RENEWAL_CALENDAR_H_

#include <cstdint>

#include "absl/time/time.h"

namespace farebox::server {

// When the month number `month` of a rental begins; 0 is the purchase itself. On the purchase's
// day of the month and time of day in the time zone, on the last day of months that have no such
// day. Counted from the purchase, never from the month before: the 31st stays the 31st after a
// February. Where a clock is put forward over that time, the moment when it is; where it is put
// back, the first of the two. Pure.
absl::Time MonthStart(absl::Time purchase, int32_t month, const absl::TimeZone& time_zone);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_NUMBERS_RENEWAL_CALENDAR_H_
