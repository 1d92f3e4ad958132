#ifndef FAREBOX_SERVER_WEB_JSON_MESSAGE_H_
#define FAREBOX_SERVER_WEB_JSON_MESSAGE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

// Messages as JSON, by protobuf's mapping, and stricter where money is at stake: what one program
// means and another one reads otherwise is refused.
namespace farebox::web {

// Adds what the JSON says to `message`, which is empty. Fields go by their names in the proto or in
// lowerCamelCase. FIELD_INVALID names the field, and says what is wrong with it:
//
//   - an integer is a whole JSON number, or a string of digits as a program writes it ("12", "-7",
//     not "+5", "05", " 5", "1e3", "1.5"); beyond 2^53 only a string, because many programs lose
//     digits of such numbers;
//   - a name that the message does not have, a field or a key that comes twice, two fields that
//     exclude each other;
//   - what is no JSON by its grammar: a byte order mark, a comma too many, NaN, a comment, text
//     that is no UTF-8, anything after the end; and more than 64 levels.
absl::Status ReadJson(absl::string_view json, google::protobuf::Message* message);

// Without what has its default value: 0, false, "", no elements. Fields go by their names in the
// proto, 64-bit integers are strings.
std::string WriteJson(const google::protobuf::Message& message);

// Appends a string of JSON with its quotes. Bytes that are no UTF-8 are the caller's fault.
void AppendJsonString(absl::string_view text, std::string* json);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_JSON_MESSAGE_H_
