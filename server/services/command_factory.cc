#include "server/services/command_factory.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "google/protobuf/arena.h"
#include "server/base/limits.h"
#include "server/services/content.h"
#include "server/services/fields.h"
#include "server/services/hold_pricing.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// Memory for what is needed while one command is made.
class Scratch {
 public:
  Scratch() : arena_(block_.data(), block_.size()) {}
  google::protobuf::Arena* arena() { return &arena_; }

 private:
  alignas(8) std::array<char, 1024> block_;
  google::protobuf::Arena arena_;
};

template <typename Request>
Command NewCommand(const Request& request, absl::Time deadline) {
  return {.account_id = request.account_id(),
          .request_id = request.request_id(),
          .fingerprint = FingerprintOf(request),
          .deadline = deadline};
}

constexpr SecondsRange kRequested = {.min = 1, .max = limits::kRequestedSecondsMax};
constexpr SecondsRange kTtl = {.min = 0, .max = limits::kRequestedSecondsMax};
constexpr SecondsRange kUsed = {.min = 0, .max = limits::kUsedSecondsMax};
constexpr SecondsRange kUsedAtLeastOne = {.min = 1, .max = limits::kUsedSecondsMax};
constexpr SecondsRange kNone = {};

absl::Status Check(const v1::AuthorizeRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  FAREBOX_RETURN_IF_ERROR(CheckUsage(request.usage()));
  FAREBOX_RETURN_IF_ERROR(CheckSeconds(request.requested_seconds(),
                                       request.usage().has_call() ? kRequested : kNone,
                                       "requested_seconds"));
  return CheckSeconds(request.hold_ttl_seconds(), kTtl, "hold_ttl_seconds");
}

absl::Status Check(const v1::ReauthorizeRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_RETURN_IF_ERROR(CheckEntryId(request.hold_id(), "hold_id"));
  FAREBOX_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  FAREBOX_RETURN_IF_ERROR(CheckSeconds(request.used_seconds(), kUsed, "used_seconds"));
  FAREBOX_RETURN_IF_ERROR(
      CheckSeconds(request.requested_seconds(), kRequested, "requested_seconds"));
  return CheckSeconds(request.hold_ttl_seconds(), kTtl, "hold_ttl_seconds");
}

absl::Status CheckCharge(const v1::DebitRequest& request) {
  switch (request.charge_case()) {
    case v1::DebitRequest::kUsage:
      FAREBOX_RETURN_IF_ERROR(CheckUsage(request.usage()));
      FAREBOX_RETURN_IF_ERROR(CheckSeconds(request.used_seconds(),
                                           request.usage().has_call() ? kUsedAtLeastOne : kNone,
                                           "used_seconds"));
      break;
    case v1::DebitRequest::kSettlement:
      FAREBOX_RETURN_IF_ERROR(CheckEntryId(request.settlement().hold_id(), "settlement.hold_id"));
      FAREBOX_RETURN_IF_ERROR(
          CheckSeconds(request.settlement().used_seconds(), kUsed, "settlement.used_seconds"));
      FAREBOX_RETURN_IF_ERROR(CheckSeconds(request.used_seconds(), kNone, "used_seconds"));
      break;
    case v1::DebitRequest::kAmountMicros:
      FAREBOX_RETURN_IF_ERROR(CheckAmount(request.amount_micros(), "amount_micros"));
      FAREBOX_RETURN_IF_ERROR(CheckSeconds(request.used_seconds(), kNone, "used_seconds"));
      return CheckItem(request.item(), "item");
    case v1::DebitRequest::CHARGE_NOT_SET:
      return error::FieldInvalid("charge", "needs one of usage, settlement, amount_micros");
  }
  if (request.item() == v1::ITEM_UNSPECIFIED) return absl::OkStatus();
  return error::FieldInvalid("item", "goes with amount_micros only");
}

absl::Status Check(const v1::DebitRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  FAREBOX_RETURN_IF_ERROR(CheckCharge(request));
  return CheckDescription(request.description());
}

absl::Status Check(const v1::ReleaseRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_RETURN_IF_ERROR(CheckEntryId(request.hold_id(), "hold_id"));
  return CheckRequestId(request.request_id());
}

