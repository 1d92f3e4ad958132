#include "server/notices/notice_worker.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "server/base/document_kinds.h"
#include "server/base/limits.h"
#include "server/notices/low_balance.h"
#include "storage/status_macros.h"

namespace farebox::server {

NoticeWorker::NoticeWorker(Parts parts) : parts_(std::move(parts)) {
  // First: what falls while all are looked at is noticed by looking or by listening.
  parts_.ledger->AddListener(this);
  thread_.Start();
}

NoticeWorker::~NoticeWorker() { Drain(); }

void NoticeWorker::Drain() {
  parts_.ledger->RemoveListener(this);
  thread_.Stop();
}

// ---- Listening

void NoticeWorker::OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal> signals) {
  MutexLock lock(&mu_);
  if (!fallen_.empty()) {
    for (const Entry& entry : entries) {
      const auto found = fallen_.find(entry.account);
      if (found == fallen_.end()) continue;
      const Fallen& account = found->second;
      // The books are ahead of what is told here.
      if (entry.id <= account.last_entry) continue;
      const Micros funds(entry.balance.value() + entry.credit_limit.value());
      const Micros available(funds.value() - entry.held.value());
      const bool has_risen = funds > account.funds && available >= account.threshold;
      if (has_risen) AskNow(account.account_id, entry.id);
    }
  }
  for (const Signal& signal : signals) {
    if (signal.kind == Signal::Kind::kLowBalance) AskNow(signal.account_id, /*rise=*/0);
  }
}

void NoticeWorker::Ask(absl::string_view account_id, EntryId rise) {
  EntryId& newest = asked_[account_id];
  newest = std::max(newest, rise);
}

void NoticeWorker::AskNow(absl::string_view account_id, EntryId rise) {
  Ask(account_id, rise);
  thread_.Wake();
}

// ---- Looking

absl::Duration NoticeWorker::Work() {
  absl::Status status = LookAtAll();
  if (status.ok()) status = LookAtAsked();
  while (status.ok() && !thread_.IsStopping()) {
    const absl::StatusOr<bool> reminded = parts_.notices->RemindOfCard();
    status = reminded.status();
    if (status.ok() && !*reminded) break;
  }
  if (status.ok()) return limits::kMailDuePause;
  parts_.on_error(status);
  return limits::kMailFailurePause;
}

absl::Status NoticeWorker::LookAtAll() {
  if (has_looked_at_all_) return absl::OkStatus();
  FAREBOX_RETURN_IF_ERROR(LookAtFallen());
  FAREBOX_RETURN_IF_ERROR(LookAtAccounts());
  has_looked_at_all_ = true;
  return absl::OkStatus();
}

absl::Status NoticeWorker::LookAtFallen() {
  int64_t before = std::numeric_limits<int64_t>::max();
  while (!thread_.IsStopping()) {
    FAREBOX_ASSIGN_OR_RETURN(
        const std::vector<Document> page,
        parts_.documents->List(kAccountNotices, 0, before, limits::kNoticePageSize));
    if (page.empty()) break;
    for (const Document& document : page) {
      const std::string account_id = Notices::FallenAccount(document);
      if (!account_id.empty()) FAREBOX_RETURN_IF_ERROR(Look(account_id, /*rise=*/0));
    }
    before = page.back().id;
  }
  return absl::OkStatus();
}

absl::Status NoticeWorker::LookAtAccounts() {
  AccountNumber before = std::numeric_limits<AccountNumber>::max();
  while (!thread_.IsStopping()) {
    const std::vector<AccountFacts> page =
        parts_.ledger->ListAccounts(before, limits::kNoticePageSize);
    if (page.empty()) break;
    for (const AccountFacts& account : page) {
      if (account.state.available() >= account.state.terms.low_balance_threshold) continue;
      FAREBOX_RETURN_IF_ERROR(Look(account.account_id, /*rise=*/0));
    }
    before = page.back().number;
  }
  return absl::OkStatus();
}

absl::Status NoticeWorker::LookAtAsked() {
  while (!thread_.IsStopping()) {
    std::pair<std::string, EntryId> next;
    {
      MutexLock lock(&mu_);
      if (asked_.empty()) return absl::OkStatus();
      next = *asked_.begin();
      asked_.erase(asked_.begin());
    }
    const absl::Status status = Look(next.first, next.second);
    if (status.ok()) continue;
    MutexLock lock(&mu_);
    Ask(next.first, next.second);
    return status;
  }
  return absl::OkStatus();
}

absl::Status NoticeWorker::Look(const std::string& account_id, EntryId rise) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts known, parts_.ledger->FindAccount(account_id));
  const Micros threshold = known.state.terms.low_balance_threshold;
  {
    MutexLock lock(&mu_);
    const auto found = fallen_.find(known.number);
    const bool is_dealt_with =
        found != fallen_.end() && rise == 0 && found->second.threshold == threshold;
    if (is_dealt_with) return absl::OkStatus();
    fallen_[known.number] = {.account_id = account_id,
                             .funds = FundsOf(known.state),
                             .threshold = threshold,
                             .last_entry = known.state.last_entry};
  }
  // Read again: what comes in after this is noticed by listening.
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, parts_.ledger->FindAccount(account_id));
  const absl::StatusOr<bool> is_fallen = parts_.notices->LookAtBalance(account, rise);
  if (!is_fallen.ok() || !*is_fallen) {
    MutexLock lock(&mu_);
    fallen_.erase(known.number);
  }
  return is_fallen.status();
}

}  // namespace farebox::server
