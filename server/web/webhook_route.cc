#include "server/web/webhook_route.h"

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/log_turns.h"

namespace farebox::web {
namespace {

int HttpStatusOf(const absl::Status& status) {
  if (status.ok()) return 200;
  if (absl::IsUnauthenticated(status) || absl::IsInvalidArgument(status)) return 400;
  return 503;
}

}  // namespace

void AddWebhookRoute(server::ProviderEvents* events, const Clock* clock, Router* routes) {
  const auto turns =
      std::make_shared<server::LogTurns>(clock, limits::kRefusedWebhookLinesPerSecond);
  const auto hear = [events, turns](const Request& request) {
    const absl::Status heard =
        events->Hear(request.body, std::string(request.Header("stripe-signature")));
    if (int64_t left_out = 0; !heard.ok() && turns->Take(&left_out)) {
      server::Log(server::LogLevel::kWarning, "webhook_refused",
                  {{"peer", request.peer}, {"error", heard.message()}, {"left_out", left_out}});
    }
    // The caller learns no more: it may be anybody.
    return TextResponse(HttpStatusOf(heard), heard.ok() ? "heard" : "refused");
  };
  routes->AddWaiting("POST", "/webhooks/payments", hear, Router::Waiting::kForOthers);
}

}  // namespace farebox::web
