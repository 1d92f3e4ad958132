#include "server/web/payment_routes.h"

#include <httplib.h>

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

void AddWebhookRoute(ProviderEvents* events, httplib::Server* routes) {
  routes->Post("/webhooks/payments",
               [events](const httplib::Request& request, httplib::Response& response) {
                 const absl::Status heard =
                     events->Hear(request.body, request.get_header_value("Stripe-Signature"));
                 response.status = HttpStatusOf(heard);
                 // The caller learns no more: it may be anybody.
                 response.set_content(heard.ok() ? "heard\n" : "refused\n", "text/plain");
                 if (heard.ok()) return;
                 Log(LogLevel::kWarning, "webhook_refused",
                     {{"peer", request.remote_addr}, {"error", heard.message()}});
               });
}

}  // namespace farebox::server
