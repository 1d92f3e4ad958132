#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/tuning.h"
#include "server/config.h"
#include "server/exit_codes.h"
#include "server/hand_over/hand_over.h"
#include "server/hand_over/hand_over_limits.h"
#include "server/hand_over/passed_sockets.h"
#include "server/hand_over/supervisor.h"
#include "server/server.h"
#include "server/termination.h"
#include "storage/clock.h"
#include "storage/status_macros.h"

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

// The program that this process runs, where it was when it started: what is there by now is another
// version after an upgrade.
std::string ProgramPath() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error);
}

class Process {
 public:
  Process(Config config, std::vector<std::string> arguments)
      : config_(std::move(config)), arguments_(std::move(arguments)) {}

  int Run(const Server::StartupContext& context) {
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(
        config_, &clock_, [this](const auto& status) { termination_.ReportFailure(status); },
        EndStuck, context);
    if (!server.ok()) {
      Log(LogLevel::kError, "start_failed", {{"error", server.status().message()}});
      FlushLog();
      return ExitCodeOf(server.status());
    }
    server_ = *std::move(server);
    if (!config_.port_file.empty() && !WritePortFile(config_.port_file, server_->port())) {
      Log(LogLevel::kError, "port_file_failed", {{"path", config_.port_file}});
      return kExitUnavailable;
    }
    SayListening();
    return Serve();
  }

 private:
  void SayListening() {
    const LedgerStats stats = server_->ledger().Stats();
    Log(LogLevel::kInfo, "listening",
        {{"version", FAREBOX_VERSION},
         {"address", config_.listen},
         {"port", server_->port()},
         {"data", config_.data_directory},
         {"accounts", stats.accounts},
         {"entries", stats.last_entry}});
    TellSupervisor("READY=1");
  }

  int Serve() {
    using Event = Termination::Event;
    while (true) {
      switch (termination_.Wait()) {
        case Event::kFailure:
          return EndAfterFailure();
        case Event::kSignal:
          return Drain();
        case Event::kHandOverWanted:
          StartSuccessor();
          break;
        case Event::kSuccessorFailed:
          SayHandOverFailed(termination_.successor());
          break;
        case Event::kSuccessorReady:
          return Leave();
      }
    }
  }

  void StartSuccessor() {
    if (successor_ != nullptr) return;
    Log(LogLevel::kInfo, "hand_over_begun", {{"program", program_}});
    TellSupervisor("RELOADING=1");
    const absl::Status started = SpawnSuccessor();
    if (!started.ok()) SayHandOverFailed(started);
  }

  absl::Status SpawnSuccessor() {
    FAREBOX_ASSIGN_OR_RETURN(successor_,
                             Successor::Start({.program = program_,
                                               .arguments = arguments_,
                                               .sockets = server_->SocketsToPass(),
                                               .patience = limits::kSuccessorTimeout,
                                               .on_decided = [this](const absl::Status& status) {
                                                 termination_.ReportSuccessor(status);
                                               }}));
    return absl::OkStatus();
  }

  void SayHandOverFailed(const absl::Status& status) {
    successor_ = nullptr;
    Log(LogLevel::kError, "hand_over_failed", {{"error", status.message()}});
    TellSupervisor("READY=1");
  }

  int Drain() {
    // Nobody is to take over what is to stop.
    successor_ = nullptr;
    Log(LogLevel::kInfo, "draining");
    TellSupervisor("STOPPING=1");
    server_->Drain();
    if (!termination_.failure().ok()) return EndAfterFailure();
    SayDrained();
    return kExitOk;
  }

  int Leave() {
    server_->DrainForSuccessor();
    if (!termination_.failure().ok()) return EndAfterFailure();
    if (termination_.is_ending()) {
      // Nobody is to take over what is to stop.
      successor_ = nullptr;
      EndDrained();
    }
    if (!successor_->IsAlive()) {
      // We serve no more: another one is to, which has read nothing beforehand.
      Log(LogLevel::kError, "successor_lost", {{"process_id", successor_->process_id()}});
      successor_ = nullptr;
      const absl::Status started = SpawnSuccessor();
      if (!started.ok()) EndAlone(started);
    }
    Log(LogLevel::kInfo, "handed_over",
        {{"entries", server_->ledger().Stats().last_entry}, {"to", successor_->process_id()}});
    TellSupervisor(absl::StrCat("MAINPID=", successor_->process_id()));
    FlushLog();
    // At once: the successor waits for the end of this process. What is open is left as a killed
    // process leaves it, with all that was answered on disk.
    _exit(kExitOk);
  }

  // After DrainForSuccessor there is nothing that could be taken down in order.
  [[noreturn]] void EndDrained() {
    SayDrained();
    FlushLog();
    _exit(kExitOk);
  }

  [[noreturn]] static void EndAlone(const absl::Status& status) {
    Log(LogLevel::kError, "hand_over_failed", {{"error", status.message()}});
    FlushLog();
    _exit(kExitUnavailable);
  }

  void SayDrained() {
    Log(LogLevel::kInfo, "drained", {{"entries", server_->ledger().Stats().last_entry}});
  }

  int EndAfterFailure() {
    Log(LogLevel::kError, "journal_failed", {{"error", termination_.failure().message()}});
    server_->AbandonCalls();
    FlushLog();
    // Nothing may touch the files any more, closing them included.
    _exit(kExitSoftware);
  }

  // Constant after construction.
  const Config config_;
  const std::vector<std::string> arguments_;
  const std::string program_ = ProgramPath();
  const SystemClock clock_;

  // Before any other thread: all of them are to leave the signals to this one.
  Termination termination_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Successor> successor_;
};

int Run(const Config& config, std::vector<std::string> arguments) {
  TuneThreads();
  ConfigureLog(config.log_format, config.log_level);
  // Kept until the end: the one before kills this process as soon as it hears no more from it.
  const std::unique_ptr<Predecessor> predecessor = Predecessor::Find();
  return Process(config, std::move(arguments))
      .Run(
          {.sockets = TakePassedSockets(predecessor != nullptr), .predecessor = predecessor.get()});
}

}  // namespace
}  // namespace farebox::server

int main(int argc, char** argv) {
  // Whoever reads what is logged may go away, and that is no reason to end.
  std::signal(SIGPIPE, SIG_IGN);
  const farebox::server::ConfigResult read = farebox::server::ReadConfig(argc, argv);
  return read.is_done ? read.exit_code : farebox::server::Run(read.config, {argv + 1, argv + argc});
}
