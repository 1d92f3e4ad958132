#include "server/rating/deck_csv.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/rating/decimal.h"
#include "server/rating/limits.h"
#include "server/rating/utf8.h"

namespace farebox::rating {
namespace {

constexpr int kFeeDecimals = 6;
constexpr int kRateDecimals = 9;
constexpr absl::string_view kDateForm = "dddd-dd-dd";

absl::Status ReadMicros(absl::string_view text, Micros* value) {
  const absl::StatusOr<int64_t> micros = ParseDecimal(text, kFeeDecimals);
  if (micros.ok()) *value = Micros(*micros);
  return micros.status();
}

absl::Status ReadRate(absl::string_view text, int64_t* value) {
  const absl::StatusOr<int64_t> nanos = ParseDecimal(text, kRateDecimals);
  if (nanos.ok()) *value = *nanos;
  return nanos.status();
}

absl::Status ReadSeconds(absl::string_view text, int32_t* value) {
  const bool digits = std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (digits && absl::SimpleAtoi(text, value)) return absl::OkStatus();
  return absl::InvalidArgumentError("must be a whole number of seconds");
}

bool BeginsWithDate(absl::string_view text) {
  if (text.size() < kDateForm.size()) return false;
  for (size_t i = 0; i < kDateForm.size(); ++i) {
    const bool fits = kDateForm[i] == 'd' ? absl::ascii_isdigit(text[i]) : text[i] == kDateForm[i];
    if (!fits) return false;
  }
  return true;
}

absl::Status ReadTime(absl::string_view text, absl::Time* value) {
  const std::string format =
      text.size() == kDateForm.size() ? "%Y-%m-%d" : std::string(absl::RFC3339_full);
  std::string ignored;
  if (!BeginsWithDate(text) || !absl::ParseTime(format, text, value, &ignored)) {
    return absl::InvalidArgumentError(
        "must be a date such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z");
  }
  const int64_t year = absl::ToCivilYear(*value, absl::UTCTimeZone()).year();
  if (year < kYearMin || year > kYearMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be in the years ", kYearMin, " to ", kYearMax));
  }
  return absl::OkStatus();
}

std::string FormatTime(absl::Time time, absl::Time unbounded) {
  if (time == unbounded) return "";
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

// `text` where it applies to the rate, which is where reading it again is allowed.
std::string OfCall(const RateRow& row, std::string text) {
  return IsCall(row.item) ? std::move(text) : "";
}

std::string OfSecondRate(const RateRow& row, std::string text) {
  return row.tariff.rate_after_seconds > 0 ? std::move(text) : "";
}

// Fit for a terminal, a log and a protobuf string.
std::string Shown(absl::string_view text) {
  size_t size = std::min(text.size(), kDeckCsvErrorTextBytesMax);
  const bool cut = size < text.size();
  while (cut && size > 0 && (text[size] & 0xC0) == 0x80) --size;  // Not within a character.
  text = text.substr(0, size);
  std::string shown = IsPrintableUtf8(text) ? std::string(text) : absl::CHexEscape(text);
  if (cut) shown += "...";
  return shown;
}

// A line of the file while it is read.
struct Draft {
  RateRow row;
  bool has_item = false;
  bool has_rate = false;
  bool has_rate_after = false;
  bool has_unit_fee = false;
};

absl::Status ReadItem(absl::string_view text, Draft* draft) {
  const std::optional<Item> item = ItemFromName(text);
  if (!item.has_value()) return absl::InvalidArgumentError("is not an item");
  draft->row.item = *item;
  draft->has_item = true;
  return absl::OkStatus();
}

// A column: how a text that is not empty gets into a draft, and how a rate's value is written.
struct Column {
  absl::string_view name;
  absl::Status (*read)(absl::string_view text, Draft* draft);
  std::string (*write)(const RateRow& row);
};

constexpr std::array<Column, 13> kColumns = {{
    {"item", ReadItem, [](const RateRow& row) { return std::string(ItemName(row.item)); }},
    {"prefix",
     [](absl::string_view text, Draft* draft) {
       draft->row.prefix = text;
       return absl::OkStatus();
     },
     [](const RateRow& row) { return std::string(row.prefix); }},
    {"description",
     [](absl::string_view text, Draft* draft) {
       draft->row.description = text;
       return absl::OkStatus();
     },
     [](const RateRow& row) { return std::string(row.description); }},
    {"connect_fee",
     [](absl::string_view text, Draft* draft) {
       return ReadMicros(text, &draft->row.tariff.connect_fee);
     },
     [](const RateRow& row) {
       return OfCall(row, FormatDecimal(row.tariff.connect_fee.value(), kFeeDecimals));
     }},
    {"attempt_fee",
     [](absl::string_view text, Draft* draft) {
       return ReadMicros(text, &draft->row.tariff.attempt_fee);
     },
     [](const RateRow& row) {
       return OfCall(row, FormatDecimal(row.tariff.attempt_fee.value(), kFeeDecimals));
     }},
    {"rate_per_minute",
     [](absl::string_view text, Draft* draft) {
       draft->has_rate = true;
       return ReadRate(text, &draft->row.tariff.rate_nanos_per_minute);
     },
     [](const RateRow& row) {
       return OfCall(row, FormatDecimal(row.tariff.rate_nanos_per_minute, kRateDecimals));
     }},
    {"initial_increment",
     [](absl::string_view text, Draft* draft) {
       return ReadSeconds(text, &draft->row.tariff.initial_increment_seconds);
     },
     [](const RateRow& row) {
       return OfCall(row, absl::StrCat(row.tariff.initial_increment_seconds));
     }},
    {"increment",
     [](absl::string_view text, Draft* draft) {
       return ReadSeconds(text, &draft->row.tariff.increment_seconds);
     },
     [](const RateRow& row) { return OfCall(row, absl::StrCat(row.tariff.increment_seconds)); }},
    {"rate_after_seconds",
     [](absl::string_view text, Draft* draft) {
       return ReadSeconds(text, &draft->row.tariff.rate_after_seconds);
     },
     [](const RateRow& row) {
       return OfSecondRate(row, absl::StrCat(row.tariff.rate_after_seconds));
     }},
    {"rate_after_per_minute",
     [](absl::string_view text, Draft* draft) {
       draft->has_rate_after = true;
       return ReadRate(text, &draft->row.tariff.rate_after_nanos_per_minute);
     },
     [](const RateRow& row) {
       return OfSecondRate(row,
                           FormatDecimal(row.tariff.rate_after_nanos_per_minute, kRateDecimals));
     }},
    {"unit_fee",
     [](absl::string_view text, Draft* draft) {
       draft->has_unit_fee = true;
       return ReadMicros(text, &draft->row.tariff.unit_fee);
     },
     [](const RateRow& row) {
       if (IsCall(row.item)) return std::string();
       return FormatDecimal(row.tariff.unit_fee.value(), kFeeDecimals);
     }},
    {"effective_from",
     [](absl::string_view text, Draft* draft) {
       return ReadTime(text, &draft->row.effective_from);
     },
     [](const RateRow& row) { return FormatTime(row.effective_from, absl::InfinitePast()); }},
    {"effective_to",
     [](absl::string_view text, Draft* draft) { return ReadTime(text, &draft->row.effective_to); },
     [](const RateRow& row) { return FormatTime(row.effective_to, absl::InfiniteFuture()); }},
}};

std::optional<size_t> FindColumn(absl::string_view name) {
  for (size_t column = 0; column < kColumns.size(); ++column) {
    if (kColumns[column].name == name) return column;
  }
  return std::nullopt;
}

// What has to be said, and is not to be taken for zero because it was forgotten.
std::optional<FieldProblem> FindMissing(const Draft& draft) {
  if (!draft.has_item) return FieldProblem{"item", "is needed"};
  if (!IsCall(draft.row.item)) {
    if (draft.has_unit_fee) return std::nullopt;
    return FieldProblem{"unit_fee", absl::StrCat("is needed for ", ItemName(draft.row.item))};
  }
  if (!draft.has_rate) return FieldProblem{"rate_per_minute", "is needed for calls"};
  if (draft.row.tariff.rate_after_seconds > 0 && !draft.has_rate_after) {
    return FieldProblem{"rate_after_per_minute", "is needed with rate_after_seconds"};
  }
  return std::nullopt;
}

}  // namespace

std::string ToString(const DeckCsvError& error) {
  std::string where = absl::StrCat("line ", error.line);
  if (error.column > 0) absl::StrAppend(&where, ", column ", error.column);
  if (error.column > 0 && !error.name.empty()) absl::StrAppend(&where, " (", error.name, ")");
  if (error.column == 0 && !error.name.empty()) absl::StrAppend(&where, ", ", error.name);
  return absl::StrCat(where, ": \"", error.text, "\" ", error.why);
}

void DeckCsvParser::Feed(absl::string_view bytes) {
  if (gave_up_) return;
  reader_.Feed(bytes);
  TakeRecords();
}

DeckCsvParser::Result DeckCsvParser::Finish() && {
  if (!gave_up_) {
    reader_.Finish();
    TakeRecords();
  }
  if (errors_.empty() && header_.empty()) {
    AddError({.line = 1, .why = "the file is empty: its first line must name the columns"});
  } else if (errors_.empty() && builder_.size() == 0) {
    AddError({.line = 1, .why = "the file has no rates"});
  }
  Result result;
  if (errors_.empty()) {
    RateDeck::Builder::Result built = std::move(builder_).Build();
    result.deck = std::move(built.deck);
    AddOverlaps(std::move(built.overlaps));
  }
  result.errors = std::move(errors_);
  return result;
}

void DeckCsvParser::TakeRecords() {
  for (CsvReader::Step step = reader_.Next(); step != CsvReader::Step::kMoreBytes;
       step = reader_.Next()) {
    if (step == CsvReader::Step::kProblem) {
      AddSyntaxError(reader_.problem());
    } else if (header_.empty()) {
      TakeHeader();
    } else {
      TakeRow();
    }
    if (gave_up_) return;
  }
}

void DeckCsvParser::TakeHeader() {
  const std::vector<CsvReader::Field>& fields = reader_.fields();
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::optional<size_t> column = FindColumn(fields[i].text);
    DeckCsvError error{.line = fields[i].line, .column = i + 1, .text = Shown(fields[i].text)};
    if (!column.has_value()) {
      error.why = "is not the name of a column";
      AddError(std::move(error));
    } else if (std::count(header_.begin(), header_.end(), *column) > 0) {
      error.why = "names a column that was named before";
      AddError(std::move(error));
    } else {
      header_.push_back(*column);
    }
  }
  for (const absl::string_view needed : {"item", "prefix"}) {
    if (ColumnNumber(needed) > 0) continue;
    AddError({.line = fields.front().line,
              .name = std::string(needed),
              .why = "is not among the columns"});
  }
  gave_up_ = !errors_.empty();  // Without its header no line can be understood.
}

void DeckCsvParser::TakeRow() {
  const std::vector<CsvReader::Field>& fields = reader_.fields();
  if (fields.size() != header_.size()) {
    const bool missing = fields.size() < header_.size();
    const size_t first = std::min(fields.size(), header_.size());
    AddError({.line = missing ? fields.back().line : fields[first].line,
              .column = first + 1,
              .name = missing ? std::string(kColumns[header_[first]].name) : "",
              .text = missing ? "" : Shown(fields[first].text),
              .why = absl::StrCat(missing ? "is missing" : "has no column", ": the line has ",
                                  fields.size(), " fields, the header ", header_.size())});
    return;
  }
  Draft draft{.row = {.line = static_cast<uint32_t>(fields.front().line)}};
  bool readable = true;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].text.empty()) continue;
    const Column& column = kColumns[header_[i]];
    const absl::Status status = column.read(fields[i].text, &draft);
    if (status.ok()) continue;
    AddFieldError(column.name, status.message());
    readable = false;
  }
  if (!readable) return;
  std::optional<FieldProblem> problem = FindMissing(draft);
  if (!problem.has_value()) problem = builder_.Add(draft.row);
  if (problem.has_value()) AddFieldError(problem->field, problem->why);
}

