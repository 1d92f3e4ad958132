#include "server/numbers/number_rental.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "farebox/stored/v1/stored.pb.h"
#include "server/base/account_settings.h"
#include "server/base/limits.h"
#include "server/mail/mail_templates.h"
#include "server/numbers/renewal_calendar.h"
#include "storage/errors.h"
#include "storage/request_ids.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using stored::v1::Rental;

// The same for the same request, for ever.
std::string RentalIdOf(const AccountFacts& account, absl::string_view request_id) {
  const RequestHash hash = HashRequestId(account.number, request_id);
  return absl::StrCat("num-", absl::Hex(absl::Uint128High64(hash), absl::kZeroPad16),
                      absl::Hex(absl::Uint128Low64(hash), absl::kZeroPad16));
}

v1::DebitRequest PurchaseOf(const Rental& rental) {
  v1::DebitRequest request;
  request.set_account_id(rental.account_id());
  request.set_request_id(rental.request_id());
  v1::PhoneNumber& number = *request.mutable_usage()->mutable_phone_number();
  number.set_number(rental.number());
  number.set_kind(v1::PhoneNumber::KIND_PURCHASE);
  return request;
}

// All of it is the same each time it is tried under one name.
v1::DebitRequest NextMonthOf(const Rental& rental) {
  const int32_t month = rental.months_renewed() + 1;
  v1::DebitRequest request;
  request.set_account_id(rental.account_id());
  request.set_request_id(absl::StrCat(rental.rental_id(), "/", month, "/", rental.refusals()));
  request.set_description(absl::StrCat("month ", month));
  v1::PhoneNumber& number = *request.mutable_usage()->mutable_phone_number();
  number.set_number(rental.number());
  number.set_kind(v1::PhoneNumber::KIND_RENEWAL);
  return request;
}

Micros PriceIn(const Command& command) {
  const Debit* const debit = std::get_if<Debit>(&command.action);
  return debit == nullptr ? Micros() : debit->charge.amount;
}

std::string EmailOf(const AccountFacts& account) { return SettingsOf(*account.settings).email(); }

mail::NumberPastDue::Cause CauseOf(Reason refusal) {
  switch (refusal) {
    case Reason::kInsufficientBalance:
      return mail::NumberPastDue::Cause::kLowBalance;
    case Reason::kAccountSuspended:
      return mail::NumberPastDue::Cause::kAccountSuspended;
    case Reason::kAccountClosed:
      return mail::NumberPastDue::Cause::kAccountClosed;
    default:
      // All else that refuses a month is its price.
      return mail::NumberPastDue::Cause::kNoRate;
  }
}

error::RefusedUse ExplainRefusal(const Rental& rental, const Outcome& outcome) {
  error::RefusedUse use;
  if (outcome.entry.reason == Reason::kInsufficientBalance) {
    use.available = outcome.available();
  } else if (outcome.entry.reason == Reason::kNoRate) {
    use.item = v1::Item_Name(static_cast<v1::Item>(outcome.entry.item));
    use.destination = rental.number();
  }
  return use;
}

// Whether the ledger has the last word on a debit with this: it is not charged, now or before.
bool IsRefusal(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status) ||
         absl::IsAlreadyExists(status) || absl::IsNotFound(status);
}

}  // namespace

absl::Time NumberRental::NextRenewal(const Rental& rental) const {
  const absl::StatusOr<AccountFacts> account = parts_.ledger->FindAccount(rental.account_id());
  const absl::TimeZone zone = account.ok() ? TimeZoneOf(*account) : absl::UTCTimeZone();
  return MonthStart(absl::FromUnixMicros(rental.purchase_micros()), rental.months_renewed() + 1,
                    zone);
}

absl::Time NumberRental::ReleaseTime(const Rental& rental) const {
  return absl::FromUnixMicros(rental.past_due_micros()) + parts_.grace;
}

// ---- Buying

