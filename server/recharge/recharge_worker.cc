#include "server/recharge/recharge_worker.h"

#include <limits>
#include <utility>
#include <vector>

#include "server/base/document_kinds.h"
#include "server/base/limits.h"
#include "server/recharge/limits.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// Documents read at once.
constexpr size_t kPageSize = 256;

}  // namespace

RechargeWorker::RechargeWorker(Parts parts)
    : parts_(std::move(parts)),
      failed_(parts_.clock, limits::kRechargeFailurePause),
      lanes_("fbx-recharge", parts_.threads),
      last_look_(parts_.clock->Now()) {}

absl::StatusOr<std::unique_ptr<RechargeWorker>> RechargeWorker::Start(Parts parts) {
  std::unique_ptr<RechargeWorker> worker(new RechargeWorker(std::move(parts)));
  // First: what falls while the profiles are read is noticed by reading or by listening.
  worker->parts_.ledger->AddListener(worker.get());
  FAREBOX_RETURN_IF_ERROR(worker->WatchAll());
  worker->due_thread_.Start(limits::kRechargeDuePause);
  return worker;
}

RechargeWorker::~RechargeWorker() { Drain(); }

void RechargeWorker::Drain() {
  parts_.ledger->RemoveListener(this);
  due_thread_.Stop();
  lanes_.Drain();
}

// ---- What is watched

absl::Status RechargeWorker::WatchAll() {
  int64_t before = std::numeric_limits<int64_t>::max();
  while (true) {
    FAREBOX_ASSIGN_OR_RETURN(const std::vector<Document> page,
                             parts_.documents->List(kPaymentProfiles, 0, before, kPageSize));
    if (page.empty()) return absl::OkStatus();
    for (const Document& document : page) {
      FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                               parts_.ledger->FindAccount(document.account));
      ProfileRecord record = {.document = document};
      if (record.profile.ParseFromString(document.content)) Watch(account, record);
    }
    before = page.back().id;
  }
}

void RechargeWorker::Watch(const AccountFacts& account, const ProfileRecord& record) {
  const v1::AutoRecharge& settings = record.profile.auto_recharge();
  {
    MutexLock lock(&mu_);
    Watched& watched = watched_[account.number];
    // Who has read a profile may come after who has changed it.
    if (watched.revision <= record.document.revision) {
      watched = {.account_id = account.account_id,
                 .revision = record.document.revision,
                 .is_enabled = settings.enabled(),
                 .threshold = Micros(settings.threshold_micros())};
    }
  }
  Look(account.account_id);
}

void RechargeWorker::OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal>) {
  std::vector<std::string> concerned;
  {
    MutexLock lock(&mu_);
    if (watched_.empty()) return;
    for (const Entry& entry : entries) {
      const auto found = watched_.find(entry.account);
      if (found == watched_.end() || !found->second.is_enabled) continue;
      Watched& account = found->second;
      const bool was_low = std::exchange(account.is_low, entry.available() < account.threshold);
      // A suspended account may have fallen low: that it is resumed crosses nothing.
      const bool is_changed = entry.kind == EntryKind::kAccountChanged;
      if (is_changed || (account.is_low && !was_low)) concerned.push_back(account.account_id);
    }
  }
  for (const std::string& account_id : concerned) Look(account_id);
}

// ---- Looking

bool RechargeWorker::Run(const std::string& account_id, absl::AnyInvocable<void()> work) {
  return lanes_.Post(account_id, std::move(work), Lanes::Turn::kNext);
}

void RechargeWorker::Look(const std::string& account_id) {
  {
    MutexLock lock(&mu_);
    if (!looks_.insert(account_id).second) return;
  }
  lanes_.Post(account_id, [this, account_id] {
    {
      // Before it looks: what happens from now on is a reason to look again.
      MutexLock lock(&mu_);
      looks_.erase(account_id);
    }
    const absl::Status status = parts_.recharger->Work(account_id);
    if (status.ok()) return;
    parts_.on_error(account_id, status);
    failed_.Add(account_id);
  });
}

void RechargeWorker::Ask(const RechargeAttemptName& name) {
  lanes_.Post(name.account_id, [this, name] {
    const absl::Status status = parts_.recharger->Ask(name);
    if (!status.ok()) parts_.on_error(name.account_id, status);
    // The next attempt may be due now.
    Look(name.account_id);
  });
}

absl::Duration RechargeWorker::LookAround() {
  LookAtClock();
  LookAtDue();
  LookAgainAtFailed();
  return limits::kRechargeDuePause;
}

void RechargeWorker::LookAtClock() {
  const absl::Time now = parts_.clock->Now();
  const absl::Time before = std::exchange(last_look_, now);
  if (before - now <= limits::kClockLeapBackMax) return;
  const absl::Status status = WatchAll();
  if (!status.ok()) parts_.on_error("", status);
}

void RechargeWorker::LookAgainAtFailed() {
  for (const std::string& account_id : failed_.TakeRested()) Look(account_id);
}

void RechargeWorker::LookAtDue() {
  for (const DocumentKind kind : {kRechargeAttempts, kPaymentProfiles}) {
    const absl::StatusOr<std::vector<Document>> due =
        parts_.documents->ListDue(kind, parts_.clock->Now(), kPageSize);
    if (!due.ok()) return parts_.on_error("", due.status());
    for (const Document& document : *due) {
      const absl::StatusOr<AccountFacts> account = parts_.ledger->FindAccount(document.account);
      if (!account.ok()) continue;
      const std::string& account_id = account->account_id;
      // An account that is being worked on has its turn already.
      if (!lanes_.IsBusy(account_id) && !failed_.Rests(account_id)) Look(account_id);
    }
  }
}

}  // namespace farebox::server