// What a credit counts as; nothing for a reason that is not one.
std::optional<v1::Item> ItemOfCredit(v1::CreditReason reason) {
  switch (reason) {
    case v1::CREDIT_REASON_PAYMENT:
      return v1::ITEM_FUNDS_MANUAL;
    case v1::CREDIT_REASON_REFUND:
      return v1::ITEM_REFUND;
    case v1::CREDIT_REASON_ADJUSTMENT:
      return v1::ITEM_ADJUSTMENT;
    case v1::CREDIT_REASON_PROMOTION:
      return v1::ITEM_PROMOTION;
    default:
      return std::nullopt;
  }
}

absl::Status Check(const v1::CreditRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  FAREBOX_RETURN_IF_ERROR(CheckAmount(request.amount_micros(), "amount_micros"));
  if (!ItemOfCredit(request.reason()).has_value()) {
    return error::FieldInvalid("reason", "must be PAYMENT, REFUND, ADJUSTMENT or PROMOTION",
                               ValueSent(request.reason()));
  }
  if (request.reason() == v1::CREDIT_REASON_REFUND) {
    FAREBOX_RETURN_IF_ERROR(CheckEntryId(request.refunded_entry_id(), "refunded_entry_id"));
  } else if (request.refunded_entry_id() != 0) {
    return error::FieldInvalid("refunded_entry_id", "goes with reason REFUND only");
  }
  return CheckDescription(request.description());
}

// The detail of an entry of which only the caller's words are kept.
std::string DescriptionDetail(const std::string& description) {
  if (description.empty()) return {};
  stored::v1::EntryDetail detail;
  detail.set_description(description);
  return detail.SerializeAsString();
}

Action SettlementOf(const v1::DebitRequest& request) {
  const v1::Settlement& settlement = request.settlement();
  HoldUse use = {.used_seconds = settlement.used_seconds(),
                 .final = !settlement.has_final() || settlement.final(),
                 .description = request.description()};
  const bool final = use.final;
  return SettleHold{
      .hold = settlement.hold_id(),
      .price = [use = std::move(use)](const Hold& hold) { return PriceOfUse(use, hold); },
      .final = final};
}

}  // namespace

CommandFactory::RatedUsage CommandFactory::Rate(absl::string_view account_id,
                                                const v1::Usage& usage,
                                                google::protobuf::Arena* arena) const {
  auto* const settings = google::protobuf::Arena::CreateMessage<stored::v1::AccountSettings>(arena);
  const absl::StatusOr<AccountFacts> account = sources_.ledger->FindAccount(account_id);
  // An account that is not there has no deck; the ledger will say that it is not there.
  if (account.ok() && !settings->ParseFromString(*account->settings)) settings->Clear();

  RatedUsage rated;
  rated.match = FindRate(*sources_.decks, *settings, usage, sources_.clock->Now());
  rated.units = UnitsOf(usage);
  rated.detail = google::protobuf::Arena::CreateMessage<stored::v1::EntryDetail>(arena);
  FillKeptUsage(usage, rated.units, rated.detail->mutable_usage());
  rated.detail->set_units(rated.units);
  if (rated.match.row != nullptr) {
    FillPrice(*rated.match.deck, *rated.match.row, rated.detail->mutable_price());
    rated.detail->set_failure_handling(settings->failure_handling());
  }
  return rated;
}

absl::StatusOr<Command> CommandFactory::Make(const v1::AuthorizeRequest& request,
                                             absl::Time deadline) const {
  FAREBOX_RETURN_IF_ERROR(Check(request));
  Scratch scratch;
  const RatedUsage rated = Rate(request.account_id(), request.usage(), scratch.arena());
  HoldRequest hold = {
      .refusal = rated.match.refusal,
      .tariff = rated.match.row == nullptr ? rating::Tariff() : rated.match.row->tariff,
      .requested_seconds = request.requested_seconds(),
      .units = rated.units,
      .ttl_seconds = request.hold_ttl_seconds(),
      .detail = rated.detail->SerializeAsString()};
  Command command = NewCommand(request, deadline);
  std::string detail = hold.detail;
  command.action = PlaceHold{
      .item = static_cast<uint8_t>(ItemOf(request.usage())),
      .size = [hold = std::move(hold)](Micros available) { return OfferHold(hold, available); },
      .detail = std::move(detail)};
  return command;
}

