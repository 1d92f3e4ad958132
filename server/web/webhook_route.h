#ifndef FAREBOX_SERVER_WEB_WEBHOOK_ROUTE_H_
#define FAREBOX_SERVER_WEB_WEBHOOK_ROUTE_H_

#include "server/recharge/provider_events.h"
#include "server/web/router.h"
#include "storage/clock.h"

namespace farebox::web {

// POST /webhooks/payments: what the provider tells by itself. 200: heard; 400: not the provider's,
// or not readable; 503: tell it again. What is not heard is a line in the log, at most one a
// second. `events` and `clock` outlive the routes.
void AddWebhookRoute(server::ProviderEvents* events, const Clock* clock, Router* routes);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_WEBHOOK_ROUTE_H_
