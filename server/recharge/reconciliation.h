#ifndef FAREBOX_SERVER_RECHARGE_RECONCILIATION_H_
#define FAREBOX_SERVER_RECHARGE_RECONCILIATION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/recharge/limits.h"
#include "server/recharge/payment_gateway.h"
#include "server/recharge/recharge_records.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/journal.h"
#include "storage/micros.h"

namespace farebox::server {

// Something that the provider's books and ours do not agree on.
struct RechargeDifference {
  enum class Kind {
    // Money was taken and no account has it.
    kChargedNotCredited,
    // An account has money that was not taken.
    kCreditedNotCharged,
    // Both, and not the same amount.
    kAmountsDiffer,
    // The provider took the money of one attempt more than once; of each payment but the attempt's.
    kChargedTwice,
  };
  Kind kind = Kind::kChargedNotCredited;
  std::string recharge_id;
  // By the provider's books where we know of no such attempt: may be empty, or no account of ours.
  std::string account_id;
  std::string payment_id;
  Micros charged;
  Micros credited;
};

struct ReconciliationReport {
  // What was compared.
  int64_t charges = 0;
  int64_t credits = 0;
  // Charged, and about to be credited: no difference yet. One that has waited for an hour is.
  int64_t under_way = 0;
  std::vector<RechargeDifference> differences;
};

// Compares the provider's books with the ledger's entries, charge by charge. Reads only.
// Thread-safe; takes as long as the provider takes to list its charges.
class Reconciliation {
 public:
  // All outlive it.
  struct Parts {
    Journal* journal = nullptr;
    DocumentStore* documents = nullptr;
    PaymentGateway* gateway = nullptr;
    const Clock* clock = nullptr;
    // More recharges than this are not compared.
    size_t credits_max = limits::kPaymentsListedMax;
  };
  explicit Reconciliation(const Parts& parts) : parts_(parts), records_(parts.documents) {}

  // All attempts that were decided on in [from, to), and all charges of that time and the day after
  // it, for which some of them may have waited. Charges of the day before are looked at only to
  // find those of the attempts: the provider's clock is another, and counts whole seconds.
  // Cancelled once `should_continue` says no; it is asked before every page, of theirs or ours, and
  // for every charge. Unavailable where there are more than can be compared.
  absl::StatusOr<ReconciliationReport> Compare(absl::Time from, absl::Time to,
                                               PaymentGateway::ShouldContinue should_continue);

 private:
  // By attempt id.
  using Charges = std::map<std::string, std::vector<CardCharge>>;

  absl::StatusOr<Charges> ListCharges(absl::Time from, absl::Time to,
                                      PaymentGateway::ShouldContinue should_continue);
  // Whether the provider has it, at whatever time: a restored ledger may have found the charge of
  // an attempt that it made again.
  bool IsCharged(const stored::v1::RechargeAttempt& attempt) const;
  // Those of the time itself.
  absl::Status CheckCharges(const Charges& charges, absl::Time from,
                            PaymentGateway::ShouldContinue should_continue, JournalReader* journal,
                            ReconciliationReport* report);
  // All charges that carry one attempt's name.
  absl::Status CheckAttempt(const std::string& attempt_id, const std::vector<CardCharge>& charges,
                            JournalReader* journal, ReconciliationReport* report);
  // The one that is the attempt's; null where we know of no such attempt.
  absl::Status CheckCharge(const std::string& attempt_id, const CardCharge& charge,
                           const stored::v1::RechargeAttempt* attempt, JournalReader* journal,
                           ReconciliationReport* report);
  bool IsUnderWay(const stored::v1::RechargeAttempt& attempt) const;
  absl::StatusOr<std::vector<stored::v1::RechargeAttempt>> ListCredited(
      absl::Time from, absl::Time to, PaymentGateway::ShouldContinue should_continue);

  const Parts parts_;
  RechargeRecords records_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_RECONCILIATION_H_
