#ifndef FAREBOX_SERVER_METRICS_LEDGER_METRICS_H_
#define FAREBOX_SERVER_METRICS_LEDGER_METRICS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "prometheus/collectable.h"
#include "storage/entry.h"
#include "storage/errors.h"
#include "storage/ledger.h"
#include "storage/mutex.h"

namespace farebox::server {

// What all accounts of a currency have together.
struct CurrencyTotals {
  // "other" for what is beyond limits::kWatchedCurrenciesMax.
  std::string currency_code;
  int64_t accounts = 0;
  int64_t open_holds = 0;
  absl::int128 held_micros = 0;
  absl::int128 balance_micros = 0;
};

// Adds up what becomes durable: money and holds by currency, entries by kind, refusals by reason.
// Looks at all accounts once, at its start; an entry then costs an addition or two, an account two
// bytes. Thread-safe.
//
//   farebox_holds_open{currency}           gauge
//   farebox_held_money{currency}           gauge    in units of the currency
//   farebox_balance_money{currency}        gauge    in units of the currency
//   farebox_entries_by_kind_total{kind}    counter  since the start
//   farebox_declines_total{reason}         counter  since the start
class LedgerMetrics : public LedgerListener, public prometheus::Collectable {
 public:
  // The ledger outlives it.
  explicit LedgerMetrics(Ledger* ledger);
  ~LedgerMetrics() override;
  LedgerMetrics(const LedgerMetrics&) = delete;
  LedgerMetrics& operator=(const LedgerMetrics&) = delete;

  // On the ledger's answer thread.
  void OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal> signals) override;

  std::vector<prometheus::MetricFamily> Collect() const override;

  // By currency code.
  std::vector<CurrencyTotals> Totals() const;

  struct DeclineCount {
    Reason reason = Reason::kNone;
    int64_t count = 0;
  };
  // Those that there were.
  std::vector<DeclineCount> Declines() const;

 private:
  using Group = uint16_t;  // A place in totals_.

  void Load(EntryId told_after);
  void Take(const Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Group GroupOf(absl::string_view currency_code) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SetGroup(AccountNumber account, Group group) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Ledger* const ledger_;

  mutable Mutex mu_;
  bool is_loaded_ ABSL_GUARDED_BY(mu_) = false;
  // What came before all accounts had been looked at.
  std::vector<Entry> waiting_ ABSL_GUARDED_BY(mu_);
  // Accounts that were looked at when they had entries already that are still to be told.
  absl::flat_hash_map<AccountNumber, EntryId> counted_through_ ABSL_GUARDED_BY(mu_);
  std::vector<CurrencyTotals> totals_ ABSL_GUARDED_BY(mu_);
  // By account number, from 1.
  std::vector<Group> groups_ ABSL_GUARDED_BY(mu_);
  std::array<int64_t, 256> by_kind_ ABSL_GUARDED_BY(mu_){};
  std::array<int64_t, 256> by_reason_ ABSL_GUARDED_BY(mu_){};
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_METRICS_LEDGER_METRICS_H_
