#ifndef FAREBOX_SERVER_WEB_OPERATIONS_ROUTES_H_
#define FAREBOX_SERVER_WEB_OPERATIONS_ROUTES_H_

#include <memory>
#include <vector>

#include "prometheus/collectable.h"
#include "server/base/serving_state.h"
#include "server/security/access_control.h"
#include "server/web/origin_rules.h"
#include "server/web/router.h"

namespace farebox::web {

// All outlive the routes.
struct OperationsRoutesParts {
  const server::AccessControl* access = nullptr;
  const OriginRules* origins = nullptr;
  // What is counted, and what is looked at when it is asked for, on a thread that may wait.
  std::vector<std::shared_ptr<const prometheus::Collectable>> figures;
  // What gRPC's health is told by.
  const server::ServingState* serving = nullptr;
};

// For those who watch the server:
//
//   GET /metrics   Prometheus' text; where callers are asked who they are, for the roles that may
//                  call GetStatus: 401 or 403 for others; 403 for other sites' pages, too
//   GET /healthz   200 while the process is alive; one whose disk is stuck ends by itself
//   GET /readyz    200 where grpc.health.v1.Health says SERVING; 503: send calls elsewhere
void AddOperationsRoutes(const OperationsRoutesParts& parts, Router* routes);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_OPERATIONS_ROUTES_H_
