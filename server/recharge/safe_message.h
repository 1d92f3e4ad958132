#ifndef FAREBOX_SERVER_RECHARGE_SAFE_MESSAGE_H_
#define FAREBOX_SERVER_RECHARGE_SAFE_MESSAGE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace farebox::server {

// Words of a provider's that may be stored, logged and shown: without its secrets (keys, webhook
// secrets, the client secrets of payments), without runs of digits that could be a card's number,
// printable, and 256 bytes at most.
std::string SafeMessage(absl::string_view text);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_SAFE_MESSAGE_H_
