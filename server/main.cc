#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/config.h"
#include "server/exit_codes.h"
#include "server/log.h"
#include "server/server.h"
#include "server/termination.h"
#include "storage/clock.h"

namespace farebox::server {
namespace {

// Written whole or not at all: whoever waits for the file reads the port as soon as it is there.
bool WritePortFile(const std::string& path, int port) {
  const std::string unfinished = path + ".new";
  std::ofstream file(unfinished);
  file << port << "\n";
  file.close();
  return !file.fail() && std::rename(unfinished.c_str(), path.c_str()) == 0;
}

// Where the disk will not come back: nothing may wait for it, closing the files included.
[[noreturn]] void EndStuck() {
  Log(LogLevel::kError, "disk_stuck", {{"exit_code", kExitSoftware}});
  FlushLog();
  _exit(kExitSoftware);
}

int Run(const Config& config) {
  ConfigureLog(config.log_format, config.log_level);
  // Debian builds absl so that every lock of gRPC looks for a cycle of locks: for debugging only.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const SystemClock clock;
  // Before any thread: all of them are to leave the signals to this one.
  Termination termination;
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(
      config, &clock, [&](const absl::Status& status) { termination.ReportFailure(status); },
      EndStuck);
  if (!server.ok()) {
    Log(LogLevel::kError, "start_failed", {{"error", server.status().message()}});
    return ExitCodeOf(server.status());
  }
  if (!config.port_file.empty() && !WritePortFile(config.port_file, (*server)->port())) {
    Log(LogLevel::kError, "port_file_failed", {{"path", config.port_file}});
    return kExitUnavailable;
  }
  const LedgerStats stats = (*server)->ledger().Stats();
  Log(LogLevel::kInfo, "listening",
      {{"version", FAREBOX_VERSION},
       {"address", config.listen},
       {"port", (*server)->port()},
       {"data", config.data_directory},
       {"accounts", stats.accounts},
       {"entries", stats.last_entry}});

  if (termination.Wait().ok()) {
    Log(LogLevel::kInfo, "draining");
    (*server)->Drain();
  }
  if (const absl::Status failure = termination.failure(); !failure.ok()) {
    Log(LogLevel::kError, "journal_failed", {{"error", failure.message()}});
    (*server)->AbandonCalls();
    FlushLog();
    // Nothing may touch the files any more, closing them included.
    _exit(kExitSoftware);
  }
  Log(LogLevel::kInfo, "drained", {{"entries", (*server)->ledger().Stats().last_entry}});
  return kExitOk;
}

}  // namespace
}  // namespace farebox::server

int main(int argc, char** argv) {
  const farebox::server::ConfigResult read = farebox::server::ReadConfig(argc, argv);
  return read.is_done ? read.exit_code : farebox::server::Run(read.config);
}
