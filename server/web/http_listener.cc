#include "server/web/http_listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/limits.h"
#include "server/log.h"
#include "server/transport/peer_address.h"
#include "server/web/http_connection.h"
#include "storage/clock.h"
#include "storage/mutex.h"
#include "storage/status_macros.h"
#include "storage/thread.h"

namespace farebox::web {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using server::PeerAddress;

struct HostAndPort {
  std::string host;
  int port = 0;
};

std::optional<HostAndPort> Parse(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  HostAndPort parsed;
  absl::string_view host = address.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[") != absl::ConsumeSuffix(&host, "]")) return std::nullopt;
  parsed.host = std::string(host);
  const bool is_port = absl::SimpleAtoi(address.substr(colon + 1), &parsed.port);
  if (!is_port || parsed.port < 0 || parsed.port > 65'535 || host.empty()) return std::nullopt;
  return parsed;
}

PeerAddress AddressOf(const tcp::endpoint& peer) {
  sockaddr_storage address = {};
  std::memcpy(&address, peer.data(), peer.size());
  return server::DescribePeer(address);
}

}  // namespace

absl::Status CheckHttpAddress(const std::string& address) {
  if (Parse(address).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError("needs an address and a port, e.g. 127.0.0.1:8080");
}

// The sockets and threads behind the listener.
class HttpListener::Core {
 public:
  Core(const HttpBounds& bounds, const server::TlsFiles* tls) : workers_(limits::kHttpThreads) {
    shared_.router = &router_;
    shared_.bounds = bounds;
    shared_.tls = tls;
  }

  absl::Status Bind(const HostAndPort& address);
  absl::Status Adopt(int socket);
  void Serve();
  void StopAccepting();
  void StopTaking();
  void AwaitClosed(absl::Duration patience);
  void Drain();

  Router& router() { return router_; }
  int port() const { return port_; }
  int listening_socket() { return acceptor_->native_handle(); }
  Counts counts() const {
    return {.open = open_.load(), .accepted = accepted_.load(), .refused = refused_.load()};
  }

 private:
  void Accept();
  void OnAccepted(const error_code& error, HttpWorker* worker, HttpSocket socket);
  void Take(HttpWorker* worker, HttpSocket socket, const PeerAddress& peer);
  bool CountPeer(const PeerAddress& peer);
  void Forget(const PeerAddress& peer);

  // Set before it serves.
  HttpListenerState shared_;
  int port_ = 0;
  Router router_;

  // Synchronise themselves.
  std::atomic<int64_t> open_{0};
  std::atomic<int64_t> accepted_{0};
  std::atomic<int64_t> refused_{0};

  Mutex mu_;
  CondVar ended_;  // Signalled when a connection has ended.
  absl::flat_hash_map<std::string, size_t> by_peer_ ABSL_GUARDED_BY(mu_);

  std::vector<HttpWorker> workers_;
  // Used on the thread of the first worker, once it runs.
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> pause_;
  size_t next_worker_ = 0;

  std::atomic<bool> is_accepting_{true};
  std::atomic<bool> is_stopping_{false};
  std::vector<std::thread> threads_;
};

absl::Status HttpListener::Core::Bind(const HostAndPort& address) {
  const auto refuse = [&](const error_code& error) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address.host, ":", address.port,
                                               " for HTTP: ", error.message()));
  };
  asio::io_context& context = workers_[0].context();
  error_code error;
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(address.host, absl::StrCat(address.port), error);
  if (error) return refuse(error);
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor_.emplace(context);
  pause_.emplace(context);
  acceptor_->open(endpoint.protocol(), error);
  if (error) return refuse(error);
  // Not SO_REUSEPORT: two servers would share the port's connections.
  acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
  acceptor_->bind(endpoint, error);
  if (error) return refuse(error);
  acceptor_->listen(limits::kHttpBacklog, error);
  if (error) return refuse(error);
  port_ = acceptor_->local_endpoint(error).port();
  return absl::OkStatus();
}

absl::Status HttpListener::Core::Adopt(int socket) {
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  int listens = 0;
  socklen_t listens_size = sizeof(listens);
  const bool is_known = getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size) == 0 &&
                        getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) == 0;
  const bool is_tcp = is_known && (bound.ss_family == AF_INET || bound.ss_family == AF_INET6);
  if (!is_tcp || listens == 0) {
    close(socket);
    return absl::InvalidArgumentError(
        absl::StrCat("descriptor ", socket, " is no TCP socket that listens"));
  }
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  asio::io_context& context = workers_[0].context();
  acceptor_.emplace(context, bound.ss_family == AF_INET ? tcp::v4() : tcp::v6(), socket);
  pause_.emplace(context);
  error_code ignored;
  port_ = acceptor_->local_endpoint(ignored).port();
  return absl::OkStatus();
}

void HttpListener::Core::Serve() {
  Accept();
  for (HttpWorker& worker : workers_) {
    worker.WatchPeers();
    threads_.push_back(StartThread("fbx-http", [&worker] {
      const auto stay = asio::make_work_guard(worker.context());
      worker.context().run();
    }));
  }
}

void HttpListener::Core::Accept() {
  HttpWorker* const worker = &workers_[next_worker_++ % workers_.size()];
  acceptor_->async_accept(worker->context().get_executor(),
                          [this, worker](const error_code& error, HttpSocket socket) {
                            OnAccepted(error, worker, std::move(socket));
                          });
}

