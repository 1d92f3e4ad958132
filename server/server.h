#ifndef FAREBOX_SERVER_SERVER_H_
#define FAREBOX_SERVER_SERVER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/server.h"
#include "server/access.h"
#include "server/backups.h"
#include "server/base/blocked_handlers.h"
#include "server/base/deck_registry.h"
#include "server/base/reader_pool.h"
#include "server/base/rpc_metrics.h"
#include "server/base/serving_state.h"
#include "server/base/watchdog.h"
#include "server/config.h"
#include "server/hand_over/hand_over.h"
#include "server/hand_over/passed_sockets.h"
#include "server/mailing.h"
#include "server/metrics/commit_metrics.h"
#include "server/metrics/ledger_metrics.h"
#include "server/metrics/lock_metrics.h"
#include "server/metrics/outcome_metrics.h"
#include "server/metrics/work_in_hand.h"
#include "server/payments.h"
#include "server/rentals.h"
#include "server/services/account_service.h"
#include "server/services/billing_service.h"
#include "server/services/call_gate.h"
#include "server/services/call_log.h"
#include "server/services/open_streams.h"
#include "server/services/operations_service.h"
#include "server/services/rate_service.h"
#include "server/services/server_status.h"
#include "server/services/stream_limits.h"
#include "server/services/unknown_methods.h"
#include "server/services/watch_hub.h"
#include "server/transport/acceptor.h"
#include "server/transport/connection_table.h"
#include "server/transport/listening_sockets.h"
#include "server/web/connect_service.h"
#include "server/web/http_listener.h"
#include "server/web/origin_rules.h"
#include "server/web/session_routes.h"
#include "server/web/static_files.h"
#include "storage/clock.h"
#include "storage/journal.h"
#include "storage/ledger.h"
#include "storage/mutex.h"
#include "storage/recovery.h"
#include "storage/restored_mark.h"

namespace farebox::server {

// A whole running server: files, ledger, decks, threads and services, built in this order and
// taken down in the other. Thread-safe.
class Server {
 public:
  // What there is already when it starts.
  struct StartupContext {
    // Sockets that listen; those that are not at our addresses are closed.
    std::vector<PassedSocket> sockets;
    // Who owns the ledger until it is asked to leave it. Null: nobody. Outlives the start.
    Predecessor* predecessor = nullptr;
  };

  // Opens the files, replays, and listens. `on_failure` is called once, on the ledger's writer
  // thread, when the journal can no longer be trusted: the process should end with AbandonCalls()
  // and kExitSoftware. `on_stuck_disk` is called once, on the watchdog's thread, when the disk will
  // not come back and AbandonCalls() is done: the process should end then and there, since nothing
  // can be waited for, a drain under way included. The clock outlives the server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const Config& config, const Clock* clock, std::function<void(const absl::Status&)> on_failure,
      std::function<void()> on_stuck_disk = [] {}, const StartupContext& context = {{}, nullptr});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The port that was bound; 0 for a Unix socket.
  int port() const { return acceptor_->port(); }

  // The same for HTTP; 0 where nobody is served.
  int http_port() const { return http_ == nullptr ? 0 : http_->port(); }

  // For tests that move the clock by hand.
  Ledger& ledger() { return *ledger_; }
  // For clients in the same process.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // Ends in good order: health says NOT_SERVING, streams are told to go, running calls are
  // answered, what is queued becomes durable. Idempotent.
  void Drain();

  // The same for a process that ends as soon as this returns, and leaves the ledger to a successor
  // that listens on our sockets: those who connect from now on wait for it, and nobody waits longer
  // than he must. All that was answered is on disk; what reads for long is cut off.
  void DrainForSuccessor();

  // What a successor needs of this one; stay ours.
  std::vector<PassedSocket> SocketsToPass() const { return sockets_.ToPass(); }

  // Lets the answers that say that the journal failed go out, and no more: nothing is written, and
  // whoever calls now is told SHUTTING_DOWN.
  void AbandonCalls();

 private:
  Server(const Config& config, const Clock* clock);

