#include "server/numbers/renewal_calendar.h"

#include <algorithm>

namespace farebox::server {

absl::Time MonthStart(absl::Time purchase, int32_t month, const absl::TimeZone& time_zone) {
  if (month == 0) return purchase;
  const absl::CivilSecond bought = absl::ToCivilSecond(purchase, time_zone);
  const absl::CivilMonth in = absl::CivilMonth(bought) + month;
  const int last_day = (absl::CivilDay(in + 1) - 1).day();
  const absl::CivilSecond start(in.year(), in.month(), std::min(bought.day(), last_day),
                                bought.hour(), bought.minute(), bought.second());
  return absl::FromCivil(start, time_zone);
}

}  // namespace farebox::server
