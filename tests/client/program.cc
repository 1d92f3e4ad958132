#include "tests/client/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "storage/check.h"

namespace farebox::testing {
namespace {

// A file that nobody else knows, in place of a pipe: nothing can fill up.
class Scratch {
 public:
  Scratch() : file_(std::tmpfile()) { FAREBOX_CHECK(file_ != nullptr); }
  ~Scratch() { std::fclose(file_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  int fd() const { return fileno(file_); }

  void Write(const std::string& text) {
    FAREBOX_CHECK(std::fwrite(text.data(), 1, text.size(), file_) == text.size());
    FAREBOX_CHECK(std::fflush(file_) == 0);
    FAREBOX_CHECK(lseek(fd(), 0, SEEK_SET) == 0);
  }

  std::string Read() {
    FAREBOX_CHECK(lseek(fd(), 0, SEEK_SET) == 0);
    std::string text;
    std::array<char, 4096> buffer;
    ssize_t count = 0;
    while ((count = read(fd(), buffer.data(), buffer.size())) > 0) {
      text.append(buffer.data(), static_cast<size_t>(count));
    }
    return text;
  }

 private:
  std::FILE* const file_;
};

std::vector<char*> Pointers(std::vector<std::string>* strings) {
  std::vector<char*> pointers;
  for (std::string& string : *strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Outcome RunProgram(const std::vector<std::string>& command, const std::string& input,
                   const std::vector<std::string>& environment) {
  Scratch in;
  Scratch out;
  Scratch err;
  in.Write(input);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.fd(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.fd(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.fd(), STDERR_FILENO);
  std::vector<std::string> arguments = command;
  std::vector<std::string> variables = environment;
  variables.push_back("PATH=/usr/local/bin:/usr/bin:/bin");
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, command[0].c_str(), &actions, nullptr,
                                  Pointers(&arguments).data(), Pointers(&variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return {};
  int status = 0;
  FAREBOX_CHECK(waitpid(pid, &status, 0) == pid);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, out.Read(), err.Read()};
}

Outcome RunFarebox(const std::string& server, const std::vector<std::string>& arguments,
                   const std::string& input) {
  std::vector<std::string> command = {FAREBOX_BINARY};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunProgram(command, input, {absl::StrCat("FAREBOX_SERVER=", server), "TZ=UTC"});
}

}  // namespace farebox::testing
