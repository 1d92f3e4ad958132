#include "server/transport/acceptor.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/transport/flood_limits.h"
#include "storage/check.h"
#include "storage/status_macros.h"
#include "storage/thread.h"

namespace farebox::server {
namespace {

// Keys of events; the sockets that listen have their own numbers after these, connections those
// from ConnectionWatch::kFirstKey on.
constexpr uint64_t kStopKey = 0;
constexpr uint64_t kTimerKey = 1;
constexpr uint64_t kFirstListenerKey = 2;

absl::Status SystemProblem(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

Descriptor OpenReserve() { return Descriptor(eventfd(0, EFD_CLOEXEC)); }

bool Watch(int epoll, int fd, uint64_t key, uint32_t events, int operation) {
  epoll_event event = {};
  event.events = events;
  event.data.u64 = key;
  return epoll_ctl(epoll, operation, fd, &event) == 0;
}

Descriptor MakeTimer() {
  constexpr int64_t kNanos = 1'000'000'000 / limits::kLooksPerSecond;
  Descriptor timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  const itimerspec every = {.it_interval = {.tv_sec = 0, .tv_nsec = kNanos},
                            .it_value = {.tv_sec = 0, .tv_nsec = kNanos}};
  if (timer.is_open()) timerfd_settime(timer.get(), 0, &every, nullptr);
  return timer;
}

size_t CountOpenDescriptors() {
  std::error_code error;
  size_t count = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++count;
  }
  return count;
}

// Connections that the process has descriptors for, beside its files.
size_t CountAffordable() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return limits::kAffordableConnectionsMin;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  const size_t spared = std::min<size_t>(limits::kSparedDescriptors, limit.rlim_cur / 4);
  const size_t taken = CountOpenDescriptors() + spared;
  if (limit.rlim_cur <= taken) return limits::kAffordableConnectionsMin;
  return std::max<size_t>((limit.rlim_cur - taken) / 2, limits::kAffordableConnectionsMin);
}

Admission::Options Fit(Admission::Options options) {
  const size_t affordable = CountAffordable();
  if (affordable >= options.connections_max) return options;
  Log(LogLevel::kWarning, "descriptors_few",
      {{"connections", static_cast<int64_t>(affordable)},
       {"wanted", static_cast<int64_t>(options.connections_max)}});
  options.connections_max = affordable;
  return options;
}

// Small answers go out at once, and a peer that takes none for a while is given up.
void SetUpTcp(int fd) {
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  const auto millis = static_cast<unsigned>(absl::ToInt64Milliseconds(limits::kSendTimeout));
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &millis, sizeof(millis));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Make(ListeningSockets sockets,
                                                         const Options& options,
                                                         ConnectionTable* connections,
                                                         prometheus::Registry* registry) {
  std::unique_ptr<Acceptor> acceptor(
      new Acceptor(std::move(sockets), options, connections, registry));
  FAREBOX_RETURN_IF_ERROR(acceptor->Open());
  return acceptor;
}

Acceptor::Acceptor(ListeningSockets sockets, const Options& options, ConnectionTable* connections,
                   prometheus::Registry* registry)
    : sockets_(std::move(sockets)),
      admission_(Fit(options.connections)),
      calls_per_connection_max_(options.calls_per_connection_max),
      metrics_(registry),
      connections_(connections) {}

Acceptor::~Acceptor() { Drain(); }

absl::Status Acceptor::Open() {
  epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
  timer_ = MakeTimer();
  reserve_ = OpenReserve();
  stop_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const bool is_ready = epoll_.is_open() && timer_.is_open() && reserve_.is_open() &&
                        stop_.is_open() &&
                        Watch(epoll_.get(), stop_.get(), kStopKey, EPOLLIN, EPOLL_CTL_ADD) &&
                        Watch(epoll_.get(), timer_.get(), kTimerKey, EPOLLIN, EPOLL_CTL_ADD);
  if (!is_ready) return SystemProblem("cannot wait for connections");
  for (size_t i = 0; i < sockets_.descriptors().size(); ++i) {
    const int fd = sockets_.descriptors()[i].get();
    if (!Watch(epoll_.get(), fd, kFirstListenerKey + i, 0, EPOLL_CTL_ADD)) {
      return SystemProblem("cannot wait for connections");
    }
  }
  watch_ = std::make_unique<ConnectionWatch>(
      ConnectionWatch::Parts{.epoll = epoll_.get(),
                             .admission = &admission_,
                             .table = connections_,
                             .metrics = &metrics_,
                             .calls_per_connection_max = calls_per_connection_max_});
  return absl::OkStatus();
}

void Acceptor::AddTo(grpc::ServerBuilder* builder,
                     const std::shared_ptr<grpc::ServerCredentials>& credentials) {
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  grpc_ = builder->experimental().AddExternalConnectionAcceptor(Type::FROM_FD, credentials);
}

void Acceptor::Start() {
  FAREBOX_CHECK(grpc_ != nullptr);
  Listen(true);
  thread_ = StartThread("fbx-accept", [this] { Loop(); });
}

void Acceptor::Drain() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    FAREBOX_CHECK(write(stop_.get(), &one, sizeof(one)) == sizeof(one));
    thread_.join();
  }
  sockets_.Close();
  watch_.reset();
}

