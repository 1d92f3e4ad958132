// Any bytes as what an operator sets: refused with the exit code of a mistake, or settings that are
// within their bounds and let nobody in who was not to be.

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/config.h"
#include "server/exit_codes.h"
#include "storage/check.h"
#include "tests/support/temporary_directory.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace farebox::server {
namespace {

ConfigResult Read(const std::vector<std::string>& flags) {
  std::vector<const char*> arguments = {"farebox-server"};
  for (const std::string& flag : flags) arguments.push_back(flag.c_str());
  return ReadConfig(static_cast<int>(arguments.size()), arguments.data());
}

void CheckResult(const ConfigResult& result) {
  const Config& config = result.config;
  if (result.is_done) {
    FAREBOX_CHECK(result.exit_code == kExitUsage || result.exit_code == kExitOk);
    return;
  }
  for (const std::string& address : {config.listen, config.http_listen}) {
    FAREBOX_CHECK(!IsExposed(address, config) || config.insecure_listen_anywhere);
  }
  for (const absl::Duration time :
       {config.connection_idle, config.connection_age, config.connection_age_grace,
        config.drain_timeout, config.request_window}) {
    FAREBOX_CHECK(time > absl::ZeroDuration() && time <= absl::Hours(24 * 366));
  }
  FAREBOX_CHECK(config.drain_grace >= absl::ZeroDuration());
  FAREBOX_CHECK(config.queued_commands_max >= 1 && config.reader_threads >= 1);
  FAREBOX_CHECK(config.calls_per_connection_max >= 1 && config.connections.connections_max >= 1);
  FAREBOX_CHECK(!config.access.support_credit_max.is_negative());
  const bool has_mail = config.mail.route != MailRoute::kNone;
  FAREBOX_CHECK(!has_mail || !config.mail.smtp.author.address.empty());
}

// The first byte says what the rest is: the file of --config, or flags, one a line.
void ReadSettings(absl::string_view input) {
  static const testing::TemporaryDirectory directory;
  if (input.empty()) return;
  const bool is_file = input[0] == 'f';
  input.remove_prefix(1);
  if (!is_file) return CheckResult(Read(absl::StrSplit(input, '\n')));
  const std::string path = directory / "farebox.toml";
  std::ofstream(path, std::ios::binary) << input;
  CheckResult(Read({"--config", path}));
}

}  // namespace
}  // namespace farebox::server

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // It is told what is wrong each time.
  std::cout.rdbuf(nullptr);
  std::cerr.rdbuf(nullptr);
  farebox::server::ReadSettings({reinterpret_cast<const char*>(data), size});
  return 0;
}
