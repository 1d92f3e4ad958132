#include "server/web/operations_routes.h"

#include <httplib.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "prometheus/metric_family.h"
#include "prometheus/text_serializer.h"
#include "server/limits.h"
#include "server/security/access_rules.h"

namespace farebox::server {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

void Answer(int status, const char* text, httplib::Response* response) {
  response->status = status;
  response->set_content(text, "text/plain");
}

// 200 where the caller may read the figures.
int CheckMayRead(const AccessControl& access, const httplib::Request& request) {
  static const AccessRule kRule = AccessRule::Of("farebox.v1.OperationsService/GetStatus");
  const absl::StatusOr<CallerPtr> caller =
      access.IdentifyHeader(request.get_header_value("Authorization"));
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

}  // namespace

void AddOperationsRoutes(const OperationsRoutesParts& parts, httplib::Server* routes) {
  routes->Get("/metrics", [parts](const httplib::Request& request, httplib::Response& response) {
    const int status = CheckMayRead(*parts.access, request);
    if (status == 401) response.set_header("WWW-Authenticate", "Bearer");
    if (status != 200) return Answer(status, "a key of role metrics is needed\n", &response);
    response.set_content(MetricsText(parts), kMetricsType);
  });
  routes->Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
    Answer(200, "alive\n", &response);
  });
  routes->Get("/readyz", [parts](const httplib::Request&, httplib::Response& response) {
    const bool is_closing = parts.is_closing->load();
    const bool is_locked = parts.ledger->Stats().is_locked;
    const bool is_slow = parts.is_disk_slow->load();
    Answer(is_closing || is_slow || is_locked ? 503 : 200,
           is_closing  ? "shutting down\n"
           : is_locked ? "another program locks the journal\n"
           : is_slow   ? "the disk is slow\n"
                       : "ready\n",
           &response);
  });
}

}  // namespace farebox::server
