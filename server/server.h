#ifndef FAREBOX_SERVER_SERVER_H_
#define FAREBOX_SERVER_SERVER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/server.h"
#include "server/access.h"
#include "server/config.h"
#include "server/deck_registry.h"
#include "server/mailing.h"
#include "server/metrics/commit_metrics.h"
#include "server/metrics/server_metrics.h"
#include "server/payments.h"
#include "server/reader_pool.h"
#include "server/rentals.h"
#include "server/rpc_metrics.h"
#include "server/services/account_service.h"
#include "server/services/billing_service.h"
#include "server/services/open_streams.h"
#include "server/services/operations_service.h"
#include "server/services/rate_service.h"
#include "server/services/watch_hub.h"
#include "server/web/connect_service.h"
#include "server/web/http_listener.h"
#include "server/web/origin_rules.h"
#include "server/web/session_routes.h"
#include "storage/clock.h"
#include "storage/journal.h"
#include "storage/ledger.h"
#include "storage/mutex.h"

namespace farebox::server {

// A whole running server: files, ledger, decks, threads and services, built in this order and
// taken down in the other. Thread-safe.
class Server {
 public:
  // Opens the files, replays, and listens. `on_failure` is called once, on the ledger's writer
  // thread, when the journal can no longer be trusted: the process should end with AbandonCalls()
  // and kExitSoftware. The clock outlives the server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const Config& config, const Clock* clock,
      std::function<void(const absl::Status&)> on_failure);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The port that was bound; 0 for a Unix socket.
  int port() const { return port_; }

  // The same for HTTP; 0 where nobody is served.
  int http_port() const { return http_ == nullptr ? 0 : http_->port(); }

  // For tests that move the clock by hand.
  Ledger& ledger() { return *ledger_; }
  // For clients in the same process.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // Ends in good order: health says NOT_SERVING, streams are told to go, running calls are
  // answered, what is queued becomes durable. Idempotent.
  void Drain();

  // Lets the answers that say that the journal failed go out, and no more: nothing is written, and
  // whoever calls now is told SHUTTING_DOWN.
  void AbandonCalls();

 private:
  Server(const Config& config, const Clock* clock) : config_(config), clock_(clock) {}

  absl::Status OpenTls();
  absl::Status OpenLedger(std::function<void(const absl::Status&)> on_failure);
  absl::Status BindHttp();
  absl::Status MakeServices();
  // Where browsers reach it; empty: they do not.
  std::string HttpUrl() const;
  void AddRoutes();
  absl::Status MakePayments(const RpcEnvironment& environment);
  absl::Status Listen();
  void ServeHttp();

  // Constant after construction.
  const Config config_;
  const Clock* const clock_;
  int port_ = 0;

  // Synchronise themselves. In this order: what is below uses what is above.
  RpcMetrics metrics_;
  CommitMetrics commit_metrics_{metrics_.registry().get()};
  std::atomic<bool> is_closing_{false};
  DeckRegistry decks_;
  OpenStreams streams_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<ReaderPool> readers_;
  std::unique_ptr<WatchHub> watchers_;
  std::unique_ptr<TlsFiles> tls_;  // Null where there is no TLS.
  // gRPC's core asks it at each handshake, and gRPC itself lets go of it once it listens.
  std::shared_ptr<grpc::ServerCredentials> credentials_;
  std::unique_ptr<Access> access_;
  std::unique_ptr<BillingService> billing_;
  std::unique_ptr<AccountService> accounts_;
  std::unique_ptr<RateService> rates_;
  std::unique_ptr<OperationsService> operations_;
  std::unique_ptr<Mailing> mailing_;
  std::unique_ptr<Rentals> rentals_;
  std::unique_ptr<Payments> payments_;       // Null where nobody charges cards.
  std::unique_ptr<web::HttpListener> http_;  // Null where nobody is served by HTTP.
  std::unique_ptr<grpc::Server> grpc_server_;
  std::unique_ptr<web::OriginRules> origins_;
  // Null where nobody is served by HTTP.
  std::unique_ptr<web::ConnectService> connect_;
  std::unique_ptr<web::SessionRoutes> sessions_;

  Mutex drain_mu_;  // Held by the one that drains.
  bool is_drained_ ABSL_GUARDED_BY(drain_mu_) = false;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVER_H_
