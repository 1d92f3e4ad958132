#include "server/services/fields.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/limits.h"
#include "server/base/proto_time.h"
#include "server/rating/utf8.h"
#include "server/services/card_number.h"
#include "storage/errors.h"
#include "storage/micros.h"
#include "storage/request_ids.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

constexpr std::array<bool, 256> MakeNameChars() {
  std::array<bool, 256> is_name_char{};
  for (int c = '0'; c <= '9'; ++c) is_name_char[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) is_name_char[c] = is_name_char[c - 'A' + 'a'] = true;
  for (const char c : {'.', '_', ':', '@', '+', '-'}) is_name_char[static_cast<uint8_t>(c)] = true;
  return is_name_char;
}
constexpr std::array<bool, 256> kNameChars = MakeNameChars();

bool IsNameChar(char c) { return kNameChars[static_cast<uint8_t>(c)]; }

bool IsGraphic(char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); }

bool IsPrintable(char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); }

// Characters of well-formed UTF-8.
size_t CountCharacters(absl::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

absl::Status CheckName(absl::string_view value, size_t bytes_max, absl::string_view field) {
  if (value.empty()) return error::FieldInvalid(field, "is required");
  if (value.size() > bytes_max || !std::all_of(value.begin(), value.end(), IsNameChar)) {
    return error::FieldInvalid(
        field, absl::StrCat("must be 1 to ", bytes_max, " of A-Z a-z 0-9 . _ : @ + -"), value);
  }
  return absl::OkStatus();
}

// A number, a short code or a SIP user.
absl::Status CheckDestination(absl::string_view value, absl::string_view field) {
  if (value.empty()) return error::FieldInvalid(field, "is required");
  if (value[0] == '+') return CheckE164(value, field);
  if (value.size() > limits::kDestinationBytesMax ||
      !std::all_of(value.begin(), value.end(), IsGraphic)) {
    return error::FieldInvalid(
        field,
        absl::StrCat("must be an E.164 number, a short code or a SIP user of at most ",
                     limits::kDestinationBytesMax, " characters"),
        value);
  }
  return absl::OkStatus();
}

// The same, or a name such as "My Shop".
absl::Status CheckSender(absl::string_view value, absl::string_view field) {
  if (value.empty()) return error::FieldInvalid(field, "is required");
  if (value.size() > limits::kDestinationBytesMax ||
      !std::all_of(value.begin(), value.end(), IsPrintable)) {
    return error::FieldInvalid(field,
                               absl::StrCat("must be at most ", limits::kDestinationBytesMax,
                                            " printable ASCII characters"),
                               value);
  }
  return absl::OkStatus();
}

absl::Status CheckDirection(v1::Direction direction, absl::string_view field) {
  if (direction == v1::DIRECTION_INBOUND || direction == v1::DIRECTION_OUTBOUND) {
    return absl::OkStatus();
  }
  return error::FieldInvalid(field, "must be DIRECTION_INBOUND or DIRECTION_OUTBOUND",
                             ValueSent(direction));
}

absl::Status CheckCall(const v1::Call& call) {
  FAREBOX_RETURN_IF_ERROR(CheckDirection(call.direction(), "usage.call.direction"));
  FAREBOX_RETURN_IF_ERROR(CheckDestination(call.from(), "usage.call.from"));
  return CheckDestination(call.to(), "usage.call.to");
}

absl::Status CheckText(const v1::Text& text) {
  FAREBOX_RETURN_IF_ERROR(CheckDirection(text.direction(), "usage.text.direction"));
  FAREBOX_RETURN_IF_ERROR(CheckSender(text.from(), "usage.text.from"));
  FAREBOX_RETURN_IF_ERROR(CheckDestination(text.to(), "usage.text.to"));
  switch (text.length_case()) {
    case v1::Text::kBody:
      if (CountCharacters(text.body()) > limits::kTextBodyCharactersMax) {
        return error::FieldInvalid(
            "usage.text.body",
            absl::StrCat("must be at most ", limits::kTextBodyCharactersMax, " characters"));
      }
      return absl::OkStatus();
    case v1::Text::kSegments:
      if (text.segments() < 1 || text.segments() > limits::kTextSegmentsMax) {
        return error::FieldInvalid("usage.text.segments",
                                   absl::StrCat("must be 1 to ", limits::kTextSegmentsMax),
                                   absl::StrCat(text.segments()));
      }
      return absl::OkStatus();
    case v1::Text::LENGTH_NOT_SET:
      break;
  }
  return error::FieldInvalid("usage.text", "needs either body or segments");
}

absl::Status CheckPhoneNumber(const v1::PhoneNumber& number) {
  FAREBOX_RETURN_IF_ERROR(CheckE164(number.number(), "usage.phone_number.number"));
  if (number.kind() == v1::PhoneNumber::KIND_PURCHASE ||
      number.kind() == v1::PhoneNumber::KIND_RENEWAL) {
    return absl::OkStatus();
  }
  return error::FieldInvalid("usage.phone_number.kind", "must be KIND_PURCHASE or KIND_RENEWAL",
                             ValueSent(number.kind()));
}

}  // namespace

