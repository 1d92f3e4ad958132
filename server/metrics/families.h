#ifndef FAREBOX_SERVER_METRICS_FAMILIES_H_
#define FAREBOX_SERVER_METRICS_FAMILIES_H_

#include <string>
#include <utility>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/metric_family.h"
#include "prometheus/metric_type.h"

// How figures that are looked up when they are asked for become families of Prometheus' own.
namespace farebox::server {

// A family whose series differ in one label. Thread-compatible.
class LabelledFamily {
 public:
  LabelledFamily(const char* name, const char* help, prometheus::MetricType type, std::string label)
      : family_{.name = name, .help = help, .type = type}, label_(std::move(label)) {}

  void Add(std::string label_value, double value) {
    prometheus::ClientMetric& metric = family_.metric.emplace_back();
    metric.label = {{.name = label_, .value = std::move(label_value)}};
    (family_.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) =
        value;
  }

  prometheus::MetricFamily Take() && { return std::move(family_); }

 private:
  prometheus::MetricFamily family_;
  const std::string label_;
};

// Families of one series without labels.
inline prometheus::MetricFamily Gauge(const char* name, const char* help, double value) {
  prometheus::ClientMetric metric;
  metric.gauge.value = value;
  return {.name = name,
          .help = help,
          .type = prometheus::MetricType::Gauge,
          .metric = {std::move(metric)}};
}
inline prometheus::MetricFamily Counter(const char* name, const char* help, double value) {
  prometheus::ClientMetric metric;
  metric.counter.value = value;
  return {.name = name,
          .help = help,
          .type = prometheus::MetricType::Counter,
          .metric = {std::move(metric)}};
}

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_METRICS_FAMILIES_H_
