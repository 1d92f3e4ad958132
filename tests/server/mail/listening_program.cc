#include "tests/server/mail/listening_program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "storage/check.h"

namespace farebox::testing {

ListeningProgram::ListeningProgram(std::vector<std::string> command) {
  std::array<int, 2> pipe_fds = {};
  FAREBOX_CHECK(pipe2(pipe_fds.data(), O_CLOEXEC) == 0);
  output_fd_ = pipe_fds[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  FAREBOX_CHECK(posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ) ==
                0);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_fds[1]);

  while (output_.find('\n') == std::string::npos) FAREBOX_CHECK(Read());
  const absl::string_view line = absl::string_view(output_).substr(0, output_.find('\n'));
  FAREBOX_CHECK(absl::SimpleAtoi(line.substr(line.rfind(':') + 1), &port_));
}

ListeningProgram::~ListeningProgram() {
  if (pid_ != 0) {
    kill(pid_, SIGKILL);
    Wait();
  }
  close(output_fd_);
}

void ListeningProgram::AwaitOutput(absl::string_view text) {
  while (!absl::StrContains(output_, text)) FAREBOX_CHECK(Read());
}

std::string ListeningProgram::Terminate() {
  FAREBOX_CHECK(pid_ != 0);
  kill(pid_, SIGTERM);
  while (Read()) {
  }
  Wait();
  return output_;
}

bool ListeningProgram::Read() {
  std::array<char, 4096> buffer;
  const ssize_t count = read(output_fd_, buffer.data(), buffer.size());
  FAREBOX_CHECK(count >= 0);
  output_.append(buffer.data(), static_cast<size_t>(count));
  return count > 0;
}

void ListeningProgram::Wait() {
  FAREBOX_CHECK(waitpid(pid_, nullptr, 0) == pid_);
  pid_ = 0;
}

}  // namespace farebox::testing
