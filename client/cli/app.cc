#include "client/cli/app.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client/cli/commands.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/session.h"
#include "client/cli/times.h"
#include "client/cpp/trace.h"

namespace farebox::cli {
namespace {

constexpr char kDescription[] =
    "Opens accounts, moves money and answers questions about it, on a Farebox server.\n"
    "\n"
    "Amounts are in units of the account's currency, e.g. 12.50, with up to six decimals.\n";

constexpr char kExamples[] =
    "Examples:\n"
    "  farebox account create acme --currency USD --deck standard\n"
    "  farebox credit acme 25.00 --description \"bank transfer\"\n"
    "  farebox quote call --account acme --to 15551234567 --seconds 90\n"
    "  farebox authorize acme call --from 15550001 --to 15551234567 --seconds 300\n"
    "  farebox activity acme --from today\n"
    "  source <(farebox completion bash)\n"
    "\n";

// Colour is for people, unless they do not want it (no-color.org).
bool HasColour() {
  const char* const no_colour = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  const char* const terminal = std::getenv("TERM");       // NOLINT(concurrency-mt-unsafe)
  const bool is_wanted = no_colour == nullptr || *no_colour == '\0';
  const bool is_able = terminal != nullptr && absl::string_view(terminal) != "dumb";
  return is_wanted && is_able && isatty(STDOUT_FILENO) == 1;
}

void AddOptions(CLI::App* app, SessionOptions* options) {
  app->add_option("--server", options->server, "host:port of the server, or unix:PATH")
      ->envname("FAREBOX_SERVER")
      ->type_name("ADDRESS")
      ->capture_default_str();
  const auto check_timeout = [](const std::string& text) {
    return std::string(ParseDuration(text).status().message());
  };
  const auto read_timeout = [options](const std::string& text) {
    options->timeout = ParseDuration(text).value_or(absl::ZeroDuration());  // Checked before.
  };
  app->add_option_function<std::string>(
         "--timeout", read_timeout,
         "How long to wait for an answer, e.g. 500ms or 10s; 5s by default, longer where all data "
         "is read")
      ->check(CLI::Validator(check_timeout, ""))
      ->type_name("TIME");
  app->add_option("--request-id", options->request_id,
                  "Names the change; repeating it under the same id does nothing twice")
      ->type_name("ID");
  app->add_flag("--json", options->has_json, "Print the answer as JSON, with the API's names");
  app->add_flag("--trace", options->has_trace,
                "Name the calls in the server's log, and tell by which trace id: that of the "
                "TRACEPARENT in the environment, or a new one");
  app->add_flag("--utc", options->has_utc, "Read and show times in UTC, not the local time zone");
}

// Who calls whom, and by which files.
class Identity {
 public:
  Identity(CLI::App* app, SessionOptions* options) : options_(*options) {
    AddFile(app, "--api-key-file", &options->api_key, "The file that has your API key")
        ->envname("FAREBOX_API_KEY_FILE");
    app->add_flag("--tls", options->has_tls, "Connect by TLS; the four below do too")
        ->envname("FAREBOX_TLS");
    tls_.push_back(
        app->add_option("--tls-name", options->tls_name,
                        "The name in the server's certificate, where it is not that of --server")
            ->envname("FAREBOX_TLS_NAME"));
    tls_.push_back(AddFile(app, "--tls-ca", &options->root_certificates,
                           "Who may have signed the server's certificate (PEM); whom this machine "
                           "trusts by default")
                       ->envname("FAREBOX_TLS_CA"));
    tls_.push_back(AddFile(app, "--tls-cert", &options->certificates,
                           "Your certificate (PEM), where it wants one")
                       ->envname("FAREBOX_TLS_CERT"));
    tls_.push_back(
        AddFile(app, "--tls-key", &options->private_key, "The key of your certificate (PEM)")
            ->envname("FAREBOX_TLS_KEY"));
  }

  // After parsing. By what was asked for, not by what was found: nobody who wants TLS is to be
  // connected without it.
  absl::Status Complete() {
    for (const CLI::Option* const option : tls_) options_.has_tls |= option->count() > 0;
    for (const auto& [option, content] : files_) {
      if (option->count() == 0) continue;
      // Once: a pipe has nothing to say the second time.
      const std::string path = option->as<std::string>();
      const absl::StatusOr<std::string> read = ReadAll(path);
      if (!read.ok()) return read.status();
      *content = std::string(absl::StripAsciiWhitespace(*read));
      if (content->empty()) return absl::UnknownError(absl::StrCat(path, " is empty"));
    }
    return absl::OkStatus();
  }

 private:
  // An option whose value is what a file holds: secrets are on no command line.
  CLI::Option* AddFile(CLI::App* app, const std::string& name, std::string* content,
                       const std::string& description) {
    CLI::Option* const option = app->add_option(name, description)->type_name(kFileType);
    files_.emplace_back(option, content);
    return option;
  }

  SessionOptions& options_;
  std::vector<const CLI::Option*> tls_;
  std::vector<std::pair<const CLI::Option*, std::string*>> files_;
};

// The environment's place in a trace, where it has a good one.
std::string MakeTraceparent() {
  const char* const found = std::getenv("TRACEPARENT");  // NOLINT(concurrency-mt-unsafe)
  const bool is_good = found != nullptr && !client::TraceIdOf(found).empty();
  return is_good ? found : client::MakeTraceparent();
}

// How the program ends. An answer that was not written is not an answer, as that of `key create`.
int EndOf(int exit_code) {
  std::cout.flush();
  if (std::cout || exit_code != kExitOk) return exit_code;
  std::cerr << "farebox: cannot write standard output\n";
  return kExitFault;
}

int Refuse(absl::string_view problem) {
  std::cerr << "farebox: " << problem << ". Run with --help for more information.\n";
  return kExitUsage;
}

}  // namespace

int RunApp(int argc, const char* const* argv) {
  CLI::App app(kDescription, "farebox");
  app.footer(absl::StrCat(kExamples, DescribeExitCodes()));
  app.set_version_flag("--version", absl::StrCat("farebox ", FAREBOX_VERSION));
  app.require_subcommand(1);
  // Lets the options of all commands be written behind any of them.
  app.fallthrough();
  SessionOptions options;
  options.has_colour = HasColour();
  AddOptions(&app, &options);
  Identity identity(&app, &options);
  Commands commands(&app);
  AddAccountCommands(&commands);
  AddMoneyCommands(&commands);
  AddHoldCommands(&commands);
  AddActivityCommands(&commands);
  AddSummaryCommands(&commands);
  AddRatesCommands(&commands);
  AddRechargeCommands(&commands);
  AddCardCommands(&commands);
  AddNumberCommands(&commands);
  AddAccessCommands(&commands);
  AddStatusCommand(&commands);
  AddTopCommand(&commands);
  AddVerifyCommand(&commands);
  AddBackupCommands(&commands);
  AddCompletionCommand(&commands);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked_for) {
    app.exit(asked_for);
    return EndOf(kExitOk);
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
    return Refuse(unknown.empty() ? error.what()
                                  : absl::StrCat("\"", unknown[0], "\" is not known here"));
  }
  if (options.has_trace) options.traceparent = MakeTraceparent();
  const absl::Status identified = identity.Complete();
  Session session(options);
  if (!identified.ok()) return session.Fail(identified);
  if (options.has_trace) {
    session.Note(absl::StrCat("trace id ", client::TraceIdOf(options.traceparent)));
  }
  return EndOf(commands.RunChosen(&session));
}

}  // namespace farebox::cli
