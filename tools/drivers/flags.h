#ifndef FAREBOX_TOOLS_DRIVERS_FLAGS_H_
#define FAREBOX_TOOLS_DRIVERS_FLAGS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cpp/client.h"

namespace farebox::drivers {

// How a driver's run ended, for scripts.
inline constexpr int kExitClean = 0;
inline constexpr int kExitProblems = 1;  // It was played, and something is wrong.
inline constexpr int kExitFailed = 2;    // It could not be played or not be checked.

// Who a driver is; the files are read when it connects.
struct IdentityFlags {
  std::string api_key_file;
  // For what the role of the key above may not do: accounts, decks and whole journals.
  std::string admin_key_file;
  std::string tls_ca;
};

void AddIdentityFlags(CLI::App* app, IdentityFlags* flags);

// The options with the key of a file, none if that is empty, and TLS where the flags name who signs
// certificates.
absl::StatusOr<client::ClientOptions> WithIdentity(client::ClientOptions options,
                                                   const std::string& key_file,
                                                   const IdentityFlags& flags);

// What all drivers are told.
struct CommonFlags {
  std::string server = "127.0.0.1:50051";
  IdentityFlags identity;
  std::string deck_csv;
  std::string deck = "demo";
  std::string currency = "USD";
  std::string opening_balance = "20";
  bool accounts_setup = false;
  bool import_deck = false;
  int64_t patience_seconds = 60;
  int64_t limit = 0;
  double repeat_rate = 0;
  uint64_t seed = 1;
  std::string run_id;
};

void AddCommonFlags(CLI::App* app, CommonFlags* flags);

// Reads the command line; the exit code where the program is to end at once (--help, a wrong flag).
std::optional<int> ParseFlags(CLI::App* app, int argc, char** argv);

// A rate of 0 to 1 as so many of a thousand.
int PerMille(double rate);

// The run id that was given, or a fresh one.
std::string RunIdOf(const CommonFlags& flags);

// For what the driver plays.
absl::StatusOr<client::ClientOptions> ClientOptionsOf(const CommonFlags& flags);

// For what it does before and after, with the admin's key where there is one.
absl::StatusOr<client::ClientOptions> AdminOptionsOf(const CommonFlags& flags);

// The first so many of a log, where a limit is given.
template <typename Logged>
void Shorten(const CommonFlags& flags, std::vector<Logged>* log) {
  const auto limit = static_cast<size_t>(flags.limit);
  if (limit > 0 && limit < log->size()) log->erase(log->begin() + flags.limit, log->end());
}

// Imports the deck and sets up the accounts, as far as the flags ask for it.
absl::Status Prepare(const CommonFlags& flags, absl::string_view deck_csv,
                     const std::string& run_id, const std::vector<std::string>& account_ids,
                     client::Client* client);

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_FLAGS_H_