  absl::Status OpenTls();
  // Where calls come in, and HTTP.
  SocketShelf::Place CallsPlace() const { return {.purpose = "calls", .address = config_.listen}; }
  SocketShelf::Place HttpPlace() const;
  // Binds our address, unless its sockets were passed.
  absl::Status BindCalls();
  // Reads what can be read while another server owns the ledger, then has it end and waits for
  // that. Null where nothing could be read.
  absl::StatusOr<std::unique_ptr<Recovery>> Replace(Predecessor* predecessor);
  absl::Status OpenLedger(std::function<void(const absl::Status&)> on_failure,
                          Predecessor* predecessor);
  // On the ledger's writer thread.
  void NoteLock(bool is_locked);
  absl::Status BindHttp();
  absl::Status MakeServices();
  // Where browsers reach it; empty: they do not.
  std::string HttpUrl() const;
  ServerStatusParts StatusParts() const;
  void AddRoutes();
  absl::Status MakePayments(const RpcEnvironment& environment);
  struct ServedService {
    grpc::Service* service = nullptr;  // Null where its calls are answered UNIMPLEMENTED.
    const char* name = nullptr;
  };
  std::vector<ServedService> Services() const;
  absl::Status Listen();
  void ServeHttp();
  void StartWatchdog(std::function<void()> on_stuck_disk);

  // Constant after construction.
  const Config config_;
  const Clock* const clock_;
  const RestoredMark restored_{config_.data_directory};

  // Synchronise themselves. In this order: what is below uses what is above.
  RpcMetrics metrics_;
  CommitMetrics commit_metrics_{metrics_.registry().get()};
  LockMetrics lock_metrics_{metrics_.registry().get()};
  RechargeMetrics recharge_metrics_{metrics_.registry().get()};
  MailMetrics mail_metrics_{metrics_.registry().get()};
  CallLog call_log_{config_.call_log, clock_};
  ServingState serving_;
  BlockedHandlers handlers_;
  DeckRegistry decks_;
  OpenStreams streams_{{.streams_max = limits::kStreamsMax}};
  OpenStreams exports_{
      {.streams_max = limits::kExportsMax, .per_account_max = limits::kExportsPerAccountMax}};
  ConnectionTable connections_;
  UnknownMethods unknown_methods_{&connections_};
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Ledger> ledger_;
  std::shared_ptr<LedgerMetrics> ledger_metrics_;
  std::shared_ptr<WorkInHand> work_;
  std::unique_ptr<ReaderPool> readers_;
  std::unique_ptr<WatchHub> watchers_;
  std::unique_ptr<Backups> backups_;
  std::unique_ptr<TlsFiles> tls_;  // Null where there is no TLS.
  // gRPC's core asks it at each handshake, and gRPC itself lets go of it once it listens.
  std::shared_ptr<grpc::ServerCredentials> credentials_;
  std::unique_ptr<Access> access_;
  std::unique_ptr<CallGate> gate_;
  std::unique_ptr<BillingService> billing_;
  std::unique_ptr<AccountService> accounts_;
  std::unique_ptr<RateService> rates_;
  std::unique_ptr<OperationsService> operations_;
  std::unique_ptr<Mailing> mailing_;
  std::unique_ptr<Rentals> rentals_;
  std::unique_ptr<Payments> payments_;  // Null where nobody charges cards.
  const web::StaticFiles page_;         // The billing page.
  SocketShelf sockets_;
  std::unique_ptr<web::HttpListener> http_;  // Null where nobody is served by HTTP.
  std::optional<ListeningSockets> calls_;    // Until the acceptor has them.
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<grpc::Server> grpc_server_;
  std::unique_ptr<web::OriginRules> origins_;
  // Null where nobody is served by HTTP.
  std::unique_ptr<web::ConnectService> connect_;
  std::unique_ptr<web::SessionRoutes> sessions_;
  std::unique_ptr<Watchdog> watchdog_;

  Mutex drain_mu_;  // Held by the one that drains.
  bool is_drained_ ABSL_GUARDED_BY(drain_mu_) = false;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVER_H_
