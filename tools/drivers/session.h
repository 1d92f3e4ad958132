#ifndef FAREBOX_TOOLS_DRIVERS_SESSION_H_
#define FAREBOX_TOOLS_DRIVERS_SESSION_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "storage/clock.h"
#include "tests/support/history_check.h"
#include "tools/drivers/books.h"

// What a driver does before it plays and after it: accounts, and what became of them.
namespace farebox::drivers {

struct AccountSetup {
  std::string deck;
  std::string currency_code;
  int64_t opening_micros = 0;  // Credited to each; 0: nothing.
  std::string run_id;          // Begins the request ids.
};

// Creates the accounts that are not there yet, and credits each with the opening balance.
absl::Status SetUpAccounts(client::Client* client, const AccountSetup& setup,
                           const std::vector<std::string>& account_ids);

// What the accounts have before the run.
absl::StatusOr<std::map<std::string, history::Account>> ReadStart(
    client::Client* client, const std::vector<std::string>& account_ids);

// What the accounts have after the run, and every entry of it.
absl::StatusOr<std::map<std::string, AccountReading>> ReadBack(
    client::Client* client, const std::map<std::string, history::Account>& start);

// Adds what was read back to what was seen.
void AddReadings(const std::map<std::string, AccountReading>& readings, history::History* history);

// Returns when it is `time`.
void WaitUntil(const Clock& clock, absl::Time time);

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_SESSION_H_
