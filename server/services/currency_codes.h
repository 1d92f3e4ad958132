#ifndef FAREBOX_SERVER_SERVICES_CURRENCY_CODES_H_
#define FAREBOX_SERVER_SERVICES_CURRENCY_CODES_H_

#include "absl/strings/string_view.h"

namespace farebox::server {

// Whether this is a currency that people pay in today: an active code of ISO 4217 in capital
// letters. Not so codes of funds, metals and units of account, nor XTS and XXX. An account keeps
// its currency for ever, so that a slip of the pen is refused when it is opened.
bool IsCurrencyCode(absl::string_view code);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_CURRENCY_CODES_H_
