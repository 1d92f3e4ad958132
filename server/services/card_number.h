#ifndef FAREBOX_SERVER_SERVICES_CARD_NUMBER_H_
#define FAREBOX_SERVER_SERVICES_CARD_NUMBER_H_

#include "absl/strings/string_view.h"

namespace farebox::server {

// Whether somebody seems to have typed a card's number into `text`: 16 digits, or 15 that begin as
// American Express has them, with or without spaces and dashes, and with the right check digit.
// Longer and shorter ones are as likely to be phone numbers.
bool HasCardNumber(absl::string_view text);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_CARD_NUMBER_H_
