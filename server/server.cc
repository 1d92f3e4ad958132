#include "server/server.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "embedded/page_files.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/grpc_setup.h"
#include "server/hand_over/hand_over_limits.h"
#include "server/hand_over/take_over.h"
#include "server/metrics/process_metrics.h"
#include "server/metrics/server_metrics.h"
#include "server/transport/answers_together.h"
#include "server/web/operations_routes.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

std::chrono::system_clock::time_point In(absl::Duration duration) {
  return absl::ToChronoTime(SystemClock().Now() + duration);
}

void LogJournalDamage(const absl::Status& damage) {
  Log(LogLevel::kError, "journal_damaged", {{"error", std::string(damage.message())}});
}

void WarnOfReach(const std::string& address, const Config& config) {
  if (!IsExposed(address, config)) return;
  Log(LogLevel::kWarning, "listening_insecurely",
      {{"address", address},
       {"tls", config.tls.is_on() ? "yes" : "no"},
       {"callers_asked", config.access.mode == AccessMode::kKeys ? "yes" : "no"}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const Config& config, const Clock* clock, std::function<void(const absl::Status&)> on_failure,
    std::function<void()> on_stuck_disk, const StartupContext& context) {
  TakeOverLibraryLogs();
  std::unique_ptr<Server> server(new Server(config, clock));
  server->sockets_.Adopt(context.sockets, {server->CallsPlace(), server->HttpPlace()});
  FAREBOX_RETURN_IF_ERROR(server->OpenTls());
  FAREBOX_RETURN_IF_ERROR(server->OpenLedger(std::move(on_failure), context.predecessor));
  FAREBOX_RETURN_IF_ERROR(server->BindHttp());
  FAREBOX_RETURN_IF_ERROR(server->MakeServices());
  FAREBOX_RETURN_IF_ERROR(server->Listen());
  server->StartWatchdog(std::move(on_stuck_disk));
  return server;
}

Server::Server(const Config& config, const Clock* clock)
    : config_(config), clock_(clock), page_(web::PageFiles()) {}

Server::~Server() { Drain(); }

absl::Status Server::OpenTls() {
  WarnOfReach(config_.listen, config_);
  WarnOfReach(config_.http_listen, config_);
  if (!config_.tls.is_on()) return absl::OkStatus();
  AllowTls13Only();
  FAREBOX_ASSIGN_OR_RETURN(tls_, TlsFiles::Open(config_.tls, clock_));
  return absl::OkStatus();
}

SocketShelf::Place Server::HttpPlace() const {
  return {.purpose = "http", .address = config_.http_listen};
}

absl::Status Server::BindCalls() {
  const std::vector<int> passed = sockets_.Take(CallsPlace());
  FAREBOX_ASSIGN_OR_RETURN(calls_, passed.empty() ? ListeningSockets::Bind(config_.listen)
                                                  : ListeningSockets::Adopt(passed));
  for (const Descriptor& socket : calls_->descriptors()) sockets_.Keep(CallsPlace(), socket.get());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Recovery>> Server::Replace(Predecessor* predecessor) {
  const absl::Time start = clock_->Now();
  // What could end this start is to do so while there is another server.
  FAREBOX_RETURN_IF_ERROR(CheckBeforeTakeOver(config_));
  FAREBOX_RETURN_IF_ERROR(BindCalls());
  FAREBOX_RETURN_IF_ERROR(BindHttp());
  FAREBOX_ASSIGN_OR_RETURN(std::unique_ptr<Recovery> recovery, FollowLedger(config_, &decks_));
  Log(LogLevel::kInfo, "ready_to_take_over",
      {{"read_beforehand", recovery == nullptr ? "no" : "yes"},
       {"milliseconds", absl::ToInt64Milliseconds(clock_->Now() - start)}});
  FAREBOX_RETURN_IF_ERROR(predecessor->SayReady());
  FAREBOX_RETURN_IF_ERROR(predecessor->AwaitEnd(limits::kPredecessorTimeout));
  return recovery;
}

absl::Status Server::OpenLedger(std::function<void(const absl::Status&)> on_failure,
                                Predecessor* predecessor) {
  std::unique_ptr<Recovery> recovery;
  if (predecessor != nullptr) {
    FAREBOX_ASSIGN_OR_RETURN(recovery, Replace(predecessor));
  }
  // The lock goes with the predecessor's last breath, which may be a moment after its words.
  FAREBOX_ASSIGN_OR_RETURN(
      journal_, OpenJournal({.directory = config_.data_directory,
                             .request_window = config_.request_window,
                             .free_disk_bytes_min = config_.free_disk_bytes_min,
                             .clock = clock_,
                             .on_journal_damage = LogJournalDamage},
                            predecessor == nullptr ? absl::ZeroDuration() : limits::kLockTimeout));
  FAREBOX_ASSIGN_OR_RETURN(std::unique_ptr<JournalReader> reader, journal_->NewReader());
  FAREBOX_RETURN_IF_ERROR(decks_.Load(reader->catalog()));
  FAREBOX_ASSIGN_OR_RETURN(
      ledger_,
      Ledger::Open(
          {.queued_commands_max = config_.queued_commands_max,
           .request_window = config_.request_window,
           .on_failure = std::move(on_failure),
           .on_lock = [this](bool is_locked) { NoteLock(is_locked); },
           .on_commit = [this](const CommitFacts& commit) { commit_metrics_.Observe(commit); },
           .around_answers =
               [](absl::FunctionRef<void()> answer) {
                 const AnswersTogether together;
                 answer();
               }},
          journal_.get(), clock_, std::move(recovery)));
  ledger_metrics_ = std::make_shared<LedgerMetrics>(ledger_.get());
  work_ = std::make_shared<WorkInHand>(ledger_.get(), journal_.get(), clock_);
  FAREBOX_ASSIGN_OR_RETURN(readers_, ReaderPool::Start({.threads = config_.reader_threads,
                                                        .queue_max = limits::kQueuedQueriesMax},
                                                       journal_.get()));
  FAREBOX_ASSIGN_OR_RETURN(watchers_, WatchHub::Start(ledger_.get(), journal_.get()));
  FAREBOX_ASSIGN_OR_RETURN(backups_,
                           Backups::Start({.directory = config_.backup_directory,
                                           .free_disk_bytes_min = config_.free_disk_bytes_min},
                                          {.journal = journal_.get(),
                                           .clock = clock_,
                                           .metrics = metrics_.registry().get(),
                                           .data_directory = config_.data_directory}));
  return absl::OkStatus();
}

void Server::NoteLock(bool is_locked) {
  Log(is_locked ? LogLevel::kError : LogLevel::kInfo,
      is_locked ? "journal_locked" : "journal_unlocked",
      {{"data", config_.data_directory}, {"health", is_locked ? "NOT_SERVING" : "SERVING"}});
  lock_metrics_.Note(is_locked);
  serving_.SetJournalLocked(is_locked);
}

absl::Status Server::BindHttp() {
  if (config_.http_listen.empty() || http_ != nullptr) return absl::OkStatus();
  const std::vector<int> passed = sockets_.Take(HttpPlace());
  FAREBOX_ASSIGN_OR_RETURN(http_, passed.empty()
                                      ? web::HttpListener::Bind(config_.http_listen, tls_.get())
                                      : web::HttpListener::Adopt(passed.front(), tls_.get()));
  sockets_.Keep(HttpPlace(), http_->listening_socket());
  return absl::OkStatus();
}

std::string Server::HttpUrl() const {
  if (!config_.http_url.empty()) {
    return std::string(absl::StripSuffix(config_.http_url, "/"));
  }
  if (http_ == nullptr) return "";
  return absl::StrCat(tls_ == nullptr ? "http" : "https", "://localhost:", http_->port());
}

absl::Status Server::MakeServices() {
  gate_ = std::make_unique<CallGate>(CallGate::Options{.ledger = ledger_.get(),
                                                       .clock = clock_,
                                                       .account_rate = config_.account_rate,
                                                       .registry = metrics_.registry().get()});
  FAREBOX_ASSIGN_OR_RETURN(access_, Access::Start(config_.access, {.ledger = ledger_.get(),
                                                                   .journal = journal_.get(),
                                                                   .clock = clock_,
                                                                   .http_url = HttpUrl()}));
  const RpcEnvironment environment = access_->Complete({.clock = clock_,
                                                        .metrics = &metrics_,
                                                        .is_closing = serving_.is_closing(),
                                                        .call_log = &call_log_,
                                                        .connections = &connections_,
                                                        .handlers = &handlers_,
                                                        .gate = gate_.get()});
  access_->MakeService(environment);
  billing_ = std::make_unique<BillingService>(BillingService::Parts{.environment = environment,
                                                                    .ledger = ledger_.get(),
                                                                    .decks = &decks_,
                                                                    .watchers = watchers_.get(),
                                                                    .streams = &streams_});
  accounts_ = std::make_unique<AccountService>(AccountService::Parts{.environment = environment,
                                                                     .ledger = ledger_.get(),
                                                                     .decks = &decks_,
                                                                     .readers = readers_.get(),
                                                                     .exports = &exports_});
  rates_ = std::make_unique<RateService>(RateService::Parts{.environment = environment,
                                                            .ledger = ledger_.get(),
                                                            .decks = &decks_,
                                                            .readers = readers_.get()});
  operations_ =
      std::make_unique<OperationsService>(OperationsService::Parts{.environment = environment,
                                                                   .readers = readers_.get(),
                                                                   .status = StatusParts(),
                                                                   .backups = backups_.get()});
  mailing_ = std::make_unique<Mailing>(config_.mail, Mailing::Parts{.ledger = ledger_.get(),
                                                                    .journal = journal_.get(),
                                                                    .clock = clock_,
                                                                    .metrics = &mail_metrics_,
                                                                    .restored = &restored_});
  FAREBOX_ASSIGN_OR_RETURN(rentals_,
                           Rentals::Start(config_.rentals, {.environment = environment,
                                                            .ledger = ledger_.get(),
                                                            .journal = journal_.get(),
                                                            .decks = &decks_,
                                                            .stationery = &mailing_->stationery(),
                                                            .clock = clock_,
                                                            .restored = &restored_}));
  AddRoutes();
  return MakePayments(environment);
}

ServerStatusParts Server::StatusParts() const {
  return {.clock = clock_,
          .ledger = ledger_.get(),
          .journal = journal_.get(),
          .readers = readers_.get(),
          .watchers = watchers_.get(),
          .tls = tls_.get(),
          .rpcs = &metrics_,
          .commits = &commit_metrics_,
          .totals = ledger_metrics_.get(),
          .recharges = &recharge_metrics_,
          .mails = &mail_metrics_,
          .work = work_.get(),
          .queued_commands_max = static_cast<int64_t>(config_.queued_commands_max),
          .start_time = clock_->Now(),
          .start = ledger_->Stats()};
}

void Server::AddRoutes() {
  if (http_ == nullptr) return;
  origins_ = std::make_unique<web::OriginRules>(web::OriginRules::Options{
      .is_open = access_->control().is_open(), .http_url = config_.http_url});
  auto server_metrics = std::make_shared<ServerMetrics>(
      ServerMetrics::Sources{.ledger = ledger_.get(),
                             .journal = journal_.get(),
                             .readers = readers_.get(),
                             .audit = access_->audit(),
                             .tls = tls_.get(),
                             .watcher_count = [this] { return watchers_->watcher_count(); },
                             .queued_commands_max = config_.queued_commands_max});
  web::AddOperationsRoutes(
      {.access = &access_->control(),
       .origins = origins_.get(),
       .figures = {metrics_.registry(), std::move(server_metrics), ledger_metrics_, work_,
                   std::make_shared<ProcessMetrics>(clock_->Now())},
       .serving = &serving_},
      &http_->routes());
}

absl::Status Server::MakePayments(const RpcEnvironment& environment) {
  if (config_.payments.provider.provider == PaymentProvider::kNone) return absl::OkStatus();
  Payments::Options options = config_.payments;
  options.data_directory = config_.data_directory;
  options.mails = mailing_->stationery().options();
  FAREBOX_ASSIGN_OR_RETURN(payments_, Payments::Start(options, {.environment = environment,
                                                                .metrics = &recharge_metrics_,
                                                                .ledger = ledger_.get(),
                                                                .journal = journal_.get(),
                                                                .clock = clock_,
                                                                .restored = &restored_,
                                                                .http_url = HttpUrl()}));
  if (http_ != nullptr) payments_->AddRoutes(origins_.get(), &http_->routes());
  return absl::OkStatus();
}

std::vector<Server::ServedService> Server::Services() const {
  return {{access_->service(), v1::AccessService::service_full_name()},
          {accounts_.get(), v1::AccountService::service_full_name()},
          {billing_.get(), v1::BillingService::service_full_name()},
          {rentals_->service(), v1::NumberService::service_full_name()},
          {operations_.get(), v1::OperationsService::service_full_name()},
          {rates_.get(), v1::RateService::service_full_name()},
          {payments_ == nullptr ? nullptr : payments_->service(),
           v1::RechargeService::service_full_name()}};
}

absl::Status Server::Listen() {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  SetBounds(config_, &builder);
  credentials_ = tls_ == nullptr
                     ? grpc::InsecureServerCredentials()
                     : MakeTlsCredentials(tls_.get(), !config_.tls.client_ca_file.empty());
  if (!calls_.has_value()) FAREBOX_RETURN_IF_ERROR(BindCalls());
  FAREBOX_ASSIGN_OR_RETURN(
      acceptor_, Acceptor::Make(*std::move(calls_),
                                {.connections = config_.connections,
                                 .calls_per_connection_max = config_.calls_per_connection_max},
                                &connections_, metrics_.registry().get()));
  calls_.reset();
  acceptor_->AddTo(&builder, credentials_);
  builder.RegisterCallbackGenericService(&unknown_methods_);
  for (const ServedService& served : Services()) {
    if (served.service != nullptr) builder.RegisterService(served.service);
  }
  grpc_server_ = builder.BuildAndStart();
  if (grpc_server_ == nullptr) return absl::UnavailableError("gRPC does not start");
  acceptor_->Start();
  serving_.TellFromNowOn(grpc_server_->GetHealthCheckService());
  ServeHttp();
  return absl::OkStatus();
}

void Server::StartWatchdog(std::function<void()> on_stuck_disk) {
  watchdog_ = std::make_unique<Watchdog>(
      Watchdog::Options{.ledger = ledger_.get(),
                        .handlers = &handlers_,
                        .registry = metrics_.registry().get(),
                        .on_slow_disk = [this](bool is_slow) { serving_.SetDiskSlow(is_slow); },
                        .on_stuck_disk =
                            [this, on_stuck_disk = std::move(on_stuck_disk)] {
                              AbandonCalls();
                              on_stuck_disk();
                            }});
}

void Server::ServeHttp() {
  if (http_ == nullptr) return;
  std::vector<std::string> names;
  for (const ServedService& served : Services()) names.emplace_back(served.name);
  connect_ = std::make_unique<web::ConnectService>(
      web::ConnectService::Parts{.channel = InProcessChannel(),
                                 .services = std::move(names),
                                 .access = &access_->control(),
                                 .origins = origins_.get()});
  connect_->AddRoutes(&http_->routes());
  sessions_ = std::make_unique<web::SessionRoutes>(
      web::SessionRoutes::Parts{.sessions = access_->sessions(),
                                .ledger = ledger_.get(),
                                .origins = origins_.get(),
                                .audit = access_->audit(),
                                .gate = gate_.get(),
                                .clock = clock_,
                                .is_open = access_->control().is_open()});
  sessions_->AddRoutes(&http_->routes());
  http_->routes().SetFallback([this](const web::ExchangePtr& exchange) {
    const absl::Status allowed = origins_->CheckName(exchange->request());
    if (!allowed.ok()) return exchange->Answer(web::TextResponse(403, allowed.message()));
    page_.Serve(exchange);
  });
  http_->Serve();
}

std::shared_ptr<grpc::Channel> Server::InProcessChannel() {
  grpc::ChannelArguments arguments;
  // Answers are the server's own, and as long as they are.
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc_server_->InProcessChannel(arguments);
}

void Server::Drain() {
  MutexLock lock(&drain_mu_);
  if (std::exchange(is_drained_, true)) return;
  if (grpc_server_ != nullptr) {
    // Balancers and clients that watch health leave by themselves; who still calls is told to come
    // back later. gRPC would only say CANCELLED to what arrives while connections go away.
    serving_.Leave();
    Pause(config_.drain_grace);
    serving_.Close();
    Pause(std::min(config_.drain_grace, limits::kTurnAwayTime));
  }
  // Streams would never end by themselves.
  streams_.EndAll();
  exports_.EndAll();
  if (watchers_ != nullptr) watchers_->Drain();
  sockets_.Close();
  if (acceptor_ != nullptr) acceptor_->Drain();
  if (backups_ != nullptr) backups_->Drain();
  if (http_ != nullptr) http_->StopTaking();
  if (grpc_server_ != nullptr) grpc_server_->Shutdown(In(config_.drain_timeout));
  if (http_ != nullptr) http_->Drain();
  if (payments_ != nullptr) payments_->Drain();
  if (rentals_ != nullptr) rentals_->Drain();
  if (mailing_ != nullptr) mailing_->Drain();
  if (access_ != nullptr) access_->Drain();
  if (readers_ != nullptr) readers_->Drain();
  if (ledger_ != nullptr) ledger_->Drain();
}

void Server::DrainForSuccessor() {
  MutexLock lock(&drain_mu_);
  if (std::exchange(is_drained_, true)) return;
  // What may have to wait for others comes to its end while calls are answered as ever.
  if (payments_ != nullptr) payments_->Drain();
  rentals_->Drain();
  mailing_->Drain();
  backups_->Drain();
  access_->EndUse();
  // From here on every moment counts: who connects waits for the successor.
  acceptor_->Drain();
  if (http_ != nullptr) http_->StopAccepting();
  serving_.Close();
  streams_.EndAll();
  exports_.EndAll();
  watchers_->Drain();
  access_->Drain();
  ledger_->Drain();
  // Answers go out meanwhile, and who calls is told to come back. gRPC's own shutdown would say
  // CANCELLED to some: not an answer that one tries again after. A lost connection is.
  Pause(limits::kTurnAwayTime);
  if (http_ != nullptr) http_->StopTaking();
  if (http_ != nullptr) http_->AwaitAnswered(limits::kHandOverTimeout);
}

void Server::AbandonCalls() {
  // Without a shutdown, which would say CANCELLED to who calls meanwhile: not an answer that one
  // tries again after. They are told to come back later, and a lost connection says the same.
  serving_.Leave();
  serving_.Close();
  Pause(limits::kFailureTimeout);
}

}  // namespace farebox::server
