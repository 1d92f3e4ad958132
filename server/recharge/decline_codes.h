#ifndef FAREBOX_SERVER_RECHARGE_DECLINE_CODES_H_
#define FAREBOX_SERVER_RECHARGE_DECLINE_CODES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace farebox::server {

// Whether the same card may pay another time.
enum class DeclineKind {
  // It may: no money just now, a bank that does not say why, a failure on the way.
  kSoft,
  // It will not: stolen, lost, expired, closed, or the bank asks not to be asked again. Asking
  // again
  // costs fees and trust at the card networks.
  kHard,
};

// What a decline means, in words for the customer. They never say that a card was reported lost or
// stolen, or that fraud is suspected: the provider asks merchants not to tell, since whoever reads
// it may not be the card's owner.
struct Decline {
  absl::string_view code;
  DeclineKind kind = DeclineKind::kSoft;
  // A sentence: "The card has expired."
  absl::string_view reason;
  // What to do, a sentence or two.
  absl::string_view advice;
};

// Of a CardCharge. A code that is not known (new ones come) is like a bank's that gives no reason.
// The provider's advice goes before the code: "do_not_try_again" and "confirm_card_data" are hard.
Decline DescribeDecline(absl::string_view decline_code, absl::string_view advice_code);

// All codes that are known.
absl::Span<const Decline> KnownDeclines();

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_DECLINE_CODES_H_
