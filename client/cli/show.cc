#include "client/cli/show.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "client/cli/decimal.h"
#include "client/cli/times.h"
#include "client/cli/words.h"

namespace farebox::cli {
namespace {

// The other end, seen from the account.
std::string Towards(v1::Direction direction, absl::string_view what, absl::string_view from,
                    absl::string_view to) {
  const bool is_inbound = direction == v1::DIRECTION_INBOUND;
  return absl::StrCat(Word(direction), " ", what, is_inbound ? " from " : " to ",
                      is_inbound ? from : to);
}

}  // namespace

std::string DescribeUsage(const v1::Usage& usage) {
  switch (usage.kind_case()) {
    case v1::Usage::kCall:
      return Towards(usage.call().direction(), "call", usage.call().from(), usage.call().to());
    case v1::Usage::kText:
      return Towards(usage.text().direction(), "text", usage.text().from(), usage.text().to());
    case v1::Usage::kPhoneNumber:
      return absl::StrCat("number ", usage.phone_number().number(), " (",
                          Word(usage.phone_number().kind()), ")");
    case v1::Usage::kRingThrough:
      return absl::StrCat("ring-through to ", usage.ring_through().to());
    case v1::Usage::KIND_NOT_SET:
      return "";
  }
  return "";
}

std::string DescribePrice(const v1::Price& price) {
  std::vector<std::string> parts;
  if (price.initial_increment_seconds() > 0) {
    parts.push_back(absl::StrCat(FormatNanos(price.rate_nanos_per_minute()), " a minute, ",
                                 price.initial_increment_seconds(), "/", price.increment_seconds(),
                                 " s"));
  }
  if (price.rate_after_seconds() > 0) {
    parts.push_back(absl::StrCat(FormatNanos(price.rate_after_nanos_per_minute()),
                                 " a minute after ", FormatSeconds(price.rate_after_seconds())));
  }
  const auto add_fee = [&parts](absl::string_view name, int64_t micros) {
    if (micros != 0) parts.push_back(absl::StrCat(name, " ", FormatMicros(micros)));
  };
  add_fee("each", price.unit_fee_micros());
  add_fee("connect", price.connect_fee_micros());
  add_fee("attempt", price.attempt_fee_micros());
  return parts.empty() ? "free" : absl::StrJoin(parts, ", ");
}

void AddPrice(const v1::Price& price, Facts* facts) {
  if (price.tariff_id().empty()) return;
  facts->Add("price", DescribePrice(price))
      .Add("prefix", price.prefix())
      .Add("destination", price.description())
      .Add("tariff", price.tariff_id());
}

std::string DescribeEntry(const v1::Entry& entry) {
  const std::string usage = DescribeUsage(entry.usage());
  return usage.empty() ? Word(entry.item()) : usage;
}

std::string Remarks(const v1::Entry& entry) {
  std::vector<std::string> remarks;
  if (entry.reason() != v1::REASON_UNSPECIFIED) remarks.push_back(Word(entry.reason()));
  if (entry.refunded_entry_id() != 0) {
    remarks.push_back(absl::StrCat("refund of ", entry.refunded_entry_id()));
  }
  if (entry.overrun()) remarks.push_back("overrun");
  if (entry.late()) remarks.push_back("late");
  if (!entry.description().empty()) remarks.push_back(entry.description());
  return absl::StrJoin(remarks, ", ");
}

void AddEntry(Session* session, const v1::Entry& entry, const std::string& currency, Facts* facts) {
  facts->AddNumber("entry", entry.entry_id())
      .Add("time", FormatTime(entry.time(), session->zone()))
      .Add("for", DescribeEntry(entry))
      .Add("remarks", Remarks(entry))
      .AddMoney("amount", entry.amount_micros(), currency)
      .AddMoney("balance after", entry.balance_after_micros(), currency);
  if (entry.held_after_micros() != 0) facts->AddMoney("held", entry.held_after_micros(), currency);
  facts->AddNumber("hold", entry.hold_id());
}

}  // namespace farebox::cli
