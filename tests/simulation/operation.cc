#include "tests/simulation/operation.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "storage/micros.h"
#include "storage/request_ids.h"

namespace farebox::simulation {
namespace {

using Kind = Operation::Kind;

HoldOffer OfferOf(const Operation& operation, Micros budget) {
  HoldOffer offer = {.refusal = operation.refusal,
                     .amount = Micros(operation.micros),
                     .lifetime = operation.lifetime,
                     .detail = operation.detail};
  if (offer.refusal != Reason::kNone || operation.sizing == Operation::Sizing::kBlind) return offer;
  if (operation.micros <= 0 || operation.micros <= budget.value()) return offer;
  offer.refusal = Reason::kInsufficientBalance;
  if (operation.sizing == Operation::Sizing::kExact) return offer;

  const int64_t blocks = std::max<int64_t>(0, budget.value()) / operation.block_micros;
  if (blocks == 0) return offer;
  offer.refusal = Reason::kNone;
  offer.amount = Micros(blocks * operation.block_micros);
  offer.final = true;
  return offer;
}

Action ActionOf(const Operation& operation) {
  const Micros micros(operation.micros);
  Charge charge = {.refusal = operation.refusal, .amount = micros, .detail = operation.detail};
  const PriceHold price = [charge](const Hold&) { return charge; };
  switch (operation.kind) {
    case Kind::kOpen:
      return OpenAccount{.terms = operation.terms, .settings = operation.settings};
    case Kind::kChange:
      return ChangeAccount{.change = [operation](AccountRecord* record) {
        record->terms = operation.terms;
        if (!operation.settings.empty()) record->settings = operation.settings;
        return absl::OkStatus();
      }};
    case Kind::kDebit:
      return Debit{.item = operation.item, .charge = charge};
    case Kind::kCredit:
    case Kind::kRefund:
      return Credit{.item = operation.item,
                    .amount = micros,
                    .refunds = operation.kind == Kind::kRefund ? operation.subject : 0,
                    .detail = operation.detail};
    case Kind::kHold:
      return PlaceHold{
          .item = operation.item,
          .size = [operation](Micros available) { return OfferOf(operation, available); },
          .detail = operation.detail};
    case Kind::kExtend:
      return ExtendHold{
          .hold = operation.subject,
          .resize = [operation](Micros budget, const Hold&) { return OfferOf(operation, budget); }};
    case Kind::kCharge:
    case Kind::kSettle:
      return SettleHold{
          .hold = operation.subject, .price = price, .final = operation.kind == Kind::kSettle};
    case Kind::kRelease:
      break;
  }
  return ReleaseHold{.hold = operation.subject, .price = price};
}

}  // namespace

bool SameContent(const Operation& a, const Operation& b) {
  return a.kind == b.kind && a.micros == b.micros && a.sizing == b.sizing &&
         a.block_micros == b.block_micros && a.refusal == b.refusal && a.subject == b.subject &&
         a.lifetime == b.lifetime && a.item == b.item && a.detail == b.detail &&
         a.terms == b.terms && a.settings == b.settings;
}

std::string ContentOf(const Operation& operation) {
  const AccountTerms& terms = operation.terms;
  return absl::StrCat(static_cast<int>(operation.kind), " ", operation.micros, " ",
                      static_cast<int>(operation.sizing), " ", operation.block_micros, " ",
                      static_cast<int>(operation.refusal), " ", operation.subject, " ",
                      absl::ToInt64Nanoseconds(operation.lifetime), " ", operation.item, " ",
                      operation.detail, " ") +
         absl::StrCat(static_cast<int>(terms.status), " ", terms.credit_limit.value(), " ",
                      terms.low_balance_threshold.value(), " ", terms.open_holds_max, " ",
                      operation.settings);
}

std::string TextOf(const Operation& operation) {
  static constexpr absl::string_view kNames[] = {"open", "change", "debit",  "credit", "refund",
                                                 "hold", "extend", "charge", "settle", "release"};
  static_assert(std::size(kNames) == Operation::kKinds);
  return absl::StrCat(kNames[static_cast<size_t>(operation.kind)], " ", operation.account, " ",
                      absl::CHexEscape(operation.request_id), " subject ", operation.subject,
                      " micros ", operation.micros) +
         absl::StrCat(" lifetime ", absl::FormatDuration(operation.lifetime), " sizing ",
                      static_cast<int>(operation.sizing), "/", operation.block_micros, " refusal ",
                      static_cast<int>(operation.refusal), " status ",
                      static_cast<int>(operation.terms.status), " limit ",
                      operation.terms.credit_limit.value());
}

Command CommandOf(const Operation& operation) {
  return {.account_id = operation.account,
          .request_id = operation.request_id,
          .fingerprint = ContentFingerprint(ContentOf(operation)),
          .deadline = operation.deadline,
          .action = ActionOf(operation)};
}

}  // namespace farebox::simulation