absl::StatusOr<NumberRental::Purchase> NumberRental::Buy(absl::string_view account_id,
                                                         absl::string_view request_id,
                                                         absl::string_view number) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, parts_.ledger->FindAccount(account_id));
  const std::string rental_id = RentalIdOf(account, request_id);
  FAREBOX_ASSIGN_OR_RETURN(std::optional<RentalRecord> record, records_.Find(rental_id));
  const bool is_begun_before = record.has_value();
  if (!is_begun_before) {
    Rental rental;
    rental.set_rental_id(rental_id);
    rental.set_number(std::string(number));
    rental.set_account_id(std::string(account_id));
    rental.set_request_id(std::string(request_id));
    rental.set_purchase_micros(absl::ToUnixMicros(parts_.clock->Now()));
    record = RentalRecords::New(account, std::move(rental));
    record->document.due = parts_.clock->Now();
    const absl::Status put = records_.Put(&*record);
    if (absl::IsAborted(put)) return error::NumberTaken(number);
    FAREBOX_RETURN_IF_ERROR(put);
    parts_.reached("begun");
  }
  if (record->rental.number() != number) return error::RequestIdReused(account_id, request_id);
  return Complete(account, is_begun_before, &*record);
}

absl::StatusOr<NumberRental::Purchase> NumberRental::Complete(const AccountFacts& account,
                                                              bool is_begun_before,
                                                              RentalRecord* record) {
  Rental& rental = record->rental;
  const bool is_new = rental.state() == v1::NUMBER_STATE_UNSPECIFIED;
  absl::StatusOr<Command> command = parts_.make_debit(PurchaseOf(rental));
  Outcome outcome = {.status = command.status()};
  if (command.ok()) outcome = parts_.ledger->Apply(*std::move(command));
  if (outcome.status.ok() && outcome.declined()) {
    outcome.status =
        error::Declined(account.account_id, outcome.entry.reason, ExplainRefusal(rental, outcome));
  }
  if (!outcome.status.ok()) {
    // What was begun before may be paid: a busy ledger turns a debit away before it knows it again.
    // Else it is surely not charged, but where the journal failed: that takes no removal either.
    const bool is_unpaid = !is_begun_before || IsRefusal(outcome.status);
    if (is_new && is_unpaid) FAREBOX_RETURN_IF_ERROR(records_.Remove(*record));
    return outcome.status;
  }
  parts_.reached("charged");
  if (is_new) {
    rental.set_state(v1::NUMBER_STATE_ACTIVE);
    rental.set_purchase_micros(absl::ToUnixMicros(outcome.entry.time));
    rental.set_purchase_entry_id(outcome.entry.id);
    record->document.due = NextRenewal(rental);
    FAREBOX_RETURN_IF_ERROR(records_.Put(record));
    parts_.reached("bought");
  }
  return Purchase{.rental = rental, .entry = outcome.entry, .replayed = outcome.replayed};
}

// ---- Ending

absl::StatusOr<Rental> NumberRental::Release(absl::string_view account_id,
                                             absl::string_view number) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, parts_.ledger->FindAccount(account_id));
  FAREBOX_ASSIGN_OR_RETURN(std::optional<RentalRecord> record, records_.FindByNumber(number));
  const bool is_own = record.has_value() && record->rental.account_id() == account_id;
  if (!is_own) return FindReleased(account, number);
  if (record->rental.state() == v1::NUMBER_STATE_UNSPECIFIED) {
    FAREBOX_RETURN_IF_ERROR(Complete(account, /*is_begun_before=*/true, &*record).status());
  }
  FAREBOX_RETURN_IF_ERROR(End(account, /*is_unpaid=*/false, &*record));
  return std::move(record->rental);
}

absl::StatusOr<Rental> NumberRental::FindReleased(const AccountFacts& account,
                                                  absl::string_view number) {
  int64_t before = std::numeric_limits<int64_t>::max();
  while (true) {
    FAREBOX_ASSIGN_OR_RETURN(const std::vector<RentalRecord> page,
                             records_.List(account.number, before, limits::kRentalPageSize));
    for (const RentalRecord& past : page) {
      if (past.rental.number() == number) return past.rental;
    }
    if (page.empty()) return error::NumberNotFound(account.account_id, number);
    before = page.back().document.id;
  }
}