absl::StatusOr<Command> CommandFactory::Make(const v1::ReauthorizeRequest& request,
                                             absl::Time deadline) const {
  FAREBOX_RETURN_IF_ERROR(Check(request));
  const HoldExtension extension = {.used_seconds = request.used_seconds(),
                                   .requested_seconds = request.requested_seconds(),
                                   .ttl_seconds = request.hold_ttl_seconds()};
  Command command = NewCommand(request, deadline);
  command.action =
      ExtendHold{.hold = request.hold_id(), .resize = [extension](Micros budget, const Hold& hold) {
                   return OfferExtension(extension, budget, hold);
                 }};
  return command;
}

Charge CommandFactory::PriceAtOnce(const v1::DebitRequest& request) const {
  Scratch scratch;
  const RatedUsage rated = Rate(request.account_id(), request.usage(), scratch.arena());
  rated.detail->set_description(request.description());
  rated.detail->clear_failure_handling();
  Charge charge = {.refusal = rated.match.refusal};
  if (charge.refusal == Reason::kNone) {
    const rating::Tariff& tariff = rated.match.row->tariff;
    const bool is_call = request.usage().has_call();
    // What has no price that fits is above any amount the ledger takes.
    charge.amount = (is_call ? rating::PriceOfCallRoundedUp(tariff, request.used_seconds())
                             : rating::PriceOfUnits(tariff, rated.units))
                        .value_or(Micros::Max());
    if (is_call) {
      rated.detail->set_used_seconds(request.used_seconds());
      rated.detail->set_billed_seconds(
          rating::BilledSeconds(tariff, request.used_seconds()).value_or(0));
    }
  }
  charge.detail = rated.detail->SerializeAsString();
  return charge;
}

absl::StatusOr<Command> CommandFactory::Make(const v1::DebitRequest& request,
                                             absl::Time deadline) const {
  FAREBOX_RETURN_IF_ERROR(Check(request));
  Command command = NewCommand(request, deadline);
  switch (request.charge_case()) {
    case v1::DebitRequest::kUsage:
      command.action = Debit{.item = static_cast<uint8_t>(ItemOf(request.usage())),
                             .charge = PriceAtOnce(request)};
      break;
    case v1::DebitRequest::kSettlement:
      command.action = SettlementOf(request);
      break;
    case v1::DebitRequest::kAmountMicros:
    case v1::DebitRequest::CHARGE_NOT_SET:
      command.action = Debit{.item = static_cast<uint8_t>(request.item()),
                             .charge = {.amount = Micros(request.amount_micros()),
                                        .detail = DescriptionDetail(request.description())}};
      break;
  }
  return command;
}

absl::StatusOr<Command> CommandFactory::Make(const v1::ReleaseRequest& request,
                                             absl::Time deadline) const {
  FAREBOX_RETURN_IF_ERROR(Check(request));
  Command command = NewCommand(request, deadline);
  command.action = ReleaseHold{.hold = request.hold_id(), .price = PriceOfRelease};
  return command;
}

absl::StatusOr<Command> CommandFactory::Make(const v1::CreditRequest& request,
                                             absl::Time deadline) const {
  FAREBOX_RETURN_IF_ERROR(Check(request));
  Command command = NewCommand(request, deadline);
  command.action = Credit{.item = static_cast<uint8_t>(*ItemOfCredit(request.reason())),
                          .amount = Micros(request.amount_micros()),
                          .refunds = request.refunded_entry_id(),
                          .detail = DescriptionDetail(request.description())};
  return command;
}

absl::StatusOr<Command> CommandFactory::Make(const v1::Operation& operation,
                                             absl::Time deadline) const {
  switch (operation.request_case()) {
    case v1::Operation::kAuthorize:
      return Make(operation.authorize(), deadline);
    case v1::Operation::kReauthorize:
      return Make(operation.reauthorize(), deadline);
    case v1::Operation::kDebit:
      return Make(operation.debit(), deadline);
    case v1::Operation::kRelease:
      return Make(operation.release(), deadline);
    case v1::Operation::kCredit:
      return Make(operation.credit(), deadline);
    case v1::Operation::REQUEST_NOT_SET:
      break;
  }
  return error::FieldInvalid("request",
                             "needs one of authorize, reauthorize, debit, release, credit");
}

}  // namespace farebox::server
