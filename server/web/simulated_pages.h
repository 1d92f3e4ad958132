#ifndef FAREBOX_SERVER_WEB_SIMULATED_PAGES_H_
#define FAREBOX_SERVER_WEB_SIMULATED_PAGES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "server/recharge/provider_events.h"
#include "server/recharge/simulated_gateway.h"
#include "server/web/origin_rules.h"
#include "server/web/router.h"
#include "storage/clock.h"

namespace farebox::web {

// Below this the simulated provider has its pages.
inline constexpr absl::string_view kSimulatedPages = "/simulated";

struct SimulatedPagesParts {
  const OriginRules* origins = nullptr;
  server::SimulatedGateway* gateway = nullptr;
  // Told what a customer has answered, as by a webhook that is signed with this secret.
  server::ProviderEvents* events = nullptr;
  std::string webhook_secret;
  const Clock* clock = nullptr;
};

// What a real provider shows to a customer: the page that takes a card (here: one of the test
// cards, never a number), and the bank's page that asks whether to pay. All of `parts` outlives
// the routes.
void AddSimulatedPages(const SimulatedPagesParts& parts, Router* routes);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_SIMULATED_PAGES_H_
