#include "server/metrics/ledger_metrics.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "server/base/account_settings.h"
#include "server/base/limits.h"
#include "server/metrics/families.h"
#include "storage/account_terms.h"

namespace farebox::server {
namespace {

constexpr size_t kAccountPage = 1'000;
constexpr char kOther[] = "other";
constexpr double kMicros = 1e6;

size_t IndexOf(AccountNumber account) { return static_cast<size_t>(account) - 1; }

}  // namespace

LedgerMetrics::LedgerMetrics(Ledger* ledger) : ledger_(ledger) { Load(ledger->AddListener(this)); }

LedgerMetrics::~LedgerMetrics() { ledger_->RemoveListener(this); }

void LedgerMetrics::Load(EntryId told_after) {
  std::shared_ptr<const std::string> settings;
  Group group = 0;
  MutexLock lock(&mu_);
  AccountNumber before = std::numeric_limits<AccountNumber>::max();
  while (before > 1) {
    const std::vector<AccountFacts> page = ledger_->ListAccounts(before, kAccountPage);
    if (page.empty()) break;
    for (const AccountFacts& account : page) {
      // Accounts with equal settings share them.
      if (account.settings != settings) {
        settings = account.settings;
        group = GroupOf(SettingsOf(*settings).currency_code());
      }
      SetGroup(account.number, group);
      CurrencyTotals& totals = totals_[group];
      ++totals.accounts;
      totals.open_holds += account.state.open_holds;
      totals.held_micros += account.state.held.value();
      totals.balance_micros += account.state.balance.value();
      if (account.state.last_entry > told_after) {
        counted_through_[account.number] = account.state.last_entry;
      }
    }
    before = page.back().number;
  }
  is_loaded_ = true;
  for (const Entry& entry : waiting_) Take(entry);
  waiting_ = {};
}

void LedgerMetrics::OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal> signals) {
  static_cast<void>(signals);
  MutexLock lock(&mu_);
  if (!is_loaded_) {
    waiting_.insert(waiting_.end(), entries.begin(), entries.end());
    return;
  }
  for (const Entry& entry : entries) Take(entry);
}

void LedgerMetrics::Take(const Entry& entry) {
  ++by_kind_[static_cast<size_t>(entry.kind)];
  if (entry.kind == EntryKind::kDecline) ++by_reason_[static_cast<size_t>(entry.reason)];

  if (!counted_through_.empty()) {
    const auto counted = counted_through_.find(entry.account);
    if (counted != counted_through_.end()) {
      if (entry.id <= counted->second) return;
      counted_through_.erase(counted);
    }
  }
  if (entry.kind == EntryKind::kAccountOpened) {
    const absl::StatusOr<AccountRecord> record = DecodeAccountRecord(entry.detail);
    if (record.ok()) SetGroup(entry.account, GroupOf(SettingsOf(record->settings).currency_code()));
  }
  CurrencyTotals& totals = totals_[groups_[IndexOf(entry.account)]];
  if (entry.kind == EntryKind::kAccountOpened) ++totals.accounts;
  if (entry.kind == EntryKind::kHold) ++totals.open_holds;
  if (EndsHold(entry.kind) && !entry.late()) --totals.open_holds;
  totals.held_micros += entry.held_change.value();
  totals.balance_micros += entry.amount.value();
}

LedgerMetrics::Group LedgerMetrics::GroupOf(absl::string_view currency_code) {
  const auto find = [this](absl::string_view code) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return std::find_if(totals_.begin(), totals_.end(),
                        [&](const CurrencyTotals& totals) { return totals.currency_code == code; });
  };
  auto found = find(currency_code);
  if (found == totals_.end() && totals_.size() >= limits::kWatchedCurrenciesMax) {
    currency_code = kOther;
    found = find(currency_code);
  }
  if (found == totals_.end()) {
    found = totals_.insert(found, {.currency_code = std::string(currency_code)});
  }
  return static_cast<Group>(found - totals_.begin());
}

void LedgerMetrics::SetGroup(AccountNumber account, Group group) {
  if (groups_.size() <= IndexOf(account)) {
    // By itself the vector would take twice what it needs.
    if (groups_.capacity() <= IndexOf(account)) {
      groups_.reserve(IndexOf(account) + IndexOf(account) / 8 + 1);
    }
    groups_.resize(IndexOf(account) + 1);
  }
  groups_[IndexOf(account)] = group;
}

std::vector<CurrencyTotals> LedgerMetrics::Totals() const {
  std::vector<CurrencyTotals> totals;
  {
    MutexLock lock(&mu_);
    totals = totals_;
  }
  std::sort(totals.begin(), totals.end(), [](const CurrencyTotals& a, const CurrencyTotals& b) {
    return a.currency_code < b.currency_code;
  });
  return totals;
}

std::vector<LedgerMetrics::DeclineCount> LedgerMetrics::Declines() const {
  std::vector<DeclineCount> declines;
  MutexLock lock(&mu_);
  for (size_t i = 0; i < by_reason_.size(); ++i) {
    if (by_reason_[i] == 0) continue;
    declines.push_back({.reason = static_cast<Reason>(i), .count = by_reason_[i]});
  }
  return declines;
}

std::vector<prometheus::MetricFamily> LedgerMetrics::Collect() const {
  using prometheus::MetricType;
  LabelledFamily holds("farebox_holds_open", "Open holds: calls in progress", MetricType::Gauge,
                       "currency");
  LabelledFamily held("farebox_held_money", "Money that open holds set aside, in currency units",
                      MetricType::Gauge, "currency");
  LabelledFamily balance("farebox_balance_money", "Sum of all balances, in currency units",
                         MetricType::Gauge, "currency");
  for (const CurrencyTotals& totals : Totals()) {
    holds.Add(totals.currency_code, static_cast<double>(totals.open_holds));
    held.Add(totals.currency_code, static_cast<double>(totals.held_micros) / kMicros);
    balance.Add(totals.currency_code, static_cast<double>(totals.balance_micros) / kMicros);
  }
  LabelledFamily kinds("farebox_entries_by_kind_total", "Entries since the start, by what they are",
                       MetricType::Counter, "kind");
  {
    MutexLock lock(&mu_);
    for (size_t i = 0; i < by_kind_.size(); ++i) {
      if (by_kind_[i] == 0) continue;
      kinds.Add(absl::AsciiStrToLower(EntryKindName(static_cast<EntryKind>(i))),
                static_cast<double>(by_kind_[i]));
    }
  }
  LabelledFamily declines("farebox_declines_total",
                          "Changes that the rules refused since the start, by reason",
                          MetricType::Counter, "reason");
  for (const DeclineCount& decline : Declines()) {
    declines.Add(std::string(ReasonName(decline.reason)), static_cast<double>(decline.count));
  }
  return {std::move(holds).Take(), std::move(held).Take(), std::move(balance).Take(),
          std::move(kinds).Take(), std::move(declines).Take()};
}

}  // namespace farebox::server
