#ifndef FAREBOX_SERVER_METRICS_WORK_IN_HAND_H_
#define FAREBOX_SERVER_METRICS_WORK_IN_HAND_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "prometheus/collectable.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/journal.h"
#include "storage/ledger.h"

namespace farebox::server {

// What is on disk to be done: charges that have not ended, mails that have not gone out. Thread-
// safe; waits for a disk.
//
//   farebox_recharge_attempts_open                 gauge
//   farebox_recharge_attempt_open_seconds_max      gauge   the age of the oldest; 0 where none is
//   farebox_mails_waiting                          gauge
//   farebox_mail_waiting_seconds_max               gauge   the age of the oldest; 0 where none is
//
// Of each it looks at limits::kWorkCountedMax at most, those that are due first. Where the disk
// does not answer there are no figures.
class WorkInHand : public prometheus::Collectable {
 public:
  // All outlive it.
  WorkInHand(Ledger* ledger, Journal* journal, const Clock* clock)
      : documents_(ledger, journal), clock_(clock) {}

  struct Pile {
    int64_t count = 0;
    absl::Duration oldest;
  };
  struct Figures {
    Pile attempts;
    Pile mails;
  };
  absl::StatusOr<Figures> Look() const;

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  absl::StatusOr<Pile> LookAtAttempts(absl::Time now) const;
  absl::StatusOr<Pile> LookAtMails(absl::Time now) const;

  mutable DocumentStore documents_;  // Synchronises itself.
  const Clock* const clock_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_METRICS_WORK_IN_HAND_H_
