#include "tests/storage/commands.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/check.h"
#include "storage/request_ids.h"

namespace farebox {
namespace {

constexpr int64_t kNanosPerMicro = 1000;
constexpr int64_t kSecondsPerMinute = 60;

Command MakeCommand(absl::string_view account, absl::string_view request_id,
                    absl::string_view content, Action action) {
  return {.account_id = std::string(account),
          .request_id = request_id.empty() ? NewRequestId() : std::string(request_id),
          .fingerprint = ContentFingerprint(content),
          .action = std::move(action)};
}

std::string TermsText(const AccountTerms& terms) {
  return absl::StrCat(static_cast<int>(terms.status), " ", terms.credit_limit.value(), " ",
                      terms.low_balance_threshold.value(), " ", terms.open_holds_max);
}

// What is used in whole blocks.
int64_t Blocks(const CallPrice& price, int64_t seconds) {
  return (seconds + price.block_seconds - 1) / price.block_seconds;
}

Charge ChargeOf(Micros amount) { return {.amount = amount, .detail = "charge"}; }

// As much of `wanted_seconds` as `budget` pays, in whole blocks.
HoldOffer OfferOf(const CallPrice& price, int64_t wanted_seconds, Micros budget,
                  absl::Duration lifetime) {
  const int64_t granted = LongestUse(price, wanted_seconds, budget);
  if (granted == 0) return {.refusal = Reason::kInsufficientBalance, .detail = "granted 0"};
  return {.amount = PriceOf(price, granted),
          .final = granted < wanted_seconds,
          .lifetime = lifetime,
          .detail = absl::StrCat("granted ", granted)};
}

}  // namespace

Micros PriceOf(const CallPrice& price, int64_t seconds) {
  if (seconds == 0) return Micros();
  const int64_t billed = Blocks(price, seconds) * price.block_seconds;
  const __int128 divisor = static_cast<__int128>(kSecondsPerMinute) * kNanosPerMicro;
  const __int128 rate = static_cast<__int128>(price.nanos_per_minute) * billed;
  return Micros(price.connect_fee.value() + static_cast<int64_t>((rate + divisor - 1) / divisor));
}

int64_t LongestUse(const CallPrice& price, int64_t wanted, Micros money) {
  int64_t most = Blocks(price, wanted);
  int64_t blocks = 0;
  while (blocks < most) {
    const int64_t middle = blocks + (most - blocks + 1) / 2;
    const Micros cost = PriceOf(price, middle * price.block_seconds);
    if (cost.is_zero() || cost <= money) {
      blocks = middle;
    } else {
      most = middle - 1;
    }
  }
  return std::min(wanted, blocks * price.block_seconds);
}

int64_t GrantedSeconds(absl::string_view detail) {
  constexpr absl::string_view kPrefix = "granted ";
  int64_t seconds = 0;
  FAREBOX_CHECK(detail.substr(0, kPrefix.size()) == kPrefix);
  FAREBOX_CHECK(absl::SimpleAtoi(detail.substr(kPrefix.size()), &seconds));
  return seconds;
}

std::string NewRequestId() {
  static std::atomic<int64_t> last{0};
  return absl::StrCat("request-", ++last);
}

std::string TimedRequestId(absl::Time time, uint64_t number) {
  const uint64_t millis = static_cast<uint64_t>(absl::ToUnixMillis(time));
  return absl::StrFormat("%08x-%04x-7000-8000-%012x", millis >> 16, millis & 0xffff, number);
}

Command ToOpen(absl::string_view account, const AccountTerms& terms, absl::string_view settings,
               absl::string_view request_id) {
  return MakeCommand(account, request_id, absl::StrCat("open ", TermsText(terms), settings),
                     OpenAccount{.terms = terms, .settings = std::string(settings)});
}

Command ToChange(absl::string_view account, const AccountTerms& terms, absl::string_view settings,
                 absl::string_view request_id) {
  const auto change = [terms, settings = std::string(settings)](AccountRecord* record) {
    record->terms = terms;
    if (!settings.empty()) record->settings = settings;
    return absl::OkStatus();
  };
  return MakeCommand(account, request_id, absl::StrCat("change ", TermsText(terms), settings),
                     ChangeAccount{.change = change});
}

Command ToDebit(absl::string_view account, Micros amount, absl::string_view request_id) {
  return MakeCommand(account, request_id, absl::StrCat("debit ", amount.value()),
                     Debit{.item = 1, .charge = ChargeOf(amount)});
}

Command ToTakeBack(absl::string_view account, Micros amount, absl::string_view request_id) {
  return MakeCommand(account, request_id, absl::StrCat("take back ", amount.value()),
                     Debit{.item = 4, .charge = ChargeOf(amount), .has_left = true});
}

Command ToCredit(absl::string_view account, Micros amount, absl::string_view request_id) {
  return MakeCommand(account, request_id, absl::StrCat("credit ", amount.value()),
                     Credit{.item = 2, .amount = amount, .detail = "credit"});
}

Command ToRefund(absl::string_view account, EntryId debit, Micros amount,
                 absl::string_view request_id) {
  return MakeCommand(account, request_id, absl::StrCat("refund ", debit, " ", amount.value()),
                     Credit{.item = 3, .amount = amount, .refunds = debit, .detail = "refund"});
}

Command ToHold(absl::string_view account, Micros amount, absl::Duration lifetime,
               absl::string_view request_id) {
  const auto size = [amount, lifetime](Micros available) -> HoldOffer {
    if (amount.is_positive() && amount > available) {
      return {.refusal = Reason::kInsufficientBalance, .detail = "too little"};
    }
    return {.amount = amount, .lifetime = lifetime, .detail = "hold"};
  };
  return MakeCommand(account, request_id, absl::StrCat("hold ", amount.value()),
                     PlaceHold{.item = 4, .size = size});
}

Command ToExtend(absl::string_view account, EntryId hold, Micros total, absl::Duration lifetime,
                 absl::string_view request_id) {
  const auto resize = [total, lifetime](Micros budget, const Hold&) -> HoldOffer {
    if (total > budget) return {.refusal = Reason::kInsufficientBalance, .detail = "too little"};
    return {.amount = total, .lifetime = lifetime, .detail = "longer"};
  };
  return MakeCommand(account, request_id, absl::StrCat("extend ", hold, " ", total.value()),
                     ExtendHold{.hold = hold, .resize = resize});
}

Command ToCharge(absl::string_view account, EntryId hold, Micros total,
                 absl::string_view request_id) {
  const auto price = [total](const Hold&) { return ChargeOf(total); };
  return MakeCommand(account, request_id, absl::StrCat("charge ", hold, " ", total.value()),
                     SettleHold{.hold = hold, .price = price, .final = false});
}

Command ToSettle(absl::string_view account, EntryId hold, Micros total,
                 absl::string_view request_id) {
  const auto price = [total](const Hold&) { return ChargeOf(total); };
  return MakeCommand(account, request_id, absl::StrCat("settle ", hold, " ", total.value()),
                     SettleHold{.hold = hold, .price = price, .final = true});
}

Command ToRelease(absl::string_view account, EntryId hold, Micros fee,
                  absl::string_view request_id) {
  const auto price = [fee](const Hold&) { return ChargeOf(fee); };
  return MakeCommand(account, request_id, absl::StrCat("release ", hold, " ", fee.value()),
                     ReleaseHold{.hold = hold, .price = price});
}

Command ToCall(absl::string_view account, const CallPrice& price, int64_t wanted_seconds,
               absl::Duration lifetime, absl::string_view request_id) {
  const auto size = [price, wanted_seconds, lifetime](Micros available) {
    return OfferOf(price, wanted_seconds, available, lifetime);
  };
  return MakeCommand(account, request_id, absl::StrCat("call ", wanted_seconds),
                     PlaceHold{.item = 5, .size = size});
}

Command ToReauthorize(absl::string_view account, EntryId hold, const CallPrice& price,
                      int64_t more_seconds, absl::Duration lifetime) {
  const auto resize = [price, more_seconds, lifetime](Micros budget, const Hold& current) {
    return OfferOf(price, GrantedSeconds(current.detail) + more_seconds, budget, lifetime);
  };
  return MakeCommand(account, "", absl::StrCat("reauthorize ", hold, " ", more_seconds),
                     ExtendHold{.hold = hold, .resize = resize});
}

Command ToReportUse(absl::string_view account, EntryId hold, const CallPrice& price,
                    int64_t used_seconds) {
  return ToCharge(account, hold, PriceOf(price, used_seconds));
}

Command ToHangUp(absl::string_view account, EntryId hold, const CallPrice& price,
                 int64_t used_seconds, absl::string_view request_id) {
  return ToSettle(account, hold, PriceOf(price, used_seconds), request_id);
}

Command ToGiveUp(absl::string_view account, EntryId hold, const CallPrice& price) {
  return ToRelease(account, hold, price.attempt_fee);
}

}  // namespace farebox
