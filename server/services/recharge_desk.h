#ifndef FAREBOX_SERVER_SERVICES_RECHARGE_DESK_H_
#define FAREBOX_SERVER_SERVICES_RECHARGE_DESK_H_

#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "farebox/v1/recharge.pb.h"
#include "server/base/lanes.h"
#include "server/recharge/payment_gateway.h"
#include "server/recharge/recharge_mails.h"
#include "server/recharge/recharge_records.h"
#include "server/recharge/recharge_settings.h"
#include "server/recharge/recharge_worker.h"
#include "server/recharge/recharger.h"
#include "server/recharge/reconciliation.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/journal.h"
#include "storage/ledger.h"

namespace farebox::server {

// What customers and support staff may ask of recharges: the RPCs of RechargeService, whose proto
// says what each does. The requests have been checked for form. Calls wait for the disk and, where
// cards are concerned, for the provider. Thread-safe.
class RechargeDesk {
 public:
  // All outlive it.
  struct Parts {
    Ledger* ledger = nullptr;
    Journal* journal = nullptr;
    DocumentStore* documents = nullptr;
    PaymentGateway* gateway = nullptr;
    Recharger* recharger = nullptr;
    RechargeWorker* worker = nullptr;
    Reconciliation* reconciliation = nullptr;
    const RechargeMails* mails = nullptr;
    const RechargeLimitTable* limits = nullptr;
    const Clock* clock = nullptr;
    // For what nobody waits for.
    Lanes* lanes = nullptr;
    // As for the recharger; required.
    std::function<bool()> is_held;
  };
  explicit RechargeDesk(const Parts& parts) : parts_(parts), records_(parts.documents) {
    FAREBOX_CHECK(parts_.is_held != nullptr);
  }

  // Only where the account is not worked on: see RechargeWorker::Run.
  absl::Status Pay(const v1::PayRequest& request, v1::PayResponse* response);

  absl::Status GetAutoRecharge(const v1::GetAutoRechargeRequest& request,
                               v1::GetAutoRechargeResponse* response);
  absl::Status UpdateAutoRecharge(const v1::UpdateAutoRechargeRequest& request,
                                  v1::UpdateAutoRechargeResponse* response);
  absl::Status RetryRecharge(const v1::RetryRechargeRequest& request,
                             v1::RetryRechargeResponse* response);
  absl::Status StartCardSetup(const v1::StartCardSetupRequest& request,
                              v1::StartCardSetupResponse* response);
  absl::Status CompleteCardSetup(const v1::CompleteCardSetupRequest& request,
                                 v1::CompleteCardSetupResponse* response);
  absl::Status GetCard(const v1::GetCardRequest& request, v1::GetCardResponse* response);
  absl::Status DeleteCard(const v1::DeleteCardRequest& request, v1::DeleteCardResponse* response);
  absl::Status ListRecharges(const v1::ListRechargesRequest& request,
                             v1::ListRechargesResponse* response);
  // Takes minutes where the provider has much to list. Cancelled once `should_continue` says no.
  absl::Status ReconcileRecharges(const v1::ReconcileRechargesRequest& request,
                                  v1::ReconcileRechargesResponse* response,
                                  PaymentGateway::ShouldContinue should_continue);

 private:
  // Changes the account's profile, anew where somebody else was first, and has the worker look.
  using ChangeProfile = absl::FunctionRef<absl::Status(stored::v1::PaymentProfile* profile)>;
  absl::StatusOr<stored::v1::PaymentProfile> Change(const AccountFacts& account,
                                                    ChangeProfile change);
  // The same, together with the documents that the change returns.
  using ChangeRecord = absl::FunctionRef<absl::StatusOr<DocumentGroup>(ProfileRecord* record)>;
  absl::StatusOr<stored::v1::PaymentProfile> ChangeWith(const AccountFacts& account,
                                                        ChangeRecord change);
  // The settings as they are shown, with what holds them up.
  v1::AutoRecharge Show(const AccountFacts& account,
                        const stored::v1::PaymentProfile& profile) const;
  // Has the provider forget a card that was taken off the file, soon.
  void Forget(const AccountFacts& account, const stored::v1::PaymentCard& card);

  const Parts parts_;
  RechargeRecords records_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_RECHARGE_DESK_H_
