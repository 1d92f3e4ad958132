#include "tools/drivers/deck_prices.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "storage/status_macros.h"
#include "tools/drivers/csv_table.h"

namespace farebox::drivers {
namespace {

// What is dialled without a plus sign and is as short as this is no international number.
constexpr size_t kShortCodeDigitsMax = 6;

// The decimal `text` in units of 10^-decimals; an empty text is 0.
absl::Status ReadDecimal(const CsvTable& table, size_t row, absl::string_view column,
                         size_t decimals, int64_t* value) {
  const absl::string_view text = table.At(row, column);
  const size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  std::string fraction(text.substr(std::min(point + 1, text.size())));
  if (fraction.size() > decimals) return table.Error(row, column, "has too many decimals");
  fraction.resize(decimals, '0');
  digits += fraction;
  if (absl::SimpleAtoi(digits, value)) return absl::OkStatus();
  return table.Error(row, column, "must be a decimal number");
}

absl::Status ReadSeconds(const CsvTable& table, size_t row, absl::string_view column,
                         int64_t* value) {
  const absl::string_view text = table.At(row, column);
  if (text.empty() || absl::SimpleAtoi(text, value)) return absl::OkStatus();
  return table.Error(row, column, "must be a number of seconds");
}

absl::Status ReadTime(const CsvTable& table, size_t row, absl::string_view column,
                      absl::Time* value) {
  const absl::string_view text = table.At(row, column);
  if (text.empty()) return absl::OkStatus();
  const bool is_date = text.find('T') == absl::string_view::npos;
  const std::string format = is_date ? "%Y-%m-%d" : std::string(absl::RFC3339_full);
  if (absl::ParseTime(format, text, value, nullptr)) return absl::OkStatus();
  return table.Error(row, column, "must be a date or a time");
}

absl::StatusOr<DeckRate> ReadRate(const CsvTable& table, size_t row) {
  DeckRate rate{.prefix = std::string(table.At(row, "prefix"))};
  price_oracle::CallPrice& call = rate.call;
  FAREBOX_RETURN_IF_ERROR(ReadDecimal(table, row, "connect_fee", 6, &call.connect_fee_micros));
  FAREBOX_RETURN_IF_ERROR(ReadDecimal(table, row, "attempt_fee", 6, &call.attempt_fee_micros));
  FAREBOX_RETURN_IF_ERROR(
      ReadDecimal(table, row, "rate_per_minute", 9, &call.rate_nanos_per_minute));
  FAREBOX_RETURN_IF_ERROR(
      ReadSeconds(table, row, "initial_increment", &call.initial_increment_seconds));
  FAREBOX_RETURN_IF_ERROR(ReadSeconds(table, row, "increment", &call.increment_seconds));
  FAREBOX_RETURN_IF_ERROR(ReadSeconds(table, row, "rate_after_seconds", &call.rate_after_seconds));
  FAREBOX_RETURN_IF_ERROR(
      ReadDecimal(table, row, "rate_after_per_minute", 9, &call.rate_after_nanos_per_minute));
  FAREBOX_RETURN_IF_ERROR(ReadDecimal(table, row, "unit_fee", 6, &rate.unit_fee_micros));
  FAREBOX_RETURN_IF_ERROR(ReadTime(table, row, "effective_from", &rate.effective_from));
  FAREBOX_RETURN_IF_ERROR(ReadTime(table, row, "effective_to", &rate.effective_to));
  return rate;
}

}  // namespace

absl::StatusOr<DeckPrices> DeckPrices::Parse(absl::string_view csv) {
  FAREBOX_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(csv));
  FAREBOX_RETURN_IF_ERROR(table.Require({"item", "prefix"}));
  DeckPrices prices;
  for (size_t row = 0; row < table.rows(); ++row) {
    FAREBOX_ASSIGN_OR_RETURN(DeckRate rate, ReadRate(table, row));
    const std::pair key(std::string(table.At(row, "item")), rate.prefix);
    prices.rates_[key].push_back(std::move(rate));
  }
  return prices;
}

const DeckRate* DeckPrices::FindPrefix(absl::string_view item, absl::string_view prefix,
                                       absl::Time at) const {
  const auto found = rates_.find({std::string(item), std::string(prefix)});
  if (found == rates_.end()) return nullptr;
  for (const DeckRate& rate : found->second) {
    if (rate.effective_from <= at && at < rate.effective_to) return &rate;
  }
  return nullptr;
}

const DeckRate* DeckPrices::Find(absl::string_view item, absl::string_view destination,
                                 absl::Time at) const {
  const bool has_plus = absl::ConsumePrefix(&destination, "+");
  const DeckRate* const exact = FindPrefix(item, absl::StrCat("exact:", destination), at);
  if (exact != nullptr) return exact;

  const bool all_digits = std::all_of(destination.begin(), destination.end(), absl::ascii_isdigit);
  const bool is_number = all_digits && (has_plus || destination.size() > kShortCodeDigitsMax);
  for (size_t length = is_number ? destination.size() : 0; length > 0; --length) {
    const DeckRate* const rate = FindPrefix(item, destination.substr(0, length), at);
    if (rate != nullptr) return rate;
  }
  return FindPrefix(item, "", at);
}

}  // namespace farebox::drivers
