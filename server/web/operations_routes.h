#ifndef FAREBOX_SERVER_WEB_OPERATIONS_ROUTES_H_
#define FAREBOX_SERVER_WEB_OPERATIONS_ROUTES_H_

#include <atomic>
#include <memory>

#include "prometheus/collectable.h"
#include "prometheus/registry.h"
#include "server/security/access_control.h"
#include "server/web/router.h"
#include "storage/ledger.h"

namespace farebox::server {

// All outlive the routes.
struct OperationsRoutesParts {
  const Ledger* ledger = nullptr;
  const AccessControl* access = nullptr;
  // What is counted, and what is looked at when it is asked for.
  std::shared_ptr<prometheus::Registry> counted;
  std::shared_ptr<prometheus::Collectable> seen;
  const std::atomic<bool>* is_closing = nullptr;
};

// For those who watch the server:
//
//   GET /metrics   Prometheus' text; where callers are asked who they are, for the roles that may
//                  call GetStatus: 401 or 403 for others
//   GET /healthz   200 while the process is alive and its ledger moves; 503: start it again
//   GET /readyz    200 while calls are taken; 503: send them elsewhere
void AddOperationsRoutes(const OperationsRoutesParts& parts, web::Router* routes);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_WEB_OPERATIONS_ROUTES_H_
