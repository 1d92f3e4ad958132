#include "tests/support/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/check.h"

namespace farebox::testing {
namespace {

// A port that nobody listens on just now.
int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  FAREBOX_CHECK(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  FAREBOX_CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  FAREBOX_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = std::filesystem::temp_directory_path() / "farebox-test-XXXXXX";
  FAREBOX_CHECK(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ServerProcess::ServerProcess(Options options)
    : options_(std::move(options)), address_(absl::StrCat("127.0.0.1:", FreePort())) {}

ServerProcess::~ServerProcess() {
  if (pid_ != 0) Kill();
}

absl::Status ServerProcess::Start(absl::Duration patience) {
  FAREBOX_CHECK(pid_ == 0);
  std::vector<std::string> arguments = {options_.binary, "--data", options_.data_directory,
                                        "--listen", address_};
  arguments.insert(arguments.end(), options_.more_arguments.begin(), options_.more_arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::string log = absl::StrCat(options_.data_directory, ".log");

  pid_ = fork();
  FAREBOX_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    const int fd = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }

  const auto channel = grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
  const auto deadline = std::chrono::system_clock::now() + absl::ToChronoMilliseconds(patience);
  if (channel->WaitForConnected(deadline)) return absl::OkStatus();
  Kill();
  return absl::UnavailableError(absl::StrCat("the server did not start; see ", log));
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
