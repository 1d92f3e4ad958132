#include "server/recharge/reconciliation.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "server/recharge/limits.h"
#include "server/recharge/recharge_states.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using Kind = RechargeDifference::Kind;
using stored::v1::RechargeAttempt;

// Attempts read at once.
constexpr size_t kPageSize = 256;

RechargeDifference DifferenceOf(Kind kind, const RechargeAttempt& attempt) {
  return {.kind = kind,
          .recharge_id = attempt.recharge_id(),
          .account_id = attempt.account_id(),
          .payment_id = attempt.payment_id()};
}

// What the journal has under the attempt's name: nothing where its entry is another.
absl::StatusOr<Micros> CreditedBy(const RechargeAttempt& attempt, JournalReader* journal) {
  if (attempt.entry_id() == 0) return Micros();
  const absl::StatusOr<Entry> entry = journal->Read(attempt.entry_id());
  if (absl::IsNotFound(entry.status())) return Micros();
  if (!entry.ok()) return entry.status();
  const bool is_it =
      entry->kind == EntryKind::kCredit && entry->request_id == attempt.recharge_id();
  return is_it ? entry->amount : Micros();
}

absl::Status WantedNoMore() { return absl::CancelledError("the report is wanted no more"); }

// Which of the charges that carry an attempt's name is the one that it knows of; the first where it
// knows of none. Null where its own is not listed: it may have been made days before the others.
const CardCharge* ChargeOf(const RechargeAttempt* attempt, const std::vector<CardCharge>& charges) {
  const auto known = std::find_if(charges.begin(), charges.end(), [&](const CardCharge& charge) {
    return attempt != nullptr && charge.payment_id == attempt->payment_id();
  });
  if (known != charges.end()) return &*known;
  if (attempt != nullptr && HasItsPayment(*attempt)) return nullptr;
  return &*std::min_element(charges.begin(), charges.end(),
                            [](const CardCharge& one, const CardCharge& other) {
                              return one.create_time < other.create_time;
                            });
}

}  // namespace

absl::StatusOr<ReconciliationReport> Reconciliation::Compare(
    absl::Time from, absl::Time to, PaymentGateway::ShouldContinue should_continue) {
  ReconciliationReport report;
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<JournalReader> journal,
                           parts_.journal->NewReader());
  // Before the charges are listed: those that succeed meanwhile are in no list, and credited.
  FAREBOX_ASSIGN_OR_RETURN(const std::vector<RechargeAttempt> credited,
                           ListCredited(from, to, should_continue));
  FAREBOX_ASSIGN_OR_RETURN(
      const Charges charges,
      ListCharges(from - limits::kDeliveryTime, to + limits::kDeliveryTime, should_continue));
  FAREBOX_RETURN_IF_ERROR(CheckCharges(charges, from, should_continue, journal.get(), &report));
  for (const RechargeAttempt& attempt : credited) {
    ++report.credits;
    const auto listed = charges.find(attempt.recharge_id());
    if (listed != charges.end() && ChargeOf(&attempt, listed->second) != nullptr) continue;
    if (!should_continue()) return WantedNoMore();
    if (IsCharged(attempt)) continue;
    report.differences.push_back(DifferenceOf(Kind::kCreditedNotCharged, attempt));
    report.differences.back().credited = Micros(attempt.amount_micros());
  }
  return report;
}

bool Reconciliation::IsCharged(const RechargeAttempt& attempt) const {
  const CardCharge charge = parts_.gateway->FindCharge(ReferenceOf(attempt));
  return charge.state == ChargeState::kCharged && IsWhatWasAskedFor(charge, attempt);
}

absl::StatusOr<Reconciliation::Charges> Reconciliation::ListCharges(
    absl::Time from, absl::Time to, PaymentGateway::ShouldContinue should_continue) {
  Charges charges;
  FAREBOX_RETURN_IF_ERROR(parts_.gateway->ListCharges(
      from, to, should_continue, [&](absl::string_view attempt_id, const CardCharge& charge) {
        charges[std::string(attempt_id)].push_back(charge);
      }));
  return charges;
}

