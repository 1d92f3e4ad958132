#include "server/web/payment_routes.h"

#include <string>

#include "absl/status/status.h"
#include "server/log.h"

namespace farebox::server {
namespace {

int HttpStatusOf(const absl::Status& status) {
  if (status.ok()) return 200;
  if (absl::IsUnauthenticated(status) || absl::IsInvalidArgument(status)) return 400;
  return 503;
}

}  // namespace

void AddWebhookRoute(ProviderEvents* events, web::Router* routes) {
  routes->AddWaiting("POST", "/webhooks/payments", [events](const web::Request& request) {
    const absl::Status heard =
        events->Hear(request.body, std::string(request.Header("stripe-signature")));
    if (!heard.ok()) {
      Log(LogLevel::kWarning, "webhook_refused",
          {{"peer", request.peer}, {"error", heard.message()}});
    }
    // The caller learns no more: it may be anybody.
    return web::TextResponse(HttpStatusOf(heard), heard.ok() ? "heard" : "refused");
  });
}

}  // namespace farebox::server
