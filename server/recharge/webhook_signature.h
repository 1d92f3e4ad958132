#ifndef FAREBOX_SERVER_RECHARGE_WEBHOOK_SIGNATURE_H_
#define FAREBOX_SERVER_RECHARGE_WEBHOOK_SIGNATURE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace farebox::server {

// Whether `header` ("t=1700000000,v1=5257a8...") signs `body`: HMAC-SHA256 of "<t>.<body>" under
// `secret`. Several v1 may be there while a secret is being replaced; one that fits is enough.
// Unauthenticated, without saying how close it was.
absl::Status CheckWebhookSignature(absl::string_view body, absl::string_view header,
                                   absl::string_view secret, absl::Time now);

// The header for a body that is sent at `now`.
std::string SignWebhook(absl::string_view body, absl::string_view secret, absl::Time now);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_WEBHOOK_SIGNATURE_H_
