#include "tools/drivers/fake_billing.h"

#include <algorithm>

#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "tests/support/price_oracle.h"
#include "tools/drivers/observation.h"

namespace farebox::drivers {
namespace {

constexpr int64_t kReauthorizeBefore = 10;  // Seconds before a grant ends.

void CopyPrice(const DeckRate& rate, v1::Price* price) {
  price->set_prefix(rate.prefix);
  price->set_connect_fee_micros(rate.call.connect_fee_micros);
  price->set_attempt_fee_micros(rate.call.attempt_fee_micros);
  price->set_rate_nanos_per_minute(rate.call.rate_nanos_per_minute);
  price->set_initial_increment_seconds(static_cast<int32_t>(rate.call.initial_increment_seconds));
  price->set_increment_seconds(static_cast<int32_t>(rate.call.increment_seconds));
  price->set_rate_after_seconds(static_cast<int32_t>(rate.call.rate_after_seconds));
  price->set_rate_after_nanos_per_minute(rate.call.rate_after_nanos_per_minute);
}

int64_t PriceOf(const DeckRate& rate, int64_t seconds) {
  return price_oracle::PriceOfCallMicros(rate.call, seconds).value();
}

void MarkReplayed(v1::OperationResult* result) {
  if (result->has_authorize()) result->mutable_authorize()->set_replayed(true);
  if (result->has_reauthorize()) result->mutable_reauthorize()->set_replayed(true);
  if (result->has_debit()) result->mutable_debit()->set_replayed(true);
  if (result->has_release()) result->mutable_release()->set_replayed(true);
}

}  // namespace

void FakeBilling::Open(const std::string& account_id, int64_t balance_micros) {
  accounts_[account_id] = {.opening_micros = balance_micros, .balance_micros = balance_micros};
}

v1::Entry FakeBilling::Append(Account* account, const std::string& request_id, v1::EntryKind kind,
                              int64_t amount_micros, int64_t held_change_micros, int64_t hold_id) {
  account->balance_micros += amount_micros;
  account->held_micros += held_change_micros;
  v1::Entry entry;
  entry.set_entry_id(++last_entry_id_);
  entry.set_kind(kind);
  entry.set_request_id(request_id);
  entry.set_amount_micros(amount_micros);
  entry.set_balance_after_micros(account->balance_micros);
  entry.set_held_change_micros(held_change_micros);
  entry.set_held_after_micros(account->held_micros);
  entry.set_hold_id(kind == v1::ENTRY_KIND_HOLD ? last_entry_id_ : hold_id);
  account->last_entry_id = last_entry_id_;
  account->entries.push_back(entry);
  return entry;
}

void FakeBilling::Apply(const v1::Operation& operation, Answered answered) {
  const std::pair key(AccountOf(operation), RequestIdOf(operation));
  const auto found = results_.find(key);
  v1::OperationResult result;
  if (found != results_.end() && !faults_.charges_repeats) {
    result = found->second;
    MarkReplayed(&result);
  } else {
    result = Do(operation);
    results_[key] = result;
  }
  ++answers_;
  if (faults_.lose_every > 0 && answers_ % faults_.lose_every == 0) {
    result.mutable_error()->set_code(static_cast<int>(absl::StatusCode::kUnavailable));
  }
  answered(result);
}

v1::OperationResult FakeBilling::Do(const v1::Operation& operation) {
  v1::OperationResult result;
  Account& account = accounts_.at(AccountOf(operation));
  if (operation.has_authorize()) {
    *result.mutable_authorize() = Authorize(operation.authorize());
  } else if (operation.has_reauthorize()) {
    *result.mutable_reauthorize() = Reauthorize(operation.reauthorize());
  } else if (operation.has_release()) {
    const v1::ReleaseRequest& request = operation.release();
    *result.mutable_release()->mutable_entry() =
        Settle(&account, request.hold_id(), request.request_id(), 0, true);
    result.mutable_release()->set_available_micros(account.available_micros());
  } else if (operation.debit().has_usage()) {
    return DebitText(operation.debit());
  } else {
    const v1::Settlement& settlement = operation.debit().settlement();
    *result.mutable_debit()->mutable_entry() =
        Settle(&account, settlement.hold_id(), operation.debit().request_id(),
               settlement.used_seconds(), settlement.final());
    result.mutable_debit()->set_available_micros(account.available_micros());
  }
  return result;
}

v1::AuthorizeResponse FakeBilling::Authorize(const v1::AuthorizeRequest& request) {
  Account& account = accounts_.at(request.account_id());
  const v1::Call& call = request.usage().call();
  const bool outbound = call.direction() == v1::DIRECTION_OUTBOUND;
  const DeckRate* rate =
      prices_->Find(outbound ? "OUTBOUND_CALL" : "INBOUND_CALL", call.to(), absl::UnixEpoch());
  static const DeckRate kFree;
  if (rate == nullptr && faults_.prices_what_has_no_rate) rate = &kFree;
  v1::AuthorizeResponse response;
  const int64_t seconds =
      rate == nullptr ? 0
                      : price_oracle::LongestAffordableSeconds(
                            rate->call, account.available_micros(), request.requested_seconds());
  if (seconds == 0) {
    response.set_decision(v1::DECISION_DENIED);
    response.set_reason(rate == nullptr ? v1::REASON_NO_RATE : v1::REASON_INSUFFICIENT_BALANCE);
    Append(&account, request.request_id(), v1::ENTRY_KIND_DECLINE, 0, 0, 0);
    return response;
  }
  const int64_t held = std::max(PriceOf(*rate, seconds), rate->call.attempt_fee_micros);
  const v1::Entry entry = Append(&account, request.request_id(), v1::ENTRY_KIND_HOLD, 0, held, 0);
  account.holds[entry.hold_id()] = {.held_micros = held, .granted_seconds = seconds, .rate = rate};
  response.set_decision(v1::DECISION_GRANTED);
  response.set_hold_id(entry.hold_id());
  response.set_granted_seconds(seconds);
  response.set_reauthorize_after_seconds(std::max<int64_t>(seconds - kReauthorizeBefore, 0));
  response.set_available_micros(account.available_micros());
  CopyPrice(*rate, response.mutable_price());
  return response;
}

v1::ReauthorizeResponse FakeBilling::Reauthorize(const v1::ReauthorizeRequest& request) {
  Account& account = accounts_.at(request.account_id());
  OpenHold& hold = account.holds.at(request.hold_id());
  const int64_t wanted = hold.granted_seconds + request.requested_seconds();
  const int64_t budget = account.available_micros() + hold.held_micros + hold.charged_micros;
  const int64_t seconds = price_oracle::LongestAffordableSeconds(hold.rate->call, budget, wanted);
  v1::ReauthorizeResponse response;
  response.set_hold_id(request.hold_id());
  if (seconds <= hold.granted_seconds) {
    response.set_decision(v1::DECISION_DENIED);
    response.set_reason(v1::REASON_INSUFFICIENT_BALANCE);
    Append(&account, request.request_id(), v1::ENTRY_KIND_DECLINE, 0, 0, request.hold_id());
    return response;
  }
  const int64_t held = PriceOf(*hold.rate, seconds) - hold.charged_micros;
  Append(&account, request.request_id(), v1::ENTRY_KIND_HOLD_EXTENDED, 0, held - hold.held_micros,
         request.hold_id());
  hold.held_micros = held;
  hold.granted_seconds = seconds;
  response.set_decision(v1::DECISION_GRANTED);
  response.set_granted_seconds(seconds);
  response.set_reauthorize_after_seconds(seconds - kReauthorizeBefore);
  response.set_available_micros(account.available_micros());
  return response;
}

v1::Entry FakeBilling::Settle(Account* account, int64_t hold_id, const std::string& request_id,
                              int64_t used_seconds, bool final) {
  OpenHold& hold = account->holds[hold_id];
  static const DeckRate kFree;
  const DeckRate& rate = hold.rate == nullptr ? kFree : *hold.rate;
  const int64_t price = PriceOf(rate, used_seconds) + faults_.overcharge_micros;
  const int64_t amount = price - hold.charged_micros;
  const bool ends = final && !faults_.keeps_holds;
  const int64_t held_change = ends ? -hold.held_micros : -std::min(amount, hold.held_micros);
  const v1::EntryKind kind = final ? v1::ENTRY_KIND_HOLD_SETTLED : v1::ENTRY_KIND_HOLD_CHARGED;
  const v1::Entry entry = Append(account, request_id, kind, -amount, held_change, hold_id);
  hold.held_micros += held_change;
  hold.charged_micros = price;
  if (ends) account->holds.erase(hold_id);
  return entry;
}

v1::OperationResult FakeBilling::DebitText(const v1::DebitRequest& request) {
  Account& account = accounts_.at(request.account_id());
  const v1::Text& text = request.usage().text();
  const bool outbound = text.direction() == v1::DIRECTION_OUTBOUND;
  const DeckRate* const rate =
      prices_->Find(outbound ? "OUTGOING_TEXT" : "INCOMING_TEXT", text.to(), absl::UnixEpoch());
  const int32_t segments = text.has_segments() ? text.segments() : 1;
  const int64_t price = rate == nullptr ? 0 : rate->unit_fee_micros * segments;
  v1::OperationResult result;
  if (rate == nullptr || price > account.available_micros()) {
    Append(&account, request.request_id(), v1::ENTRY_KIND_DECLINE, 0, 0, 0);
    google::rpc::ErrorInfo reason;
    reason.set_reason(rate == nullptr ? "NO_RATE" : "INSUFFICIENT_BALANCE");
    result.mutable_error()->set_code(static_cast<int>(absl::StatusCode::kFailedPrecondition));
    result.mutable_error()->add_details()->PackFrom(reason);
    return result;
  }
  v1::DebitResponse& response = *result.mutable_debit();
  *response.mutable_entry() = Append(&account, request.request_id(), v1::ENTRY_KIND_DEBIT,
                                     -price - faults_.overcharge_micros, 0, 0);
  response.set_segments(segments);
  response.set_available_micros(account.available_micros());
  return result;
}

void FakeBilling::GetBalance(const std::string& account_id, BalanceRead read) {
  const Account& account = accounts_.at(account_id);
  v1::GetBalanceResponse response;
  response.set_balance_micros(account.balance_micros);
  response.set_held_micros(account.held_micros);
  response.set_as_of_entry(account.last_entry_id);
  read(absl::OkStatus(), response);
}

std::map<std::string, AccountReading> FakeBilling::ReadBack() const {
  std::map<std::string, AccountReading> readings;
  for (const auto& [account_id, account] : accounts_) {
    AccountReading& reading = readings[account_id];
    reading.account = {.start_balance_micros = account.opening_micros,
                       .end_balance_micros = account.balance_micros,
                       .end_held_micros = account.held_micros};
    for (v1::Entry entry : account.entries) {
      entry.set_account_id(account_id);
      reading.entries.push_back(std::move(entry));
    }
    for (const auto& [hold_id, unused] : account.holds) {
      v1::Hold hold;
      hold.set_hold_id(hold_id);
      reading.holds.push_back(std::move(hold));
    }
  }
  return readings;
}

}  // namespace farebox::drivers
