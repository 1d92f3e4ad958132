#include "server/recharge/provider_events.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "farebox/stored/v1/stored.pb.h"
#include "farebox/v1/entry.pb.h"
#include "server/base/log.h"
#include "server/recharge/money_back.h"
#include "server/recharge/recharge_states.h"
#include "storage/errors.h"
#include "storage/request_ids.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using Kind = PaymentEvent::Kind;

// The names of what is moved: they are in the journal for good.
std::string RequestIdOf(Kind kind, const PaymentEvent& event) {
  return absl::StrCat(kind == Kind::kMoneyBack ? "taken-back-" : "given-again-", event.cause_id);
}

std::string DetailOf(Kind kind, const PaymentEvent& event) {
  stored::v1::EntryDetail detail;
  detail.set_description(
      absl::StrCat(kind == Kind::kMoneyBack ? "money of payment " : "money again of payment ",
                   event.charge.payment_id,
                   kind == Kind::kMoneyBack ? " went back to the customer (" : " came back (",
                   event.cause_id, ")"));
  return detail.SerializeAsString();
}

// Whether the attempt has its money from another payment that carries its name: the provider took
// it twice, or that one is of an earlier ledger.
bool IsOfAnotherPayment(const PaymentEvent& event, const stored::v1::RechargeAttempt& attempt) {
  return HasItsPayment(attempt) && attempt.payment_id() != event.charge.payment_id;
}

void LogMoneyBack(LogLevel level, const PaymentEvent& event,
                  const stored::v1::RechargeAttempt& attempt, absl::string_view problem) {
  Log(level, "money_back",
      {{"account_id", attempt.account_id()},
       {"recharge_id", attempt.recharge_id()},
       {"event_id", event.event_id},
       {"cause", event.cause_id},
       {"amount_micros", event.charge.amount.value()},
       {"again", event.kind == Kind::kMoneyBackUndone ? "yes" : "no"},
       {"problem", problem}});
}

}  // namespace

absl::Status ProviderEvents::Hear(absl::string_view body, absl::string_view signature) {
  FAREBOX_ASSIGN_OR_RETURN(const PaymentEvent event,
                           parts_.gateway->ReadEvent(body, signature, parts_.clock->Now()));
  switch (event.kind) {
    case Kind::kCharge:
      return HearOfCharge(event);
    case Kind::kMoneyBack:
    case Kind::kMoneyBackUndone:
      return HearOfMoneyBack(event);
    case Kind::kOther:
      break;
  }
  return absl::OkStatus();
}

absl::Status ProviderEvents::HearOfCharge(const PaymentEvent& event) {
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<AttemptRecord> record,
                           records_.FindAttempt(event.attempt_id));
  if (!record.has_value()) return absl::OkStatus();
  const stored::v1::RechargeAttempt& attempt = record->attempt;
  const bool may_be_charged =
      event.charge.state == ChargeState::kCharged || event.charge.state == ChargeState::kUnknown;
  if (may_be_charged && !IsOpen(attempt)) return HearOfEnded(attempt, event.charge.payment_id);
  // Nothing is lost with it: an open attempt is asked about by itself, in its time, and a charge
  // has an event of its own.
  AskAbout(attempt, event.charge.payment_id);
  return absl::OkStatus();
}

absl::Status ProviderEvents::HearOfEnded(const stored::v1::RechargeAttempt& attempt,
                                         const std::string& payment_id) {
  if (attempt.state() == v1::RECHARGE_STATE_CREDITED || attempt.paid_back()) {
    return absl::OkStatus();
  }
  ChargeReference reference = ReferenceOf(attempt);
  if (!payment_id.empty()) reference.payment_id = payment_id;
  const CardCharge charge = parts_.gateway->FindCharge(reference);
  if (charge.state == ChargeState::kUnknown) return absl::UnavailableError(charge.message);
  if (charge.state != ChargeState::kCharged) return absl::OkStatus();
  AskAbout(attempt, payment_id);
  return absl::UnavailableError("its payment is not credited yet");
}

absl::StatusOr<std::optional<AttemptRecord>> ProviderEvents::FindPaid(
    const std::string& payment_id) {
  FAREBOX_ASSIGN_OR_RETURN(std::optional<AttemptRecord> record, records_.FindCharged(payment_id));
  if (record.has_value()) return record;
  FAREBOX_ASSIGN_OR_RETURN(const std::string attempt_id, parts_.gateway->FindAttemptOf(payment_id));
  if (attempt_id.empty()) return std::optional<AttemptRecord>();
  FAREBOX_ASSIGN_OR_RETURN(record, records_.FindAttempt(attempt_id));
  if (!record.has_value() && parts_.is_held()) {
    return absl::UnavailableError("the restored ledger does not know its payment yet");
  }
  return record;
}

absl::Status ProviderEvents::HearOfMoneyBack(const PaymentEvent& event) {
  FAREBOX_ASSIGN_OR_RETURN(std::optional<AttemptRecord> record, FindPaid(event.charge.payment_id));
  if (!record.has_value()) return absl::OkStatus();
  if (IsOfAnotherPayment(event, record->attempt)) {
    LogMoneyBack(LogLevel::kInfo, event, record->attempt, "of a payment that was not credited");
    return absl::OkStatus();
  }
  if (record->attempt.state() != v1::RECHARGE_STATE_CREDITED) {
    return HearOfUncredited(event, &*record);
  }
  const absl::Status status = Move(event, record->attempt);
  if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) return status;
  // To be told again would not help: it is for people to look at.
  LogMoneyBack(status.ok() ? LogLevel::kInfo : LogLevel::kError, event, record->attempt,
               status.message());
  return absl::OkStatus();
}

