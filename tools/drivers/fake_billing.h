#ifndef FAREBOX_TOOLS_DRIVERS_FAKE_BILLING_H_
#define FAREBOX_TOOLS_DRIVERS_FAKE_BILLING_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "farebox/v1/billing.pb.h"
#include "tools/drivers/billing.h"
#include "tools/drivers/books.h"
#include "tools/drivers/deck_prices.h"

namespace farebox::drivers {

// What the fake does wrong, to see whether it is found.
struct FakeFaults {
  int64_t overcharge_micros = 0;  // On every settlement.
  bool charges_repeats = false;   // A repeated request is done again.
  bool keeps_holds = false;       // A settlement leaves its hold open.
  bool prices_what_has_no_rate = false;
  int lose_every = 0;  // Every so many answers is lost after the request was done; 0: none.
};

// A ledger in memory for the drivers' tests: accounts, holds, request ids, calls and texts; no
// clock. Answers at once, on the caller's thread.
class FakeBilling : public Billing {
 public:
  FakeBilling(const DeckPrices* prices, FakeFaults faults) : prices_(prices), faults_(faults) {}

  void Open(const std::string& account_id, int64_t balance_micros);

  void Apply(const v1::Operation& operation, Answered answered) override;
  void GetBalance(const std::string& account_id, BalanceRead read) override;

  std::map<std::string, AccountReading> ReadBack() const;

 private:
  struct OpenHold {
    int64_t held_micros = 0;
    int64_t charged_micros = 0;
    int64_t granted_seconds = 0;
    const DeckRate* rate = nullptr;
  };
  struct Account {
    int64_t opening_micros = 0;
    int64_t balance_micros = 0;
    int64_t held_micros = 0;
    int64_t last_entry_id = 0;
    std::map<int64_t, OpenHold> holds;
    std::vector<v1::Entry> entries;

    int64_t available_micros() const { return balance_micros - held_micros; }
  };

  v1::OperationResult Do(const v1::Operation& operation);
  v1::AuthorizeResponse Authorize(const v1::AuthorizeRequest& request);
  v1::ReauthorizeResponse Reauthorize(const v1::ReauthorizeRequest& request);
  v1::Entry Settle(Account* account, int64_t hold_id, const std::string& request_id,
                   int64_t used_seconds, bool final);
  v1::OperationResult DebitText(const v1::DebitRequest& request);
  v1::Entry Append(Account* account, const std::string& request_id, v1::EntryKind kind,
                   int64_t amount_micros, int64_t held_change_micros, int64_t hold_id);

  const DeckPrices* const prices_;
  const FakeFaults faults_;
  std::map<std::string, Account> accounts_;
  std::map<std::pair<std::string, std::string>, v1::OperationResult> results_;
  int64_t last_entry_id_ = 0;
  int answers_ = 0;
};

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_FAKE_BILLING_H_
