#include "server/metrics/work_in_hand.h"

#include <algorithm>

#include "farebox/stored/v1/mail.pb.h"
#include "farebox/stored/v1/recharge.pb.h"
#include "server/base/document_kinds.h"
#include "server/base/limits.h"
#include "server/metrics/families.h"
#include "server/outbox/mail_states.h"
#include "storage/document.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// What is open is due within it: a customer has days to confirm a payment.
constexpr absl::Duration kAttemptDueMax = absl::Hours(24 * 365);

void Add(int64_t create_micros, absl::Time now, WorkInHand::Pile* pile) {
  ++pile->count;
  pile->oldest = std::max(pile->oldest, now - absl::FromUnixMicros(create_micros));
}

}  // namespace

absl::StatusOr<WorkInHand::Pile> WorkInHand::LookAtAttempts(absl::Time now) const {
  FAREBOX_ASSIGN_OR_RETURN(
      const std::vector<Document> due,
      documents_.ListDue(kRechargeAttempts, now + kAttemptDueMax, limits::kWorkCountedMax));
  Pile pile;
  for (const Document& document : due) {
    stored::v1::RechargeAttempt attempt;
    if (attempt.ParseFromString(document.content)) Add(attempt.create_micros(), now, &pile);
  }
  return pile;
}

absl::StatusOr<WorkInHand::Pile> WorkInHand::LookAtMails(absl::Time now) const {
  // What waits is due within its longest pause; what has gone out is due for being stripped, later.
  const absl::Time end = now + limits::kMailPauseMax + absl::Minutes(1);
  FAREBOX_ASSIGN_OR_RETURN(const std::vector<Document> due,
                           documents_.ListDue(kMails, end, limits::kWorkCountedMax));
  Pile pile;
  for (const Document& document : due) {
    stored::v1::StoredMail mail;
    if (mail.ParseFromString(document.content) && IsWaiting(mail)) {
      Add(mail.create_micros(), now, &pile);
    }
  }
  return pile;
}

absl::StatusOr<WorkInHand::Figures> WorkInHand::Look() const {
  const absl::Time now = clock_->Now();
  Figures figures;
  FAREBOX_ASSIGN_OR_RETURN(figures.attempts, LookAtAttempts(now));
  FAREBOX_ASSIGN_OR_RETURN(figures.mails, LookAtMails(now));
  return figures;
}

std::vector<prometheus::MetricFamily> WorkInHand::Collect() const {
  const absl::StatusOr<Figures> figures = Look();
  if (!figures.ok()) return {};
  return {Gauge("farebox_recharge_attempts_open", "Charges that have not ended",
                static_cast<double>(figures->attempts.count)),
          Gauge("farebox_recharge_attempt_open_seconds_max", "How long the oldest of them is open",
                absl::ToDoubleSeconds(figures->attempts.oldest)),
          Gauge("farebox_mails_waiting", "Mails that have not gone out",
                static_cast<double>(figures->mails.count)),
          Gauge("farebox_mail_waiting_seconds_max", "How long the oldest of them waits",
                absl::ToDoubleSeconds(figures->mails.oldest))};
}

}  // namespace farebox::server
