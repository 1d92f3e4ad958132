#include "server/hand_over/hand_over.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "storage/check.h"
#include "storage/status_macros.h"
#include "storage/thread.h"

namespace farebox::server {
namespace {

// Holds the number of the descriptor that leads to the predecessor.
constexpr char kChannelVariable[] = "FAREBOX_PREDECESSOR";
constexpr char kReady = 'R';

absl::Status Failed(absl::string_view what, int error) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", what, ": ", std::generic_category().message(error)));
}

// A copy far above the places that descriptors are passed at.
absl::StatusOr<Descriptor> CopyAway(int descriptor) {
  constexpr int kAbove = 128;
  Descriptor copy(fcntl(descriptor, F_DUPFD_CLOEXEC, kAbove));
  if (!copy.is_open()) return Failed("pass a socket on", errno);
  return copy;
}

// What a new process gets that its predecessor does not have: the descriptors, and what says so.
struct Passed {
  std::vector<Descriptor> descriptors;
  std::vector<std::string> environment;
};

absl::StatusOr<Passed> Pass(const std::vector<PassedSocket>& sockets, int channel) {
  Passed passed;
  std::vector<std::string> names;
  for (const PassedSocket& socket : sockets) {
    FAREBOX_ASSIGN_OR_RETURN(Descriptor copy, CopyAway(socket.descriptor));
    passed.descriptors.push_back(std::move(copy));
    names.push_back(socket.name);
  }
  FAREBOX_ASSIGN_OR_RETURN(Descriptor copy, CopyAway(channel));
  passed.descriptors.push_back(std::move(copy));
  for (char** variable = environ; *variable != nullptr; ++variable) {
    passed.environment.emplace_back(*variable);
  }
  passed.environment.push_back(absl::StrCat("LISTEN_FDS=", names.size()));
  passed.environment.push_back(absl::StrCat("LISTEN_FDNAMES=", absl::StrJoin(names, ":")));
  passed.environment.push_back(
      absl::StrCat(kChannelVariable, "=", kFirstPassedDescriptor + names.size()));
  return passed;
}

std::vector<char*> Pointers(std::vector<std::string>* strings) {
  std::vector<char*> pointers;
  for (std::string& string : *strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

absl::StatusOr<pid_t> Spawn(const Successor::Options& options, Passed passed) {
  std::vector<std::string> arguments = {options.program};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  int place = kFirstPassedDescriptor;
  for (const Descriptor& descriptor : passed.descriptors) {
    posix_spawn_file_actions_adddup2(&actions, descriptor.get(), place++);
  }
  // Whatever a library has left open to be inherited.
  posix_spawn_file_actions_addclosefrom_np(&actions, place);
  // This process leaves its signals to one thread; a new one begins without that.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t process_id = 0;
  const int error = posix_spawn(&process_id, options.program.c_str(), &actions, &attributes,
                                Pointers(&arguments).data(), Pointers(&passed.environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Failed(absl::StrCat("start ", options.program), error);
  return process_id;
}

// Whether there is something to read, or an end, before the time is over.
bool AwaitReadable(absl::Span<pollfd> descriptors, absl::Duration patience) {
  int result = 0;
  do {
    result = poll(descriptors.data(), descriptors.size(),
                  static_cast<int>(absl::ToInt64Milliseconds(patience)));
  } while (result < 0 && errno == EINTR);
  return result > 0;
}

}  // namespace

// ---- From the server that leaves

absl::StatusOr<std::unique_ptr<Successor>> Successor::Start(Options options) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Failed("make a socket", errno);
  }
  Descriptor channel(ends[0]);
  const Descriptor theirs(ends[1]);
  Descriptor stop(eventfd(0, EFD_CLOEXEC));
  if (!stop.is_open()) return Failed("make a descriptor", errno);
  FAREBOX_ASSIGN_OR_RETURN(Passed passed, Pass(options.sockets, theirs.get()));
  FAREBOX_ASSIGN_OR_RETURN(const pid_t process_id, Spawn(options, std::move(passed)));
  return std::unique_ptr<Successor>(
      new Successor(std::move(options), process_id, std::move(channel), std::move(stop)));
}

Successor::Successor(Options options, pid_t process_id, Descriptor channel, Descriptor stop)
    : options_(std::move(options)),
      process_id_(process_id),
      channel_(std::move(channel)),
      stop_(std::move(stop)) {
  thread_ = StartThread("fbx-successor", [this] { options_.on_decided(AwaitReady()); });
}

Successor::~Successor() {
  const uint64_t one = 1;
  FAREBOX_CHECK(write(stop_.get(), &one, sizeof(one)) == sizeof(one));
  thread_.join();
  // Where it has ended, its number stays its own until it is waited for.
  kill(process_id_, SIGKILL);
  waitpid(process_id_, nullptr, 0);
}

bool Successor::IsAlive() const {
  siginfo_t ended = {};
  const auto id = static_cast<id_t>(process_id_);
  return waitid(P_PID, id, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0;
}

absl::Status Successor::AwaitReady() {
  std::array<pollfd, 2> waited = {pollfd{.fd = channel_.get(), .events = POLLIN},
                                  pollfd{.fd = stop_.get(), .events = POLLIN}};
  if (!AwaitReadable(absl::MakeSpan(waited), options_.patience)) {
    return absl::DeadlineExceededError("the new server did not get ready in time");
  }
  if (waited[1].revents != 0) return absl::CancelledError("the new server is not wanted any more");
  char said = 0;
  if (read(channel_.get(), &said, 1) == 1 && said == kReady) return absl::OkStatus();
  return absl::UnavailableError("the new server has ended; its own words are above");
}

// ---- From the server that comes

std::unique_ptr<Predecessor> Predecessor::Find() {
  const char* const variable = std::getenv(kChannelVariable);  // NOLINT(concurrency-mt-unsafe)
  int descriptor = -1;
  const bool is_named = variable != nullptr && absl::SimpleAtoi(variable, &descriptor);
  unsetenv(kChannelVariable);  // NOLINT(concurrency-mt-unsafe)
  // Whatever else has this number is not spoken to.
  int type = 0;
  socklen_t size = sizeof(type);
  const bool is_socket = is_named &&
                         getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &type, &size) == 0 &&
                         type == AF_UNIX;
  if (!is_socket || fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) return nullptr;
  return std::unique_ptr<Predecessor>(new Predecessor(Descriptor(descriptor)));
}

absl::Status Predecessor::SayReady() {
  if (send(channel_.get(), &kReady, 1, MSG_NOSIGNAL) == 1) return absl::OkStatus();
  return errno == EPIPE ? absl::OkStatus() : Failed("tell the server before this one", errno);
}

absl::Status Predecessor::AwaitEnd(absl::Duration patience) {
  std::array<pollfd, 1> waited = {pollfd{.fd = channel_.get(), .events = POLLIN}};
  char said = 0;
  const bool has_ended =
      AwaitReadable(absl::MakeSpan(waited), patience) && read(channel_.get(), &said, 1) <= 0;
  if (has_ended) return absl::OkStatus();
  return absl::DeadlineExceededError("the server before this one does not end");
}

}  // namespace farebox::server