absl::Status Reconciliation::CheckCharges(const Charges& charges, absl::Time from,
                                          PaymentGateway::ShouldContinue should_continue,
                                          JournalReader* journal, ReconciliationReport* report) {
  const absl::Time first = absl::FromUnixSeconds(absl::ToUnixSeconds(from));
  for (const auto& [attempt_id, of_attempt] : charges) {
    const int64_t of_then =
        std::count_if(of_attempt.begin(), of_attempt.end(),
                      [&](const CardCharge& charge) { return charge.create_time >= first; });
    if (of_then == 0) continue;
    if (!should_continue()) return WantedNoMore();
    report->charges += of_then;
    FAREBOX_RETURN_IF_ERROR(CheckAttempt(attempt_id, of_attempt, journal, report));
  }
  return absl::OkStatus();
}

absl::Status Reconciliation::CheckAttempt(const std::string& attempt_id,
                                          const std::vector<CardCharge>& charges,
                                          JournalReader* journal, ReconciliationReport* report) {
  // After the charges were listed: what we know of it is newer.
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<AttemptRecord> record,
                           records_.FindAttempt(attempt_id));
  const RechargeAttempt* const attempt = record.has_value() ? &record->attempt : nullptr;
  const CardCharge* const its = ChargeOf(attempt, charges);
  if (its != nullptr) {
    FAREBOX_RETURN_IF_ERROR(CheckCharge(attempt_id, *its, attempt, journal, report));
  }
  for (const CardCharge& charge : charges) {
    if (&charge == its) continue;
    report->differences.push_back(
        {.kind = Kind::kChargedTwice,
         .recharge_id = attempt_id,
         .account_id = attempt == nullptr ? charge.account_id : attempt->account_id(),
         .payment_id = charge.payment_id,
         .charged = charge.amount});
  }
  return absl::OkStatus();
}

bool Reconciliation::IsUnderWay(const RechargeAttempt& attempt) const {
  if (!IsOpen(attempt)) return false;
  // The customer may have confirmed it a moment ago: we learn of it when it is due.
  const bool has_waited = attempt.state() == v1::RECHARGE_STATE_ACTION_REQUIRED;
  const int64_t since = has_waited ? attempt.due_micros() : attempt.update_micros();
  return absl::AbsDuration(parts_.clock->Now() - absl::FromUnixMicros(since)) < limits::kCreditTime;
}

absl::Status Reconciliation::CheckCharge(const std::string& attempt_id, const CardCharge& charge,
                                         const RechargeAttempt* attempt, JournalReader* journal,
                                         ReconciliationReport* report) {
  RechargeDifference difference = {.recharge_id = attempt_id,
                                   .account_id = charge.account_id,
                                   .payment_id = charge.payment_id,
                                   .charged = charge.amount};
  if (attempt != nullptr) {
    if (attempt->paid_back()) return absl::OkStatus();
    const bool is_right_amount = IsWhatWasAskedFor(charge, *attempt);
    if (IsUnderWay(*attempt) && is_right_amount) {
      ++report->under_way;
      return absl::OkStatus();
    }
    difference.account_id = attempt->account_id();
    FAREBOX_ASSIGN_OR_RETURN(difference.credited, CreditedBy(*attempt, journal));
    if (difference.credited.is_positive() || !is_right_amount) {
      difference.kind = Kind::kAmountsDiffer;
      const bool is_same = is_right_amount && difference.credited == charge.amount;
      if (is_same) return absl::OkStatus();
    }
  }
  report->differences.push_back(std::move(difference));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RechargeAttempt>> Reconciliation::ListCredited(
    absl::Time from, absl::Time to, PaymentGateway::ShouldContinue should_continue) {
  std::vector<RechargeAttempt> credited;
  int64_t before = std::numeric_limits<int64_t>::max();
  while (true) {
    if (!should_continue()) return WantedNoMore();
    FAREBOX_ASSIGN_OR_RETURN(const std::vector<AttemptRecord> page,
                             records_.ListAttempts(/*account=*/0, before, kPageSize));
    if (page.empty()) return credited;
    for (const AttemptRecord& record : page) {
      const absl::Time created = absl::FromUnixMicros(record.attempt.create_micros());
      // The clock may have been set back a little: look at some more than those in order.
      if (created < from - limits::kDeliveryTime) return credited;
      const bool is_of_then = created >= from && created < to;
      if (!is_of_then || record.attempt.state() != v1::RECHARGE_STATE_CREDITED) continue;
      if (credited.size() == parts_.credits_max) {
        return absl::UnavailableError("the time is too long: there are too many recharges");
      }
      credited.push_back(record.attempt);
    }
    before = page.back().document.id;
  }
}

}  // namespace farebox::server
