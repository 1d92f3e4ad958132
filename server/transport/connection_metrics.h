#ifndef FAREBOX_SERVER_TRANSPORT_CONNECTION_METRICS_H_
#define FAREBOX_SERVER_TRANSPORT_CONNECTION_METRICS_H_

#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"
#include "server/transport/admission.h"
#include "server/transport/conduct.h"

namespace farebox::server {

// What became of connections. Thread-safe.
//
//   farebox_connections                        gauge    open now
//   farebox_connections_accepted_total         counter  those that gRPC was given
//   farebox_connections_refused_total{reason}  counter  closed at once: "total" or "host" have as
//                                                       many as they may, "resting" was cut a
//                                                       moment ago, "descriptors" ran out
//   farebox_connections_cut_total{reason}      counter  for a flood: "bytes" that led to nothing,
//                                                       "resets"
//   farebox_connections_ended_total{by}        counter  "server": idle, old, silent, or what came
//                                                       was no HTTP/2; "peer"
//   farebox_connections_unused_total           counter  ended without a single call
class ConnectionMetrics {
 public:
  // The registry outlives it. Every series is there before it happens: an alert sees the first.
  explicit ConnectionMetrics(prometheus::Registry* registry);

  void Accepted() { accepted_->Increment(); }
  void Refused(Admission::Refusal reason);
  void RefusedForDescriptors() { descriptors_->Increment(); }
  void Cut(Conduct::Offence offence);
  void Ended(bool by_server, bool was_used);
  void SetOpen(size_t connections) { open_->Set(static_cast<double>(connections)); }

 private:
  using Counters = prometheus::Family<prometheus::Counter>;

  prometheus::Gauge* open_;
  prometheus::Counter* accepted_;
  Counters* refused_;
  prometheus::Counter* total_;
  prometheus::Counter* host_;
  prometheus::Counter* resting_;
  prometheus::Counter* descriptors_;
  Counters* cut_;
  prometheus::Counter* bytes_;
  prometheus::Counter* resets_;
  Counters* ended_;
  prometheus::Counter* by_server_;
  prometheus::Counter* by_peer_;
  prometheus::Counter* unused_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TRANSPORT_CONNECTION_METRICS_H_
