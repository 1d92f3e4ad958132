#ifndef FAREBOX_SERVER_SERVICES_FIELDS_H_
#define FAREBOX_SERVER_SERVICES_FIELDS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/usage.pb.h"
#include "google/protobuf/timestamp.pb.h"

// The rules for the fields of requests. Each check names the field by its path in the request and
// fails with FIELD_INVALID, or AMOUNT_INVALID where money is wrong.
namespace farebox::server {

absl::Status CheckAccountId(absl::string_view value, absl::string_view field = "account_id");
absl::Status CheckRequestId(absl::string_view value);
// `value` with or without its +.
absl::Status CheckE164(absl::string_view value, absl::string_view field);
absl::Status CheckDeckName(absl::string_view value);
absl::Status CheckDescription(absl::string_view value);

// An id of an entry or hold: 1, 2, 3...
absl::Status CheckEntryId(int64_t value, absl::string_view field);
// An amount that moves: 1 to limits::kAmountMax.
absl::Status CheckAmount(int64_t micros, absl::string_view field);

// 0 to 0 is for what is no call, and has no seconds.
struct SecondsRange {
  int64_t min = 0;
  int64_t max = 0;
};
absl::Status CheckSeconds(int64_t value, SecondsRange range, absl::string_view field);

// A time of a query; absent ones are fine.
absl::Status CheckTimestamp(const google::protobuf::Timestamp& value, absl::string_view field);

// `usage` with all that it needs, in the request's field of that name.
absl::Status CheckUsage(const v1::Usage& usage);

// Whether the item is one of the billing items.
absl::Status CheckItem(v1::Item item, absl::string_view field);

// What an error gives back of an enum or an id: nothing of one that was left out, which reads as 0.
std::string ValueSent(int64_t number);

// Digits, one at least.
bool IsDigits(absl::string_view text);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_FIELDS_H_