void Acceptor::Loop() {
  std::array<epoll_event, 64> events;
  while (true) {
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const uint64_t key = events[static_cast<size_t>(i)].data.u64;
      if (key == kStopKey) return;
      if (key == kTimerKey) {
        OnTimer();
      } else if (key >= ConnectionWatch::kFirstKey) {
        watch_->OnEvent(key);
      } else {
        Accept(sockets_.descriptors()[key - kFirstListenerKey].get());
      }
    }
  }
}

void Acceptor::OnTimer() {
  uint64_t looks = 0;
  if (read(timer_.get(), &looks, sizeof(looks)) != sizeof(looks)) return;
  admission_.Pass(static_cast<int64_t>(looks));
  watch_->Look(static_cast<int64_t>(looks));
  if (!reserve_.is_open()) reserve_ = OpenReserve();
  if (!is_listening_) Listen(true);
}

void Acceptor::Listen(bool on) {
  is_listening_ = on;
  for (size_t i = 0; i < sockets_.descriptors().size(); ++i) {
    Watch(epoll_.get(), sockets_.descriptors()[i].get(), kFirstListenerKey + i,
          on ? uint32_t{EPOLLIN} : 0, EPOLL_CTL_MOD);
  }
}

void Acceptor::Accept(int listener) {
  for (int i = 0; i < limits::kAcceptsAtOnce && is_listening_; ++i) {
    if (!AcceptOne(listener)) return;
  }
}

bool Acceptor::AcceptOne(int listener) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  Descriptor socket(accept4(listener, reinterpret_cast<sockaddr*>(&address), &size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket.is_open()) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    if (errno == EMFILE || errno == ENFILE) return RefuseForDescriptors(listener);
    if (errno == ENOBUFS || errno == ENOMEM) Listen(false);
    // Others are those of the connection, which is gone.
    return true;
  }
  const PeerAddress peer = DescribePeer(address);
  const std::optional<Admission::Refusal> refusal = admission_.Enter(peer);
  if (refusal.has_value()) {
    metrics_.Refused(*refusal);
  } else {
    Take(listener, std::move(socket), peer);
  }
  return true;
}

void Acceptor::Take(int listener, Descriptor socket, const PeerAddress& peer) {
  if (!watch_->Add(socket.get(), peer).ok()) {
    admission_.Leave(peer);
    metrics_.RefusedForDescriptors();
    return;
  }
  if (!peer.is_unix) SetUpTcp(socket.get());
  metrics_.Accepted();
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = listener;
  connection.fd = socket.Release();
  grpc_->HandleNewConnection(&connection);
}

bool Acceptor::RefuseForDescriptors(int listener) {
  reserve_.Close();
  Descriptor refused(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  const bool is_refused = refused.is_open();
  refused.Close();
  if (is_refused) metrics_.RefusedForDescriptors();
  reserve_ = OpenReserve();
  // Somebody else has the last one: waiting costs less than trying.
  if (!reserve_.is_open()) Listen(false);
  return is_refused;
}

}  // namespace farebox::server
