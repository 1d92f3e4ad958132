#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/advice.h"
#include "client/cli/commands.h"
#include "client/cli/live_screen.h"
#include "client/cli/server_rates.h"
#include "client/cli/server_view.h"
#include "client/cli/times.h"
#include "farebox/v1/operations.pb.h"

namespace farebox::cli {
namespace {

constexpr char kKeys[] =
    "c calls  e errors  p p99  n name  r the other way round  space hold  q quit";

struct TopArguments {
  absl::Duration interval = absl::Seconds(1);
  bool is_once = false;
};

// The newest status, and the rates since the one before it.
class Samples {
 public:
  explicit Samples(Session* session) : session_(session) {}

  // Looks at the server once more.
  absl::Status Take() {
    absl::StatusOr<v1::GetStatusResponse> taken =
        session_->client().GetStatus({}, session_->call_options());
    if (!taken.ok()) return taken.status();
    const bool is_first = !status_.has_time();
    v1::GetStatusResponse before = std::exchange(status_, *std::move(taken));
    if (!is_first) rates_ = RatesBetween(before, status_);
    return absl::OkStatus();
  }

  // Whether two looks have made rates.
  bool has_rates() const { return rates_.has_value(); }
  std::string Text(const ServerViewOptions& options) const {
    return ServerText(status_, *rates_, options);
  }
  std::string Json() const { return ServerJson(status_, *rates_); }

 private:
  Session* const session_;
  v1::GetStatusResponse status_;
  std::optional<ServerRates> rates_;
};

// Line after line, for files, programs and terminals that can do no more.
int RunPlain(Session* session, const TopArguments& arguments, const ServerViewOptions& options) {
  Samples samples(session);
  while (true) {
    const absl::Status taken = samples.Take();
    if (!taken.ok()) return session->Fail(taken);
    if (samples.has_rates()) {
      session->Print(session->has_json() ? samples.Json() + "\n" : samples.Text(options) + "\n");
      if (arguments.is_once || !session->can_print()) return kExitOk;
    }
    absl::SleepFor(arguments.interval);
  }
}

void PressKey(char key, ServerViewOptions* options) {
  const RpcOrder before = options->order;
  if (key == 'c') options->order = RpcOrder::kByCalls;
  if (key == 'e') options->order = RpcOrder::kByErrors;
  if (key == 'p') options->order = RpcOrder::kByLatency;
  if (key == 'n') options->order = RpcOrder::kByName;
  if (key == 'r') options->is_reversed = !options->is_reversed;
  if (options->order != before) options->is_reversed = false;
}

// The whole terminal, until somebody has seen enough. A server that is away is waited for.
int RunLive(Session* session, const TopArguments& arguments, ServerViewOptions options) {
  Samples samples(session);
  // Whoever cannot ask at all is told so on the shell's own screen.
  const absl::Status first = samples.Take();
  if (!first.ok()) return session->Fail(first);

  LiveScreen screen;
  bool is_held = false;
  std::string problem;
  absl::Time next = absl::Now() + arguments.interval;
  while (true) {
    const std::string shown = samples.has_rates() ? samples.Text(options) : "one moment...\n";
    const std::string state = is_held ? "held: the space bar goes on" : problem;
    // At the top: whatever a terminal has no room for is left out at the bottom, and old figures
    // must not look live.
    screen.Draw(absl::StrCat(kKeys, "\n", state, "\n", shown));
    const std::optional<char> key =
        screen.WaitForKey(std::max(next - absl::Now(), absl::ZeroDuration()));
    if (key == LiveScreen::kQuit) return kExitOk;
    if (key == ' ') is_held = !is_held;
    if (key.has_value()) PressKey(*key, &options);
    if (absl::Now() < next) continue;
    next = absl::Now() + arguments.interval;
    if (is_held) continue;
    const absl::Status taken = samples.Take();
    problem = taken.ok() ? "" : DescribeFailure(taken, options.server);
  }
}

}  // namespace

void AddTopCommand(Commands* commands) {
  auto arguments = std::make_shared<TopArguments>();
  CLI::App* const command =
      commands->Add("top", "Watch what the server is doing, on the whole terminal",
                    [arguments](Session* session) {
                      const ServerViewOptions options = {.server = session->server(),
                                                         .zone = session->zone(),
                                                         .has_colour = session->has_colour()};
                      const bool is_live =
                          !arguments->is_once && !session->has_json() && LiveScreen::IsPossible();
                      return is_live ? RunLive(session, *arguments, options)
                                     : RunPlain(session, *arguments, options);
                    });
  command->add_flag("--once", arguments->is_once, "Show one interval, and end");
  const auto check = [](const std::string& text) {
    return std::string(ParseDuration(text).status().message());
  };
  const auto read = [arguments](const std::string& text) {
    arguments->interval = ParseDuration(text).value_or(arguments->interval);  // Checked before.
  };
  command->add_option_function<std::string>("--interval", read, "From look to look; 1s by default")
      ->check(CLI::Validator(check, ""))
      ->type_name("TIME");
}

}  // namespace farebox::cli
