#ifndef FAREBOX_SERVER_MAIL_AMOUNTS_H_
#define FAREBOX_SERVER_MAIL_AMOUNTS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "storage/micros.h"

namespace farebox::mail {

// "12.50 USD", "1250 JPY": in the decimals that ISO 4217 gives the currency, two where it is not
// known. What is finer is rounded down, so that nobody reads of more money than there is.
std::string FormatAmountRoundedDown(Micros amount, absl::string_view currency_code);

}  // namespace farebox::mail

#endif  // FAREBOX_SERVER_MAIL_AMOUNTS_H_
