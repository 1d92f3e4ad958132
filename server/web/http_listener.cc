#include "server/web/http_listener.h"

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "server/base/limits.h"
#include "server/transport/peer_address.h"
#include "server/web/connection_limiter.h"
#include "server/web/http_bounds.h"
#include "server/web/http_connection.h"
#include "server/web/listening_socket.h"
#include "storage/status_macros.h"
#include "storage/thread.h"

namespace farebox::web {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using server::PeerAddress;

PeerAddress AddressOf(const tcp::endpoint& peer) {
  sockaddr_storage address = {};
  std::memcpy(&address, peer.data(), peer.size());
  return server::DescribePeer(address);
}

}  // namespace

absl::Status CheckHttpAddress(const std::string& address) {
  if (ParseHostAndPort(address).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError("needs an address and a port, e.g. 127.0.0.1:8080");
}

// The sockets and threads behind the listener.
class HttpListener::Core {
 public:
  Core(const HttpBounds& bounds, const server::TlsFiles* tls)
      : limiter_(bounds.connections_max, bounds.connections_per_peer_max),
        workers_(limits::kHttpThreads) {
    shared_.router = &router_;
    shared_.bounds = bounds;
    shared_.tls = tls;
  }

  absl::Status Bind(const HostAndPort& address);
  absl::Status Adopt(int socket);
  void Serve();
  void StopAccepting();
  void StopTaking();
  void AwaitClosed(absl::Duration patience) { limiter_.AwaitNone(patience); }
  void Drain();

  Router& router() { return router_; }
  int port() const { return port_; }
  int listening_socket() { return acceptor_->native_handle(); }
  Counts counts() const {
    return {
        .open = limiter_.open(), .accepted = limiter_.accepted(), .refused = limiter_.refused()};
  }

 private:
  void Accept();
  void OnAccepted(const error_code& error, HttpWorker* worker, HttpSocket socket);
  void Take(HttpWorker* worker, HttpSocket socket, const PeerAddress& peer);
  void NotePort();

  // Set before it serves.
  HttpListenerState shared_;
  int port_ = 0;
  Router router_;

  ConnectionLimiter limiter_;  // Synchronises itself.

  std::vector<HttpWorker> workers_;
  // Used on the thread of the first worker, once it runs.
  ListeningSocket acceptor_;
  asio::steady_timer pause_{workers_[0].context()};
  size_t next_worker_ = 0;

  std::atomic<bool> is_accepting_{true};
  std::atomic<bool> is_stopping_{false};
  std::vector<std::thread> threads_;
};

absl::Status HttpListener::Core::Bind(const HostAndPort& address) {
  FAREBOX_ASSIGN_OR_RETURN(acceptor_, BindListeningSocket(address, &workers_[0].context()));
  NotePort();
  return absl::OkStatus();
}

absl::Status HttpListener::Core::Adopt(int socket) {
  FAREBOX_ASSIGN_OR_RETURN(acceptor_, AdoptListeningSocket(socket, &workers_[0].context()));
  NotePort();
  return absl::OkStatus();
}

void HttpListener::Core::NotePort() {
  error_code ignored;
  port_ = acceptor_->local_endpoint(ignored).port();
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
  pause_.expires_after(absl::ToChronoNanoseconds(limits::kHttpAcceptPause));
  pause_.async_wait([this](const error_code& stopped) {
    if (!stopped && is_accepting_) Accept();
  });
}

void HttpListener::Core::Take(HttpWorker* worker, HttpSocket socket, const PeerAddress& peer) {
  const ConnectionLimiter::Verdict verdict = limiter_.Enter(peer);
  if (verdict == ConnectionLimiter::Verdict::kRefused) return;
  const bool makes_room = verdict == ConnectionLimiter::Verdict::kTakenForIdle;
  asio::post(worker->context(),
             [this, worker, socket = std::move(socket), makes_room, peer]() mutable {
               if (makes_room) worker->CloseLongestIdle();
               StartHttpConnection(&shared_, worker, std::move(socket), peer.name,
                                   [this, peer] { limiter_.Leave(peer); });
             });
}

void HttpListener::Core::StopAccepting() {
  if (!is_accepting_.exchange(false) || acceptor_ == nullptr) return;
  asio::post(workers_[0].context(), [this] {
    error_code ignored;
    acceptor_->close(ignored);
    pause_.cancel();
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
  const std::optional<HostAndPort> parsed = ParseHostAndPort(address);
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