void HttpListener::Core::OnAccepted(const error_code& error, HttpWorker* worker,
                                    HttpSocket socket) {
  if (is_stopping_ || error == asio::error::operation_aborted) return;
  if (!error) {
    error_code gone;
    const tcp::endpoint peer = socket.remote_endpoint(gone);
    if (!gone) Take(worker, std::move(socket), AddressOf(peer));
    return is_accepting_ ? Accept() : void();
  }
  // Mostly that there are no descriptors left: whoever is idle gives one back.
  for (HttpWorker& one : workers_) {
    asio::post(one.context(), [&one] { one.CloseLongestIdle(); });
  }
  pause_->expires_after(absl::ToChronoNanoseconds(limits::kHttpAcceptPause));
  pause_->async_wait([this](const error_code& stopped) {
    if (!stopped && is_accepting_) Accept();
  });
}

bool HttpListener::Core::CountPeer(const PeerAddress& peer) {
  // A proxy on this machine stands for many.
  if (peer.is_local) return true;
  MutexLock lock(&mu_);
  size_t& count = by_peer_[peer.host];
  if (count >= shared_.bounds.connections_per_peer_max) return false;
  ++count;
  return true;
}

void HttpListener::Core::Forget(const PeerAddress& peer) {
  // Under the lock: who waits for the last one may destroy this right after.
  MutexLock lock(&mu_);
  open_.fetch_sub(1);
  ended_.SignalAll();
  if (peer.is_local) return;
  const auto found = by_peer_.find(peer.host);
  if (found != by_peer_.end() && --found->second == 0) by_peer_.erase(found);
}

void HttpListener::Core::Take(HttpWorker* worker, HttpSocket socket, const PeerAddress& peer) {
  accepted_.fetch_add(1);
  const int64_t connections_max = static_cast<int64_t>(shared_.bounds.connections_max);
  // At the bound, one that waits for nothing makes room; where none does, nobody is let in.
  const bool is_full = open_.load() >= connections_max + limits::kHttpConnectionsSlack;
  if (is_full || !CountPeer(peer)) {
    refused_.fetch_add(1);
    return;
  }
  const bool makes_room = open_.fetch_add(1) >= connections_max;
  asio::post(worker->context(),
             [this, worker, socket = std::move(socket), makes_room, peer]() mutable {
               if (makes_room) worker->CloseLongestIdle();
               StartHttpConnection(&shared_, worker, std::move(socket), peer.name,
                                   [this, peer] { Forget(peer); });
             });
}

void HttpListener::Core::StopAccepting() {
  if (!is_accepting_.exchange(false) || !acceptor_.has_value()) return;
  asio::post(workers_[0].context(), [this] {
    error_code ignored;
    acceptor_->close(ignored);
    pause_->cancel();
  });
}

void HttpListener::Core::StopTaking() {
  if (is_stopping_.exchange(true)) return;
  shared_.is_draining = true;
  StopAccepting();
  for (HttpWorker& worker : workers_) {
    asio::post(worker.context(), [&worker] {
      while (!worker.idle().empty()) worker.CloseLongestIdle();
    });
  }
}

// How many connections are open may fall to zero within the time.
void HttpListener::Core::AwaitClosed(absl::Duration patience) {
  const SystemClock clock;
  const absl::Time end = clock.Now() + patience;
  MutexLock lock(&mu_);
  while (open_.load() > 0) {
    const absl::Duration left = end - clock.Now();
    if (left <= absl::ZeroDuration()) return;
    ended_.WaitFor(&mu_, std::min(left, absl::Seconds(1)));
  }
}

void HttpListener::Core::Drain() {
  StopTaking();
  router_.Drain();
  if (threads_.empty()) return;
  AwaitClosed(limits::kHttpDrainTimeout);
  for (HttpWorker& worker : workers_) {
    asio::post(worker.context(), [&worker] {
      while (!worker.all().empty()) worker.all().front()->Close();
    });
  }
  // Whoever still holds an exchange holds its connection.
  AwaitClosed(absl::InfiniteDuration());
  for (HttpWorker& worker : workers_) worker.context().stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

// ---- HttpListener

HttpListener::HttpListener(std::unique_ptr<Core> core) : core_(std::move(core)) {}

HttpListener::~HttpListener() { Drain(); }

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Bind(const std::string& address,
                                                                 const server::TlsFiles* tls) {
  return Bind(address, tls, HttpBounds());
}

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Bind(const std::string& address,
                                                                 const server::TlsFiles* tls,
                                                                 const HttpBounds& bounds) {
  const std::optional<HostAndPort> parsed = Parse(address);
  if (!parsed.has_value()) return CheckHttpAddress(address);
  auto core = std::make_unique<Core>(bounds, tls);
  FAREBOX_RETURN_IF_ERROR(core->Bind(*parsed));
  return std::unique_ptr<HttpListener>(new HttpListener(std::move(core)));
}

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Adopt(int socket,
                                                                  const server::TlsFiles* tls) {
  auto core = std::make_unique<Core>(HttpBounds(), tls);
  FAREBOX_RETURN_IF_ERROR(core->Adopt(socket));
  return std::unique_ptr<HttpListener>(new HttpListener(std::move(core)));
}

Router& HttpListener::routes() { return core_->router(); }
int HttpListener::port() const { return core_->port(); }
HttpListener::Counts HttpListener::counts() const { return core_->counts(); }
void HttpListener::Serve() { core_->Serve(); }
int HttpListener::listening_socket() const { return core_->listening_socket(); }
void HttpListener::StopAccepting() { core_->StopAccepting(); }
void HttpListener::StopTaking() { core_->StopTaking(); }
void HttpListener::AwaitAnswered(absl::Duration patience) { core_->AwaitClosed(patience); }
void HttpListener::Drain() { core_->Drain(); }

}  // namespace farebox::web
