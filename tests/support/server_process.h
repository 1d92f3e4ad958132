#ifndef FAREBOX_TESTS_SUPPORT_SERVER_PROCESS_H_
#define FAREBOX_TESTS_SUPPORT_SERVER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/support/temporary_directory.h"

namespace farebox::testing {

// A port that nobody listens on just now, and that stays free while the server is down: not one of
// those that the kernel gives to whoever connects somewhere.
int FreePort();

// What a server may have in memory beyond what it had: so much, or anything where a sanitizer keeps
// memory for itself.
int64_t MemoryAtMost(int64_t bytes);

// The real server program on a real ledger, as a child process, always on the same port.
// Thread-compatible.
class ServerProcess {
 public:
  struct Options {
    std::string binary;
    std::string data_directory;
    std::vector<std::string> more_arguments;
    // NAME=value, beside what this process has.
    std::vector<std::string> environment;
  };

  explicit ServerProcess(Options options);
  // Kills it.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts the program and waits until it takes connections.
  absl::Status Start(absl::Duration patience = absl::Seconds(30));

  // Starts the program, and no more.
  void Launch();
  // Waits until a launched program takes connections.
  absl::Status AwaitConnection(absl::Duration patience = absl::Seconds(30));

  // Waits until it ends by itself and returns its exit code, -1 where a signal ended it; nothing
  // where it still runs after that time.
  std::optional<int> AwaitExit(absl::Duration patience = absl::Seconds(30));

  // Has it hand over to a new process of the program, with the same arguments, and goes on with
  // that one. Fails where that takes longer, with the server as it was.
  absl::Status HandOver(absl::Duration patience = absl::Seconds(60));
  // The steps of that: asks for it, and no more;
  void AskToHandOver();
  // waits until there is a new process, and returns its id; 0 where that takes longer;
  pid_t AwaitSuccessor(absl::Duration patience = absl::Seconds(60));
  // waits until the old one has ended, and goes on with the one that it has handed over to, or with
  // the one that AwaitSuccessor() found where it was killed.
  absl::Status GoOnWithSuccessor(absl::Duration patience = absl::Seconds(60));

  // kill -9, and reaps it.
  void Kill();

  // SIGTERM, waits for it and returns its exit code; -1 where a signal ended it.
  int Terminate();

  // host:port.
  const std::string& address() const { return address_; }

  bool is_running() const { return pid_ != 0; }
  pid_t process_id() const { return pid_; }

  // What it has in memory, in bytes.
  int64_t ResidentBytes() const;

  // All that it has said on its standard streams, over all its lives.
  std::string Log() const;

 private:
  int Wait();
  std::string LogPath() const;

  const Options options_;
  std::string address_;
  pid_t pid_ = 0;
  pid_t successor_ = 0;  // The newest one that was seen.
};

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_SUPPORT_SERVER_PROCESS_H_