std::string ValueSent(int64_t number) { return number == 0 ? "" : absl::StrCat(number); }

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

absl::Status CheckE164(absl::string_view value, absl::string_view field) {
  if (value.empty()) return error::FieldInvalid(field, "is required");
  const absl::string_view digits = value[0] == '+' ? value.substr(1) : value;
  if (!IsDigits(digits) || digits.size() > limits::kNumberDigitsMax) {
    return error::FieldInvalid(field, "must be an E.164 number, with or without +", value);
  }
  return absl::OkStatus();
}

absl::Status CheckAccountId(absl::string_view value, absl::string_view field) {
  return CheckName(value, limits::kAccountIdBytesMax, field);
}

absl::Status CheckDeckName(absl::string_view value) {
  return CheckName(value, limits::kDeckNameBytesMax, "deck");
}

absl::Status CheckRequestId(absl::string_view value) {
  if (value.empty()) return error::FieldInvalid("request_id", "is required");
  if (IsRequestId(value)) return absl::OkStatus();
  return error::FieldInvalid(
      "request_id",
      absl::StrCat("must be 1 to ", limits::kRequestIdBytesMax, " printable ASCII characters"),
      value);
}

absl::Status CheckDescription(absl::string_view value) {
  if (CountCharacters(value) > limits::kDescriptionCharactersMax) {
    return error::FieldInvalid(
        "description",
        absl::StrCat("must be at most ", limits::kDescriptionCharactersMax, " characters"));
  }
  if (!rating::IsPrintableUtf8(value)) {
    return error::FieldInvalid("description", "must be free of control characters");
  }
  if (HasCardNumber(value)) {
    return error::FieldInvalid("description", "must not have a card's number in it");
  }
  return absl::OkStatus();
}

absl::Status CheckEntryId(int64_t value, absl::string_view field) {
  if (value > 0) return absl::OkStatus();
  return error::FieldInvalid(field, "is required and greater than 0", ValueSent(value));
}

absl::Status CheckAmount(int64_t micros, absl::string_view field) {
  if (micros > 0 && Micros(micros) <= limits::kAmountMax) return absl::OkStatus();
  return error::AmountInvalid(field, "must be 1 to 1,000,000,000,000,000 micros", Micros(micros));
}

absl::Status CheckSeconds(int64_t value, SecondsRange range, absl::string_view field) {
  if (value >= range.min && value <= range.max) return absl::OkStatus();
  if (range.max == 0) {
    return error::FieldInvalid(field, "goes with calls only", absl::StrCat(value));
  }
  return error::FieldInvalid(field, absl::StrCat("must be ", range.min, " to ", range.max),
                             absl::StrCat(value));
}

absl::Status CheckTimestamp(const google::protobuf::Timestamp& value, absl::string_view field) {
  if (value.seconds() < kTimestampSecondsMin || value.seconds() > kTimestampSecondsMax ||
      value.nanos() < 0 || value.nanos() > 999'999'999) {
    return error::FieldInvalid(field, "must be a time between the years 1 and 9999");
  }
  return absl::OkStatus();
}

absl::Status CheckUsage(const v1::Usage& usage) {
  switch (usage.kind_case()) {
    case v1::Usage::kCall:
      return CheckCall(usage.call());
    case v1::Usage::kText:
      return CheckText(usage.text());
    case v1::Usage::kPhoneNumber:
      return CheckPhoneNumber(usage.phone_number());
    case v1::Usage::kRingThrough:
      FAREBOX_RETURN_IF_ERROR(
          CheckDestination(usage.ring_through().from(), "usage.ring_through.from"));
      return CheckDestination(usage.ring_through().to(), "usage.ring_through.to");
    case v1::Usage::KIND_NOT_SET:
      break;
  }
  return error::FieldInvalid("usage", "needs one of call, text, phone_number, ring_through");
}

absl::Status CheckItem(v1::Item item, absl::string_view field) {
  if (v1::Item_IsValid(item) && item != v1::ITEM_UNSPECIFIED) return absl::OkStatus();
  return error::FieldInvalid(field, "must be one of the billing items", ValueSent(item));
}

}  // namespace farebox::server
