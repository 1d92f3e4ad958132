#include "tests/support/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "tests/support/read_file.h"

namespace farebox::testing {
namespace {

bool IsFree(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  FAREBOX_CHECK(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return is_free;
}

// The process id that a server's last word named; 0 where it named none.
pid_t LastHandedOverTo(const std::string& log) {
  pid_t process_id = 0;
  const size_t line = log.rfind("handed_over");
  const size_t number = line == std::string::npos ? line : log.find("to=", line);
  if (number != std::string::npos) std::istringstream(log.substr(number + 3)) >> process_id;
  return process_id;
}

}  // namespace

int FreePort() {
  constexpr int kFirst = 10'000;
  constexpr int kCount = 20'000;
  std::random_device random;
  int port = 0;
  do {
    port = kFirst + static_cast<int>(random() % kCount);
  } while (!IsFree(port));
  return port;
}

int64_t MemoryAtMost(int64_t bytes) {
  const char* const has_bounds = std::getenv("FAREBOX_MEMORY_BOUNDS");
  const bool is_sanitized = has_bounds != nullptr && std::string(has_bounds) == "no";
  return is_sanitized ? std::numeric_limits<int64_t>::max() : bytes;
}

ServerProcess::ServerProcess(Options options)
    : options_(std::move(options)), address_(absl::StrCat("127.0.0.1:", FreePort())) {}

ServerProcess::~ServerProcess() {
  if (pid_ != 0) Kill();
}

std::string ServerProcess::LogPath() const { return absl::StrCat(options_.data_directory, ".log"); }

std::string ServerProcess::Log() const { return ReadFile(LogPath()); }

absl::Status ServerProcess::Start(absl::Duration patience) {
  Launch();
  return AwaitConnection(patience);
}

void ServerProcess::Launch() {
  FAREBOX_CHECK(pid_ == 0);
  std::vector<std::string> arguments = {options_.binary, "--data", options_.data_directory,
                                        "--listen", address_};
  arguments.insert(arguments.end(), options_.more_arguments.begin(), options_.more_arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables = options_.environment;
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  for (char** inherited = environ; *inherited != nullptr; ++inherited) {
    environment.push_back(*inherited);
  }
  environment.push_back(nullptr);
  const std::string log = LogPath();

  pid_ = fork();
  FAREBOX_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    const int fd = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execve(argv[0], argv.data(), environment.data());
    _exit(127);
  }
}

absl::Status ServerProcess::AwaitConnection(absl::Duration patience) {
  FAREBOX_CHECK(pid_ != 0);
  grpc::ChannelArguments channel_arguments;
  channel_arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  channel_arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
  channel_arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 20);
  const auto channel =
      grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), channel_arguments);
  const auto deadline = std::chrono::system_clock::now() + absl::ToChronoMilliseconds(patience);
  while (std::chrono::system_clock::now() < deadline) {
    const auto look = std::chrono::system_clock::now() + std::chrono::milliseconds(100);
    if (channel->WaitForConnected(look)) return absl::OkStatus();
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      return absl::UnavailableError(absl::StrCat("the server has ended:\n", Log()));
    }
  }
  Kill();
  return absl::UnavailableError(absl::StrCat("the server did not start:\n", Log()));
}

std::optional<int> ServerProcess::AwaitExit(absl::Duration patience) {
  FAREBOX_CHECK(pid_ != 0);
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(patience);
  do {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = 0;
      return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (std::chrono::steady_clock::now() < deadline);
  return std::nullopt;
}

int64_t ServerProcess::ResidentBytes() const {
  std::ifstream file(absl::StrCat("/proc/", pid_, "/statm"));
  int64_t pages = 0;
  int64_t resident_pages = 0;
  file >> pages >> resident_pages;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

absl::Status ServerProcess::HandOver(absl::Duration patience) {
  AskToHandOver();
  return GoOnWithSuccessor(patience);
}

void ServerProcess::AskToHandOver() {
  FAREBOX_CHECK(pid_ != 0);
  // The new process becomes a child of this one when the old one ends.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  successor_ = 0;
  kill(pid_, SIGUSR2);
}

pid_t ServerProcess::AwaitSuccessor(absl::Duration patience) {
  const std::string children = absl::StrCat("/proc/", pid_, "/task/", pid_, "/children");
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(patience);
  while (successor_ == 0 && std::chrono::steady_clock::now() < deadline) {
    std::ifstream file(children);
    if (!(file >> successor_)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return successor_;
}

absl::Status ServerProcess::GoOnWithSuccessor(absl::Duration patience) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(patience);
  while (std::chrono::steady_clock::now() < deadline) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    pid_ = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? LastHandedOverTo(Log()) : successor_;
    return pid_ != 0 ? absl::OkStatus() : absl::UnavailableError(Log());
  }
  return absl::DeadlineExceededError(absl::StrCat("the server did not hand over:\n", Log()));
}

void ServerProcess::Kill() {
  FAREBOX_CHECK(pid_ != 0);
  kill(pid_, SIGKILL);
  Wait();
}

int ServerProcess::Terminate() {
  FAREBOX_CHECK(pid_ != 0);
  kill(pid_, SIGTERM);
  return Wait();
}

int ServerProcess::Wait() {
  int status = 0;
  FAREBOX_CHECK(waitpid(pid_, &status, 0) == pid_);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace farebox::testing
