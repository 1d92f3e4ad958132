#include "client/cli/advice.h"

#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/cli/decimal.h"
#include "client/cli/table.h"
#include "client/cpp/errors.h"

namespace farebox::cli {
namespace {

struct Row {
  absl::string_view reason;
  absl::string_view advice;
};

constexpr absl::string_view kCardDeclined = "CARD_DECLINED";

constexpr Row kAdvice[] = {
    {"INSUFFICIENT_BALANCE", "See `farebox balance`; credit the account or raise its limit."},
    {"ACCOUNT_NOT_FOUND", "See `farebox account list`."},
    {"ACCOUNT_SUSPENDED", "`farebox account resume` lets it pay again."},
    {"ACCOUNT_CLOSED", "A closed account stays closed; create another."},
    {"NO_RATE", "See `farebox rates list`; the account needs a deck with a tariff for this."},
    {"DESTINATION_BLOCKED", "See the blocked prefixes in `farebox account show`."},
    {"TOO_MANY_HOLDS", "See `farebox holds`; end some, or raise --open-holds-max."},
    {"HOLD_NOT_FOUND", "See `farebox holds`."},
    {"HOLD_ENDED", "See `farebox activity --show journal` for how it ended."},
    {"REQUEST_ID_REUSED", "Take another --request-id, or repeat exactly what it was used for."},
    {"REFUND_EXCEEDS_DEBIT", "See `farebox activity` for the debit and its refunds."},
    {"ACCOUNT_EXISTS", "See `farebox account show`."},
    {"ACCOUNT_NOT_EMPTY", "Settle or release its holds and bring its balance to zero first."},
    {"ENTRY_NOT_FOUND", "See `farebox activity`."},
    {"DECK_NOT_FOUND", "See `farebox rates decks`."},
    {"NO_CARD", "`farebox card setup` registers one."},
    {kCardDeclined, "Nothing was charged. See `farebox card show`; another card may be taken."},
    {"RECHARGE_IN_PROGRESS", "See `farebox recharge history` for how far it is."},
    {"RECHARGE_LIMIT", "The operator allows less at once."},
    {"PROVIDER_UNAVAILABLE", "Nothing was decided; try again."},
    {"CARD_SETUP_NOT_DONE", "Open the page from `farebox card setup`, then try again."},
    {"CARD_SETUP_NOT_FOUND", "`farebox card setup` begins one."},
    {"NUMBER_TAKEN", "See `farebox number list` of who may have it."},
    {"NUMBER_NOT_FOUND", "See `farebox number list`."},
    {"UNAUTHENTICATED", "--api-key-file or FAREBOX_API_KEY_FILE names the file that has a key."},
    {"OVERLOADED", "Nothing was done; try again."},
    {"STORAGE_FULL", "Nothing was done; the server's disk is full."},
    {"SHUTTING_DOWN", "Nothing was done; try again when the server is back."},
    {"STORAGE_LOCKED", "Nothing was done; end the program that has the server's files open."},
    {"BACKUP_EXISTS", "Take another name, or --update it."},
    {"BACKUP_FAILED", "No backup was made. See the server's log and its disk for backups."},
    {"BACKUPS_OFF", "Start the server with --backup-directory."},
    {"FILES_IN_USE", "Stop the server first, or have it do it: `farebox verify`."},
};

constexpr absl::string_view kPaymentPending = "PAYMENT_PENDING";

// Where the customer confirms a payment: has a line of its own.
constexpr absl::string_view kActionUrl = "action_url";

// "12.50" for the amounts among the values, which the API has in micros.
std::string Value(absl::string_view key, const std::string& value) {
  int64_t micros = 0;
  const bool is_amount = absl::EndsWith(key, "_micros") && absl::SimpleAtoi(value, &micros);
  absl::ConsumeSuffix(&key, "_micros");
  return absl::StrCat(key, "=", is_amount ? FormatMicros(micros) : value);
}

std::string Values(const client::ErrorDetails& details) {
  std::vector<std::string> values;
  for (const auto& [key, value] : details.metadata) {
    if (key != "field" && key != kActionUrl && !value.empty()) values.push_back(Value(key, value));
  }
  return values.empty() ? "" : absl::StrCat(" (", absl::StrJoin(values, ", "), ")");
}

bool IsNoAnswer(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status);
}

// Of a change. UNKNOWN is what a proxy's answer becomes.
bool IsOutcomeUnknown(const absl::Status& status) {
  return IsNoAnswer(status) || absl::IsInternal(status) || absl::IsUnknown(status);
}

// Whether the server's log has more to say of it.
bool IsFault(const absl::Status& status, const client::ErrorDetails& details) {
  return details.reason.empty() || absl::IsInternal(status) || absl::IsDataLoss(status);
}

// Empty where the failure has none.
std::string ValueOf(const client::ErrorDetails& details, absl::string_view key) {
  const auto found = details.metadata.find(std::string(key));
  return found == details.metadata.end() ? "" : found->second;
}

// What to do about a payment that is not decided yet.
std::string PendingAdvice(const client::ErrorDetails& details) {
  const std::string page = ValueOf(details, kActionUrl);
  return absl::StrCat(page.empty() ? "" : "\n  The customer confirms it on the bank's page: ",
                      Printable(page), page.empty() ? "\n  In a moment, repeat" : "\n  Then repeat",
                      " the command with --request-id ", Printable(details.request_id));
}

absl::string_view AdviceOn(const client::ErrorDetails& details) {
  // No bank has refused it: it may have been made, and given back as the account was closed.
  const bool is_given_up =
      details.reason == kCardDeclined && ValueOf(details, "decline_code").empty();
  return is_given_up ? "See `farebox recharge history`." : AdviceFor(details.reason);
}

}  // namespace

absl::string_view AdviceFor(absl::string_view reason) {
  for (const Row& row : kAdvice) {
    if (row.reason == reason) return row.advice;
  }
  return "";
}

std::string DescribeFailure(const absl::Status& status, absl::string_view server,
                            absl::string_view look_up) {
  const client::ErrorDetails details = client::ErrorOf(status);
  std::string text;
  if (!details.reason.empty()) {
    const bool is_told = absl::StrContains(status.message(), details.reason);
    text = absl::StrCat(is_told ? "" : details.reason, is_told ? "" : ": ", status.message(),
                        Values(details));
  } else if (IsNoAnswer(status)) {
    text = absl::StrCat("no answer from ", server, ": ", status.message(),
                        ". Is farebox-server running there? --server or FAREBOX_SERVER names "
                        "another");
  } else {
    text = std::string(status.message());
  }
  text = Printable(text);
  if (!details.trace_id.empty() && IsFault(status, details)) {
    absl::StrAppend(&text, " (trace id ", details.trace_id, ")");
  }
  const absl::string_view advice = AdviceOn(details);
  if (!advice.empty()) absl::StrAppend(&text, ". ", advice);
  if (details.reason == kPaymentPending) return absl::StrCat(text, PendingAdvice(details));
  const bool is_named = !details.request_id.empty();
  if (advice.empty() && IsOutcomeUnknown(status) && (is_named || !look_up.empty())) {
    absl::StrAppend(&text, ". Whether the change was made is unknown: ",
                    is_named ? "repeat the command with --request-id " : look_up,
                    Printable(details.request_id));
  }
  if (details.field_violations.size() > 1) {
    for (const client::FieldViolation& violation : details.field_violations) {
      absl::StrAppend(&text, "\n  ",
                      Printable(absl::StrCat(violation.field, ": ", violation.description)));
    }
  }
  return text;
}

}  // namespace farebox::cli
