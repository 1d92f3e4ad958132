#ifndef FAREBOX_TOOLS_DRIVERS_BOOKS_H_
#define FAREBOX_TOOLS_DRIVERS_BOOKS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "farebox/v1/billing.pb.h"
#include "tests/support/history_check.h"

namespace farebox::drivers {

// An account as it was read back after the run.
struct AccountReading {
  history::Account account;        // With what it had before the run.
  std::vector<v1::Entry> entries;  // Those of the run, oldest first.
  std::vector<v1::Hold> holds;     // Open ones, of the run or from before.
};

// What the ledger and the driver's own sum say about the same run.
struct Balancing {
  int64_t charged_micros = 0;   // By the ledger.
  int64_t expected_micros = 0;  // By the driver's own sum of prices.
  int64_t entries = 0;
  int64_t holds_forgotten = 0;   // On purpose, or with an answer that never came.
  int64_t holds_expired = 0;     // Of them.
  int64_t holds_still_open = 0;  // Of them.
  std::vector<std::string> problems;
};

// The driver's own books: what each use must have cost, by its own prices. Thread-compatible.
class Books {
 public:
  // The use that `key` names, a hold's id or a request id, costs `price_micros` in all. Said again,
  // the later price counts.
  void Charge(const std::string& account_id, const std::string& key, int64_t price_micros);

  // The request was never answered: its price counts if the journal has the request. A use only
  // gets dearer, so that the highest price counts where several are known.
  void ChargeIfKept(const std::string& account_id, const std::string& key,
                    const std::string& request_id, int64_t price_micros);

  // Nobody will settle the hold, if that request was granted one.
  void ForgetHold(const std::string& account_id, const std::string& authorize_request_id);

  // Compares all of it with what was read back. Every account that was charged must be there.
  Balancing Balance(const std::map<std::string, AccountReading>& readings) const;

 private:
  struct Unsure {
    std::string key;
    std::string request_id;
    int64_t price_micros = 0;
  };
  struct OfAccount {
    std::map<std::string, int64_t> prices;  // By key.
    std::vector<Unsure> unsure;
    std::set<std::string> forgotten;  // Request ids of their Authorize.
  };

  static std::map<std::string, int64_t> ExpectedPrices(const OfAccount& expected,
                                                       const AccountReading& reading);
  static void BalanceUses(const std::string& account_id, const OfAccount& expected,
                          const AccountReading& reading, Balancing* balancing);
  static void BalanceHolds(const std::string& account_id, const OfAccount& expected,
                           const AccountReading& reading, Balancing* balancing);

  std::map<std::string, OfAccount> accounts_;
};

// The key under which an entry's use is booked: its hold's id where it has one, otherwise its
// request id.
std::string UseKey(int64_t hold_id, const std::string& request_id);

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_BOOKS_H_