absl::Status NumberRental::End(const AccountFacts& account, bool is_unpaid, RentalRecord* record) {
  const absl::Time now = parts_.clock->Now();
  Rental& rental = record->rental;
  FAREBOX_RETURN_IF_ERROR(
      WriteLine(rental, is_unpaid ? "released, as it was not paid" : "given up"));
  parts_.reached("line written");
  rental.set_state(v1::NUMBER_STATE_RELEASED);
  rental.set_release_micros(absl::ToUnixMicros(now));
  record->document.due = absl::InfiniteFuture();
  DocumentGroup mails;
  if (is_unpaid) {
    const std::string key = absl::StrCat("number/", rental.rental_id(), "/released");
    mails = parts_.stationery->Write(
        key, account, EmailOf(account),
        mail::NumberReleased{.number = rental.number(), .release_time = now}, now);
  }
  FAREBOX_RETURN_IF_ERROR(records_.Put(record, std::move(mails)));
  parts_.reached("released");
  return absl::OkStatus();
}

absl::Status NumberRental::WriteLine(const Rental& rental, absl::string_view description) {
  stored::v1::EntryDetail detail;
  *detail.mutable_usage() = NextMonthOf(rental).usage();
  detail.set_description(std::string(description));
  // Whatever the account's state is: no money moves.
  Debit line = {.item = static_cast<uint8_t>(v1::ITEM_PHONE_NUMBER_RENEWAL),
                .charge = Charge{.detail = detail.SerializeAsString()},
                .has_left = true};
  return parts_.ledger
      ->Apply({.account_id = rental.account_id(),
               .request_id = absl::StrCat(rental.rental_id(), "/released"),
               .fingerprint = ContentFingerprint("released"),
               .action = std::move(line)})
      .status;
}

// ---- Month by month

absl::Status NumberRental::Work(absl::string_view rental_id) {
  FAREBOX_ASSIGN_OR_RETURN(std::optional<RentalRecord> record, records_.Find(rental_id));
  if (!record.has_value()) return absl::OkStatus();
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                           parts_.ledger->FindAccount(record->rental.account_id()));
  switch (record->rental.state()) {
    case v1::NUMBER_STATE_ACTIVE:
    case v1::NUMBER_STATE_PAST_DUE:
      return Renew(account, &*record);
    case v1::NUMBER_STATE_RELEASED:
      return absl::OkStatus();
    default:
      break;
  }
  const absl::Status completed = Complete(account, /*is_begun_before=*/true, &*record).status();
  // Whoever asked for it learns of a refusal by asking again.
  return IsRefusal(completed) ? absl::OkStatus() : completed;
}

absl::Status NumberRental::Renew(const AccountFacts& account, RentalRecord* record) {
  while (true) {
    const bool is_unpaid = record->rental.state() == v1::NUMBER_STATE_PAST_DUE;
    const absl::Duration pause = record->document.due - parts_.clock->Now();
    // One that was put off for longer than any is was put off by a clock that ran ahead.
    const bool is_put_off = pause > limits::kUnpaidPause;
    if (is_unpaid && pause > absl::ZeroDuration() && !is_put_off) return absl::OkStatus();
    FAREBOX_ASSIGN_OR_RETURN(const bool is_paid, ChargeMonth(account, record));
    if (!is_paid) return absl::OkStatus();
  }
}

absl::Status NumberRental::AwaitMonth(RentalRecord* record) {
  const absl::Time begin = NextRenewal(record->rental);
  const bool is_unpaid = record->rental.state() == v1::NUMBER_STATE_PAST_DUE;
  if (record->document.due == begin && !is_unpaid) return absl::OkStatus();
  // The account's time zone is another one now. Or a clock that ran ahead has let it go past due:
  // where its month is not paid when it begins, that is told anew.
  record->rental.set_state(v1::NUMBER_STATE_ACTIVE);
  record->rental.clear_past_due_micros();
  record->document.due = begin;
  return records_.Put(record);
}