void DeckCsvParser::AddOverlaps(std::vector<PeriodOverlap> overlaps) {
  std::sort(overlaps.begin(), overlaps.end(),
            [](const PeriodOverlap& a, const PeriodOverlap& b) { return a.line < b.line; });
  for (const PeriodOverlap& overlap : overlaps) {
    AddError({.line = overlap.line,
              .column = ColumnNumber("prefix"),
              .name = "prefix",
              .text = Shown(overlap.prefix),
              .why = absl::StrCat("has a rate for ", ItemName(overlap.item),
                                  " at the same time in line ", overlap.other_line)});
  }
}

void DeckCsvParser::AddSyntaxError(const CsvReader::Problem& problem) {
  const bool named = problem.field <= header_.size();
  AddError({.line = problem.line,
            .column = problem.field,
            .name = named ? std::string(kColumns[header_[problem.field - 1]].name) : "",
            .text = Shown(problem.text),
            .why = std::string(problem.why)});
  if (header_.empty()) gave_up_ = true;
}

// For the line that was read last.
void DeckCsvParser::AddFieldError(absl::string_view name, absl::string_view why) {
  const std::vector<CsvReader::Field>& fields = reader_.fields();
  const size_t column = ColumnNumber(name);
  const CsvReader::Field& field = column > 0 ? fields[column - 1] : fields.front();
  AddError({.line = field.line,
            .column = column,
            .name = std::string(name),
            .text = column > 0 ? Shown(field.text) : "",
            .why = std::string(why)});
}

void DeckCsvParser::AddError(DeckCsvError error) {
  if (errors_.size() < kDeckCsvErrorsMax) errors_.push_back(std::move(error));
  if (errors_.size() == kDeckCsvErrorsMax) gave_up_ = true;
}

size_t DeckCsvParser::ColumnNumber(absl::string_view name) const {
  for (size_t i = 0; i < header_.size(); ++i) {
    if (kColumns[header_[i]].name == name) return i + 1;
  }
  return 0;
}

std::string DeckCsvHeader() {
  std::string line;
  for (const Column& column : kColumns)
    absl::StrAppend(&line, line.empty() ? "" : ",", column.name);
  line += '\n';
  return line;
}

void AppendDeckCsvRow(const RateRow& row, std::string* out) {
  for (const Column& column : kColumns) {
    if (&column != &kColumns.front()) out->push_back(',');
    AppendCsvField(column.write(row), out);
  }
  out->push_back('\n');
}

}  // namespace farebox::rating