absl::Status ProviderEvents::HearOfUncredited(const PaymentEvent& event, AttemptRecord* record) {
  const stored::v1::RechargeAttempt& attempt = record->attempt;
  const bool is_decided = !IsOpen(attempt) || attempt.state() == v1::RECHARGE_STATE_SUCCEEDED;
  FAREBOX_ASSIGN_OR_RETURN(const bool is_closed, IsClosed(attempt.account_id()));
  if (is_closed && is_decided) return NoteMoneyBack(event, record);
  // Money cannot go back before it is known here to have come. One that was taken for declined was
  // charged all the same, or nothing could go back.
  if (is_decided) AskAbout(attempt, event.charge.payment_id);
  return absl::UnavailableError("its payment is not credited yet");
}

absl::Status ProviderEvents::NoteMoneyBack(const PaymentEvent& event, AttemptRecord* record) {
  stored::v1::RechargeAttempt& attempt = record->attempt;
  const bool has_come_again = event.kind == Kind::kMoneyBackUndone;
  const bool is_own = event.refund_id == RefundIdOf(attempt);
  // The recharger notes what it sends back itself.
  if (is_own && !has_come_again) return absl::OkStatus();
  const bool is_all = event.charge.amount == Micros(attempt.amount_micros()) &&
                      event.charge.currency_code == attempt.currency_code();
  const absl::Status noted =
      is_all ? NoteCause(is_own ? event.refund_id : event.cause_id, has_come_again, &attempt)
             : absl::FailedPreconditionError("it is only a part of what nobody has");
  if (absl::IsAlreadyExists(noted)) return absl::OkStatus();
  if (!noted.ok()) {
    LogMoneyBack(LogLevel::kError, event, attempt, noted.message());
    return absl::OkStatus();
  }
  const bool was_paid_back = attempt.paid_back();
  const bool is_paid_back = IsWithCustomer(attempt);
  if (is_paid_back && !was_paid_back) NotePaidBack(absl::OkStatus(), parts_.clock->Now(), &attempt);
  if (was_paid_back && !is_paid_back) NoteNotPaidBack(&attempt);
  FAREBOX_RETURN_IF_ERROR(records_.Put({.attempt = record}));
  LogMoneyBack(is_paid_back ? LogLevel::kInfo : LogLevel::kError, event, attempt,
               is_paid_back ? "" : attempt.message());
  return absl::OkStatus();
}

void ProviderEvents::AskAbout(const stored::v1::RechargeAttempt& attempt,
                              const std::string& payment_id) {
  parts_.worker->Ask({.account_id = attempt.account_id(),
                      .recharge_id = attempt.recharge_id(),
                      .payment_id = payment_id});
}

absl::StatusOr<bool> ProviderEvents::IsClosed(const std::string& account_id) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, parts_.ledger->FindAccount(account_id));
  return account.state.terms.status == AccountStatus::kClosed;
}

absl::Status ProviderEvents::Move(const PaymentEvent& event,
                                  const stored::v1::RechargeAttempt& attempt) {
  const std::string& account_id = attempt.account_id();
  if (event.charge.currency_code != attempt.currency_code()) {
    return absl::FailedPreconditionError("it is in another currency");
  }
  if (event.cause_id.empty()) return absl::InvalidArgumentError("it has no name");
  if (event.kind == Kind::kMoneyBackUndone) {
    // Which takes no credit: the debit would stay alone.
    FAREBOX_ASSIGN_OR_RETURN(const bool is_closed, IsClosed(account_id));
    if (is_closed) return error::Declined(account_id, Reason::kAccountClosed);
  }
  // First, also where only the second is told of: nothing is given that was not taken.
  FAREBOX_RETURN_IF_ERROR(Apply(Kind::kMoneyBack, event, account_id));
  if (event.kind == Kind::kMoneyBack) return absl::OkStatus();
  return Apply(Kind::kMoneyBackUndone, event, account_id);
}

absl::Status ProviderEvents::Apply(Kind kind, const PaymentEvent& event,
                                   const std::string& account_id) {
  const Micros amount = event.charge.amount;
  const uint8_t item = static_cast<uint8_t>(v1::ITEM_ADJUSTMENT);
  Command command = {
      .account_id = account_id,
      .request_id = RequestIdOf(kind, event),
      .fingerprint = ContentFingerprint(absl::StrCat("money back ", amount.value()))};
  if (kind == Kind::kMoneyBack) {
    command.action = Debit{.item = item,
                           .charge = Charge{.amount = amount, .detail = DetailOf(kind, event)},
                           .has_left = true};
  } else {
    command.action = Credit{.item = item, .amount = amount, .detail = DetailOf(kind, event)};
  }
  const Outcome outcome = parts_.ledger->Apply(std::move(command));
  FAREBOX_RETURN_IF_ERROR(outcome.status);
  if (outcome.declined()) return error::Declined(account_id, outcome.entry.reason);
  return absl::OkStatus();
}

}  // namespace farebox::server
