#ifndef FAREBOX_SERVER_PAYMENTS_H_
#define FAREBOX_SERVER_PAYMENTS_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/lanes.h"
#include "server/metrics/outcome_metrics.h"
#include "server/payment_provider.h"
#include "server/recharge/outbox_mails.h"
#include "server/recharge/payment_gateway.h"
#include "server/recharge/provider_events.h"
#include "server/recharge/recharge_settings.h"
#include "server/recharge/recharge_worker.h"
#include "server/recharge/recharger.h"
#include "server/recharge/reconciliation.h"
#include "server/services/recharge_desk.h"
#include "server/services/recharge_service.h"
#include "server/services/rpc_method.h"
#include "server/web/origin_rules.h"
#include "server/web/router.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/journal.h"
#include "storage/ledger.h"
#include "storage/restored_mark.h"

namespace farebox::server {

// All of money coming in, put together: the provider, the worker that charges by itself, and the
// service that people use. Thread-safe.
class Payments {
 public:
  struct Options {
    PaymentProviderOptions provider;
    // The ledger's: where the simulated provider keeps its books.
    std::string data_directory;
    RechargeLimitTable limits;
    // Tests end the process at the points that Recharger names.
    std::function<void(absl::string_view point)> reached = [](absl::string_view) {};
    OutboxMails::Options mails;
  };
  // What it stands on. All outlive it.
  struct Parts {
    RpcEnvironment environment;
    RechargeMetrics* metrics = nullptr;
    Ledger* ledger = nullptr;
    Journal* journal = nullptr;
    const Clock* clock = nullptr;
    const RestoredMark* restored = nullptr;
    // Where browsers reach this server; empty: they do not.
    std::string http_url;
  };
  static absl::StatusOr<std::unique_ptr<Payments>> Start(const Options& options,
                                                         const Parts& parts);
  ~Payments();

  RechargeService* service() { return service_.get(); }

  // The provider's webhooks, and its pages where it is simulated. The rules outlive the routes.
  void AddRoutes(const web::OriginRules* origins, web::Router* routes);

  // Begins no more charges, and ends those that are under way; the rest is taken up at the next
  // start. Idempotent.
  void Drain();

 private:
  Payments(const Options& options, const Parts& parts);

  absl::Status MakeGateway(const Options& options);
  absl::Status StartWorking();
  // Whether what takes long is to come to an end.
  bool IsEnding() const { return is_draining_.load() || parts_.environment.is_closing->load(); }

  const RechargeLimitTable limits_;
  const std::function<void(absl::string_view)> reached_;
  const Parts parts_;

  // A server that is to be replaced drains while it answers as ever.
  std::atomic<bool> is_draining_{false};

  // In this order: what is below uses what is above.
  OutboxMails mails_;
  DocumentStore documents_;
  std::unique_ptr<PaymentGateway> gateway_;
  SimulatedGateway* simulated_ = nullptr;  // The gateway, where it is that one.
  std::string simulated_secret_;
  std::unique_ptr<Recharger> recharger_;
  std::unique_ptr<RechargeWorker> worker_;
  std::unique_ptr<ProviderEvents> events_;
  std::unique_ptr<Reconciliation> reconciliation_;
  std::unique_ptr<RechargeDesk> desk_;
  std::unique_ptr<RechargeService> service_;
  Lanes settings_;
  Lanes provider_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_PAYMENTS_H_
