#include "server/services/activity_csv.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/proto_time.h"
#include "server/rating/csv_reader.h"
#include "server/rating/decimal.h"

namespace farebox::server {
namespace {

constexpr int kMicrosDecimals = 6;

struct Line {
  const v1::Entry& entry;
  absl::Time time;
  absl::TimeZone zone;
  absl::string_view currency_code;
};

std::string Decimal(int64_t micros) {
  // No amount or balance is near the end of its range.
  const std::string digits = rating::FormatDecimal(micros < 0 ? -micros : micros, kMicrosDecimals);
  return absl::StrCat(micros < 0 ? "-" : "", digits);
}

// Empty where there is none.
std::string Number(int64_t number) { return number == 0 ? "" : absl::StrCat(number); }

std::string YesOrNothing(bool is) { return is ? "yes" : ""; }

// "OUTBOUND_CALL" of ITEM_OUTBOUND_CALL; empty for the value that says nothing.
template <typename Enum>
std::string Word(absl::string_view prefix, Enum value, const std::string& name) {
  return value == 0 ? "" : std::string(absl::StripPrefix(name, prefix));
}

std::string DirectionOf(const v1::Usage& usage) {
  const v1::Direction direction =
      usage.has_call() ? usage.call().direction() : usage.text().direction();
  return Word("DIRECTION_", direction, v1::Direction_Name(direction));
}

std::string From(const v1::Usage& usage) {
  if (usage.has_call()) return usage.call().from();
  if (usage.has_text()) return usage.text().from();
  return usage.ring_through().from();
}

std::string To(const v1::Usage& usage) {
  if (usage.has_call()) return usage.call().to();
  if (usage.has_text()) return usage.text().to();
  if (usage.has_phone_number()) return usage.phone_number().number();
  return usage.ring_through().to();
}

// What others have written is made neutral; what is written here is not, nor need be.
struct Column {
  absl::string_view name;
  std::string (*write)(const Line& line);
  bool is_text = false;
};
constexpr Column kColumns[] = {
    {"entry_id", [](const Line& line) { return absl::StrCat(line.entry.entry_id()); }},
    {"time",
     [](const Line& line) {
       return absl::FormatTime("%Y-%m-%dT%H:%M:%E6S%Ez", line.time, line.zone);
     }},
    {"time_utc",
     [](const Line& line) {
       return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", line.time, absl::UTCTimeZone());
     }},
    {"kind",
     [](const Line& line) {
       return Word("ENTRY_KIND_", line.entry.kind(), v1::EntryKind_Name(line.entry.kind()));
     }},
    {"item",
     [](const Line& line) {
       return Word("ITEM_", line.entry.item(), v1::Item_Name(line.entry.item()));
     }},
    {"amount", [](const Line& line) { return Decimal(line.entry.amount_micros()); }},
    {"amount_micros", [](const Line& line) { return absl::StrCat(line.entry.amount_micros()); }},
    {"balance", [](const Line& line) { return Decimal(line.entry.balance_after_micros()); }},
    {"balance_micros",
     [](const Line& line) { return absl::StrCat(line.entry.balance_after_micros()); }},
    {"held", [](const Line& line) { return Decimal(line.entry.held_after_micros()); }},
    {"held_micros", [](const Line& line) { return absl::StrCat(line.entry.held_after_micros()); }},
    {"currency", [](const Line& line) { return std::string(line.currency_code); }},
    {"direction", [](const Line& line) { return DirectionOf(line.entry.usage()); }},
    {"from", [](const Line& line) { return From(line.entry.usage()); }, true},
    {"to", [](const Line& line) { return To(line.entry.usage()); }, true},
    {"used_seconds", [](const Line& line) { return Number(line.entry.used_seconds()); }},
    {"billed_seconds", [](const Line& line) { return Number(line.entry.billed_seconds()); }},
    {"segments", [](const Line& line) { return Number(line.entry.segments()); }},
    {"destination", [](const Line& line) { return line.entry.price().description(); }, true},
    {"tariff_id", [](const Line& line) { return line.entry.price().tariff_id(); }, true},
    {"description", [](const Line& line) { return line.entry.description(); }, true},
    {"reason",
     [](const Line& line) {
       return Word("REASON_", line.entry.reason(), v1::Reason_Name(line.entry.reason()));
     }},
    {"overrun", [](const Line& line) { return YesOrNothing(line.entry.overrun()); }},
    {"late", [](const Line& line) { return YesOrNothing(line.entry.late()); }},
    {"hold_id", [](const Line& line) { return Number(line.entry.hold_id()); }},
    {"refunded_entry_id", [](const Line& line) { return Number(line.entry.refunded_entry_id()); }},
    {"request_id", [](const Line& line) { return line.entry.request_id(); }, true},
};

// `text`, with an apostrophe before what a spreadsheet would take for a formula.
std::string NeutralCsvText(absl::string_view text) {
  // The last four are what some spreadsheets read as the first four.
  constexpr absl::string_view kBeginnings[] = {"=",  "+",  "-",  "@",  "\t", "\r",
                                               "\n", "＝", "＋", "－", "＠"};
  for (const absl::string_view beginning : kBeginnings) {
    if (absl::StartsWith(text, beginning)) return absl::StrCat("'", text);
  }
  return std::string(text);
}

constexpr absl::string_view kLineEnd = "\r\n";

}  // namespace

std::string ActivityCsvHeader() {
  std::string header;
  for (const Column& column : kColumns) {
    absl::StrAppend(&header, header.empty() ? "" : ",", column.name);
  }
  return absl::StrCat(header, kLineEnd);
}

void AppendActivityCsvLine(const v1::Entry& entry, absl::TimeZone zone,
                           absl::string_view currency_code, std::string* out) {
  const Line line = {
      .entry = entry, .time = TimeOf(entry.time()), .zone = zone, .currency_code = currency_code};
  for (const Column& column : kColumns) {
    if (&column != &kColumns[0]) out->push_back(',');
    const std::string field = column.write(line);
    rating::AppendCsvField(column.is_text ? NeutralCsvText(field) : field, out);
  }
  absl::StrAppend(out, kLineEnd);
}

}  // namespace farebox::server
