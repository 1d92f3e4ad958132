// The server as it is, but that it ends by kill -9 when a charge reaches the point that
// FAREBOX_KILL_AT names: "SENT", or "SENT/2" for the second time.

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "server/config.h"
#include "server/server.h"
#include "storage/clock.h"

namespace {

struct KillAt {
  std::string point;
  int time = 1;
};

KillAt ReadKillAt() {
  const char* const text = std::getenv("FAREBOX_KILL_AT");
  if (text == nullptr) return {};
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  KillAt kill_at = {.point = parts.first};
  if (!parts.second.empty() && !absl::SimpleAtoi(parts.second, &kill_at.time)) std::abort();
  return kill_at;
}

}  // namespace

int main(int argc, char** argv) {
  farebox::server::ConfigResult read = farebox::server::ReadConfig(argc, argv);
  if (read.is_done) return read.exit_code;
  std::atomic<int> reached{0};
  read.config.payments.reached = [kill_at = ReadKillAt(), &reached](absl::string_view point) {
    if (point == kill_at.point && ++reached == kill_at.time) kill(getpid(), SIGKILL);
  };
  const farebox::SystemClock clock;
  const auto server = farebox::server::Server::Start(read.config, &clock,
                                                     [](const absl::Status&) { std::abort(); });
  if (!server.ok()) return 1;
  std::ofstream(read.config.port_file) << (*server)->port() << "\n";
  // Until it is killed.
  while (true) pause();
}
