#ifndef FAREBOX_SERVER_METRICS_OUTCOME_METRICS_H_
#define FAREBOX_SERVER_METRICS_OUTCOME_METRICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "farebox/stored/v1/recharge.pb.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/registry.h"
#include "server/mail/mail_sender.h"

// What has become of charges and of mails since the start. Thread-safe; the registry outlives them.
namespace farebox::server {

// One series of a counter, as others than Prometheus show it.
struct OutcomeCount {
  std::string outcome;
  int64_t count = 0;
};

//   farebox_recharge_attempts_total{kind,state}   counter   by each state that they have reached
class RechargeMetrics {
 public:
  explicit RechargeMetrics(prometheus::Registry* registry);

  // The attempt has reached its state.
  void Count(const stored::v1::RechargeAttempt& attempt);

  // By state, of all kinds.
  std::vector<OutcomeCount> Counts() const;

 private:
  prometheus::Family<prometheus::Counter>* const attempts_;
};

//   farebox_mail_tries_total{outcome}   counter   sent, delayed, settings_wrong, given_up
class MailMetrics {
 public:
  explicit MailMetrics(prometheus::Registry* registry);

  // A mail was tried, or given up without a try.
  void Count(mail::MailSender::Outcome outcome, bool is_given_up);

  std::vector<OutcomeCount> Counts() const;

 private:
  prometheus::Family<prometheus::Counter>* const tries_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_METRICS_OUTCOME_METRICS_H_