absl::StatusOr<bool> NumberRental::ChargeMonth(const AccountFacts& account, RentalRecord* record) {
  Rental& rental = record->rental;
  if (parts_.clock->Now() < NextRenewal(rental)) {
    FAREBOX_RETURN_IF_ERROR(AwaitMonth(record));
    return false;
  }
  FAREBOX_ASSIGN_OR_RETURN(Command command, parts_.make_debit(NextMonthOf(rental)));
  const Micros price = PriceIn(command);
  const Outcome outcome = parts_.ledger->Apply(std::move(command));
  FAREBOX_RETURN_IF_ERROR(outcome.status);
  parts_.reached("month charged");
  if (outcome.declined()) {
    FAREBOX_RETURN_IF_ERROR(NoteUnpaid(account, price, outcome.entry.reason, record));
    return false;
  }
  rental.set_state(v1::NUMBER_STATE_ACTIVE);
  rental.set_months_renewed(rental.months_renewed() + 1);
  rental.clear_refusals();
  rental.clear_past_due_micros();
  record->document.due = NextRenewal(rental);
  FAREBOX_RETURN_IF_ERROR(records_.Put(record));
  parts_.reached("month counted");
  return true;
}

absl::Status NumberRental::NoteUnpaid(const AccountFacts& account, Micros price, Reason refusal,
                                      RentalRecord* record) {
  const absl::Time now = parts_.clock->Now();
  Rental& rental = record->rental;
  DocumentGroup mails;
  bool is_over = false;  // The grace.
  // Past due since later than now, by a clock that ran ahead: the mail named another release time.
  const bool is_ahead = rental.past_due_micros() > absl::ToUnixMicros(now);
  if (rental.state() == v1::NUMBER_STATE_ACTIVE || is_ahead) {
    rental.set_state(v1::NUMBER_STATE_PAST_DUE);
    rental.set_past_due_micros(absl::ToUnixMicros(now));
    // It may be told more than once of a month, but not of a refusal.
    const std::string key = absl::StrCat("number/", NextMonthOf(rental).request_id(), "/past-due");
    mails = parts_.stationery->Write(key, account, EmailOf(account),
                                     mail::NumberPastDue{.number = rental.number(),
                                                         .amount = price,
                                                         .cause = CauseOf(refusal),
                                                         .release_time = ReleaseTime(rental)},
                                     now);
  } else {
    is_over = now >= ReleaseTime(rental);
    if (is_over && !parts_.is_held()) return End(account, /*is_unpaid=*/true, record);
  }
  rental.set_refusals(rental.refusals() + 1);
  record->document.due = is_over ? now + limits::kHeldNumberPause
                                 : std::min(now + limits::kUnpaidPause, ReleaseTime(rental));
  FAREBOX_RETURN_IF_ERROR(records_.Put(record, std::move(mails)));
  parts_.reached("past due");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RentalRecord>> NumberRental::ListUnpaid(const AccountFacts& account) {
  std::vector<RentalRecord> unpaid;
  int64_t before = std::numeric_limits<int64_t>::max();
  while (true) {
    FAREBOX_ASSIGN_OR_RETURN(std::vector<RentalRecord> page,
                             records_.List(account.number, before, limits::kRentalPageSize));
    if (page.empty()) return unpaid;
    before = page.back().document.id;
    for (RentalRecord& record : page) {
      const bool is_unpaid = record.rental.state() == v1::NUMBER_STATE_PAST_DUE;
      if (is_unpaid) unpaid.push_back(std::move(record));
    }
  }
}

absl::StatusOr<bool> NumberRental::TryUnpaid(absl::string_view account_id) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, parts_.ledger->FindAccount(account_id));
  FAREBOX_ASSIGN_OR_RETURN(std::vector<RentalRecord> unpaid, ListUnpaid(account));
  bool is_all_paid = true;
  // The oldest first.
  for (auto record = unpaid.rbegin(); record != unpaid.rend(); ++record) {
    FAREBOX_ASSIGN_OR_RETURN(const bool is_paid, ChargeMonth(account, &*record));
    if (is_paid) FAREBOX_RETURN_IF_ERROR(Renew(account, &*record));
    is_all_paid = is_all_paid && record->rental.state() != v1::NUMBER_STATE_PAST_DUE;
  }
  return !is_all_paid;
}

}  // namespace farebox::server
