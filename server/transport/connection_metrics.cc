#include "server/transport/connection_metrics.h"

namespace farebox::server {
namespace {

prometheus::Family<prometheus::Counter>* NewFamily(prometheus::Registry* registry, const char* name,
                                                   const char* help) {
  return &prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
}

}  // namespace

ConnectionMetrics::ConnectionMetrics(prometheus::Registry* registry)
    : open_(&prometheus::BuildGauge()
                 .Name("farebox_connections")
                 .Help("Open gRPC connections")
                 .Register(*registry)
                 .Add({})),
      accepted_(
          &NewFamily(registry, "farebox_connections_accepted_total", "Connections that were taken")
               ->Add({})),
      refused_(NewFamily(registry, "farebox_connections_refused_total",
                         "Connections that were closed at once, by reason")),
      total_(&refused_->Add({{"reason", "total"}})),
      host_(&refused_->Add({{"reason", "host"}})),
      resting_(&refused_->Add({{"reason", "resting"}})),
      descriptors_(&refused_->Add({{"reason", "descriptors"}})),
      cut_(NewFamily(registry, "farebox_connections_cut_total",
                     "Connections that were cut for a flood, by what came in floods")),
      bytes_(&cut_->Add({{"reason", "bytes"}})),
      resets_(&cut_->Add({{"reason", "resets"}})),
      ended_(NewFamily(registry, "farebox_connections_ended_total",
                       "Connections that ended without being cut, by who ended them")),
      by_server_(&ended_->Add({{"by", "server"}})),
      by_peer_(&ended_->Add({{"by", "peer"}})),
      unused_(&NewFamily(registry, "farebox_connections_unused_total",
                         "Connections that ended without a call")
                   ->Add({})) {}

void ConnectionMetrics::Refused(Admission::Refusal reason) {
  switch (reason) {
    case Admission::Refusal::kTotal:
      return total_->Increment();
    case Admission::Refusal::kHost:
      return host_->Increment();
    case Admission::Refusal::kResting:
      return resting_->Increment();
  }
}

void ConnectionMetrics::Cut(Conduct::Offence offence) {
  (offence == Conduct::Offence::kResets ? resets_ : bytes_)->Increment();
}

void ConnectionMetrics::Ended(bool by_server, bool was_used) {
  (by_server ? by_server_ : by_peer_)->Increment();
  if (!was_used) unused_->Increment();
}

}  // namespace farebox::server
