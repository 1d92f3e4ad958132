#include "server/metrics/outcome_metrics.h"

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "prometheus/metric_family.h"

namespace farebox::server {
namespace {

prometheus::Family<prometheus::Counter>* AddCounter(prometheus::Registry* registry,
                                                    const char* name, const char* help) {
  return &prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
}

// "RECHARGE_STATE_CREDITED" -> "credited".
std::string Word(absl::string_view name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

// The sums over all series with the same value of `label`.
std::vector<OutcomeCount> CountsBy(const char* label,
                                   const prometheus::Family<prometheus::Counter>& family) {
  std::map<std::string, int64_t> sums;
  for (const prometheus::MetricFamily& collected : family.Collect()) {
    for (const prometheus::ClientMetric& metric : collected.metric) {
      for (const prometheus::ClientMetric::Label& found : metric.label) {
        if (found.name == label) sums[found.value] += static_cast<int64_t>(metric.counter.value);
      }
    }
  }
  std::vector<OutcomeCount> counts;
  for (const auto& [outcome, count] : sums) counts.push_back({.outcome = outcome, .count = count});
  return counts;
}

}  // namespace

RechargeMetrics::RechargeMetrics(prometheus::Registry* registry)
    : attempts_(AddCounter(registry, "farebox_recharge_attempts_total",
                           "Attempts to charge a card, by each state that they have reached")) {}

void RechargeMetrics::Count(const stored::v1::RechargeAttempt& attempt) {
  attempts_
      ->Add({{"kind", Word(v1::RechargeKind_Name(attempt.kind()), "RECHARGE_KIND_")},
             {"state", Word(v1::RechargeState_Name(attempt.state()), "RECHARGE_STATE_")}})
      .Increment();
}

std::vector<OutcomeCount> RechargeMetrics::Counts() const { return CountsBy("state", *attempts_); }

MailMetrics::MailMetrics(prometheus::Registry* registry)
    : tries_(AddCounter(registry, "farebox_mail_tries_total",
                        "Mails that were tried or given up, by what came of it")) {}

void MailMetrics::Count(mail::MailSender::Outcome outcome, bool is_given_up) {
  using Outcome = mail::MailSender::Outcome;
  const char* word = "delayed";
  if (outcome == Outcome::kSent) word = "sent";
  if (outcome == Outcome::kMisconfigured) word = "settings_wrong";
  if (is_given_up) word = "given_up";
  tries_->Add({{"outcome", word}}).Increment();
}

std::vector<OutcomeCount> MailMetrics::Counts() const { return CountsBy("outcome", *tries_); }

}  // namespace farebox::server
