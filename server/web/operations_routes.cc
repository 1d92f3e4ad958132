#include "server/web/operations_routes.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "prometheus/metric_family.h"
#include "prometheus/text_serializer.h"
#include "server/security/access_rules.h"

namespace farebox::web {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

// 200 where the caller may read the figures.
int CheckMayRead(const server::AccessControl& access, const Request& request) {
  static const server::AccessRule kRule =
      server::AccessRule::Of("farebox.v1.OperationsService/GetStatus");
  const absl::StatusOr<server::CallerPtr> caller = access.IdentifyByHttp(
      {.authorization = request.Header("authorization"), .certificate = request.certificate});
  if (!caller.ok()) return 401;
  return kRule.Allows(**caller) && !(*caller)->is_confined() ? 200 : 403;
}

std::string MetricsText(const OperationsRoutesParts& parts) {
  std::vector<prometheus::MetricFamily> families;
  for (const std::shared_ptr<const prometheus::Collectable>& figures : parts.figures) {
    for (prometheus::MetricFamily& family : figures->Collect()) {
      families.push_back(std::move(family));
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

Response Readiness(const OperationsRoutesParts& parts) {
  const server::ServingState::Verdict verdict = parts.serving->verdict();
  return TextResponse(verdict.is_serving ? 200 : 503, verdict.reason);
}

}  // namespace

void AddOperationsRoutes(const OperationsRoutesParts& parts, Router* routes) {
  routes->AddWaiting("GET", "/metrics", [parts](const Request& request) -> Response {
    const absl::Status allowed = parts.origins->Check(request);
    if (!allowed.ok()) return TextResponse(403, allowed.message());
    const int status = CheckMayRead(*parts.access, request);
    if (status != 200) {
      Response refused = TextResponse(status, "a key of role metrics is needed");
      if (status == 401) refused.headers.emplace_back("www-authenticate", "Bearer");
      return refused;
    }
    return {.headers = {{"content-type", kMetricsType}}, .body = MetricsText(parts)};
  });
  // On the listener's thread: whoever restarts a server that does not answer these must not find
  // them behind what waits for others.
  routes->Add("GET", "/healthz", {.handler = [](const ExchangePtr& exchange) {
                exchange->Answer(TextResponse(200, "alive"));
              }});
  routes->Add("GET", "/readyz", {.handler = [parts](const ExchangePtr& exchange) {
                exchange->Answer(Readiness(parts));
              }});
}

}  // namespace farebox::web
