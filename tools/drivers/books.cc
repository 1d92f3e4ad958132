#include "tools/drivers/books.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace farebox::drivers {

std::string UseKey(int64_t hold_id, const std::string& request_id) {
  return hold_id != 0 ? absl::StrCat("hold ", hold_id) : absl::StrCat("request ", request_id);
}

void Books::Charge(const std::string& account_id, const std::string& key, int64_t price_micros) {
  accounts_[account_id].prices[key] = price_micros;
}

void Books::ChargeIfKept(const std::string& account_id, const std::string& key,
                         const std::string& request_id, int64_t price_micros) {
  accounts_[account_id].unsure.push_back({key, request_id, price_micros});
}

void Books::ForgetHold(const std::string& account_id, const std::string& authorize_request_id) {
  accounts_[account_id].forgotten.insert(authorize_request_id);
}

std::map<std::string, int64_t> Books::ExpectedPrices(const OfAccount& expected,
                                                     const AccountReading& reading) {
  std::set<std::string> kept;
  for (const v1::Entry& entry : reading.entries) {
    if (entry.kind() != v1::ENTRY_KIND_DECLINE) kept.insert(entry.request_id());
  }
  std::map<std::string, int64_t> prices = expected.prices;
  for (const Unsure& unsure : expected.unsure) {
    if (!kept.contains(unsure.request_id)) continue;
    int64_t& price = prices[unsure.key];
    price = std::max(price, unsure.price_micros);
  }
  return prices;
}

void Books::BalanceUses(const std::string& account_id, const OfAccount& expected,
                        const AccountReading& reading, Balancing* balancing) {
  std::map<std::string, int64_t> charged;
  for (const v1::Entry& entry : reading.entries) {
    if (entry.amount_micros() == 0) continue;
    charged[UseKey(entry.hold_id(), entry.request_id())] -= entry.amount_micros();
  }
  for (const auto& [key, price] : ExpectedPrices(expected, reading)) {
    const auto found = charged.find(key);
    const int64_t paid = found == charged.end() ? 0 : found->second;
    if (found != charged.end()) charged.erase(found);
    balancing->charged_micros += paid;
    balancing->expected_micros += price;
    if (paid == price) continue;
    balancing->problems.push_back(absl::StrCat("Account ", account_id, ", ", key, ": ", paid,
                                               " micros were charged, the price is ", price, "."));
  }
  for (const auto& [key, paid] : charged) {
    balancing->charged_micros += paid;
    balancing->problems.push_back(absl::StrCat("Account ", account_id, ", ", key, ": ", paid,
                                               " micros were charged for nothing."));
  }
}

void Books::BalanceHolds(const std::string& account_id, const OfAccount& expected,
                         const AccountReading& reading, Balancing* balancing) {
  std::set<int64_t> forgotten;
  for (const v1::Entry& entry : reading.entries) {
    const bool forgot = expected.forgotten.contains(entry.request_id());
    if (entry.kind() == v1::ENTRY_KIND_HOLD && forgot) forgotten.insert(entry.entry_id());
    const bool expired = entry.kind() == v1::ENTRY_KIND_HOLD_EXPIRED;
    if (expired && forgotten.contains(entry.hold_id())) ++balancing->holds_expired;
  }
  balancing->holds_forgotten += static_cast<int64_t>(forgotten.size());
  for (const v1::Hold& hold : reading.holds) {
    if (hold.hold_id() <= reading.account.start_entry_id) continue;
    if (forgotten.contains(hold.hold_id())) {
      ++balancing->holds_still_open;
    } else {
      balancing->problems.push_back(absl::StrCat("Account ", account_id, ": hold ", hold.hold_id(),
                                                 " is still open, but its call is over."));
    }
  }
}

Balancing Books::Balance(const std::map<std::string, AccountReading>& readings) const {
  static const OfAccount kNothing;
  Balancing balancing;
  for (const auto& [account_id, reading] : readings) {
    const auto found = accounts_.find(account_id);
    const OfAccount& expected = found == accounts_.end() ? kNothing : found->second;
    const int64_t expected_before = balancing.expected_micros;
    BalanceUses(account_id, expected, reading, &balancing);
    BalanceHolds(account_id, expected, reading, &balancing);
    balancing.entries += static_cast<int64_t>(reading.entries.size());

    const int64_t prices = balancing.expected_micros - expected_before;
    const int64_t balance = reading.account.end_balance_micros.value_or(0);
    if (balance == reading.account.start_balance_micros - prices) continue;
    balancing.problems.push_back(
        absl::StrCat("Account ", account_id, " has ", balance, " micros, but began with ",
                     reading.account.start_balance_micros, " and used ", prices, "."));
  }
  for (const auto& [account_id, expected] : accounts_) {
    if (readings.contains(account_id)) continue;
    balancing.problems.push_back(absl::StrCat("Account ", account_id, " was not read back."));
  }
  return balancing;
}

}  // namespace farebox::drivers
