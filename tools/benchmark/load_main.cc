// Makes load on a server and prints what it saw as one line of JSON.

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "tools/benchmark/load.h"

namespace {

// Empty where there is no file.
std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

}  // namespace

int main(int argc, char** argv) {
  // Debian builds absl so that all of gRPC's locks look for cycles: the servers' do not either.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  farebox::benchmark::LoadOptions options;
  bool prepare = false;
  CLI::App app{"Makes load on a Farebox server and prints operations a second and latencies."};
  app.add_option("--server", options.server, "host:port")->capture_default_str();
  std::string api_key_file;
  std::string root_certificates_file;
  app.add_option("--api-key-file", api_key_file, "the file with the API key of every call");
  app.add_option("--traceparent", options.traceparent, "W3C trace that every call names");
  app.add_option("--tls-ca", root_certificates_file, "connect by TLS; who signed the certificate");
  app.add_option("--operation", options.operation,
                 "debit, authorize, balance, activity, batch or stream")
      ->capture_default_str();
  app.add_option("--outstanding", options.outstanding, "calls in flight")->capture_default_str();
  app.add_option("--batch-size", options.batch_size, "debits a batch")->capture_default_str();
  app.add_option("--accounts", options.accounts, "accounts")->capture_default_str();
  app.add_option("--channels", options.channels, "connections")->capture_default_str();
  app.add_option("--seconds", options.seconds, "how long")->capture_default_str();
  app.add_option("--warmup", options.warmup_seconds, "before that")->capture_default_str();
  app.add_option("--operations", options.operations, "end after so many, not by time");
  app.add_option("--activity-since", options.activity_since,
                 "Unix seconds; pages end at random times after it");
  app.add_flag("--prepare", prepare, "only make the accounts and the deck");
  CLI11_PARSE(app, argc, argv);
  options.api_key = std::string(absl::StripAsciiWhitespace(ReadFile(api_key_file)));
  options.root_certificates = ReadFile(root_certificates_file);

  if (prepare) {
    const absl::Status status = farebox::benchmark::PrepareAccounts(options);
    if (!status.ok()) std::cerr << status << "\n";
    return status.ok() ? 0 : 1;
  }
  const auto result = options.operation == "stream" ? farebox::benchmark::RunStreamLoad(options)
                                                    : farebox::benchmark::RunUnaryLoad(options);
  if (!result.ok()) {
    std::cerr << result.status() << "\n";
    return 1;
  }
  std::cout << absl::StrFormat(
      R"({"operation":"%s","outstanding":%d,"per_second":%.0f,"p50_us":%.0f,"p99_us":%.0f,)"
      R"("max_us":%.0f,"errors":%d})"
      "\n",
      options.operation, options.outstanding, result->operations_per_second, result->p50_micros,
      result->p99_micros, result->max_micros, result->errors);
  return 0;
}
