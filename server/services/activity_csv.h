#ifndef FAREBOX_SERVER_SERVICES_ACTIVITY_CSV_H_
#define FAREBOX_SERVER_SERVICES_ACTIVITY_CSV_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/v1/entry.pb.h"

// An account's lines as RFC 4180 has them. Pure.
namespace farebox::server {

std::string ActivityCsvHeader();

// Adds a line. Amounts are exact, once in units of the currency and once in micros.
void AppendActivityCsvLine(const v1::Entry& entry, absl::TimeZone zone,
                           absl::string_view currency_code, std::string* out);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_ACTIVITY_CSV_H_
