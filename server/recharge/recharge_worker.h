#ifndef FAREBOX_SERVER_RECHARGE_RECHARGE_WORKER_H_
#define FAREBOX_SERVER_RECHARGE_RECHARGE_WORKER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/due_thread.h"
#include "server/base/failed_work.h"
#include "server/base/lanes.h"
#include "server/recharge/recharge_records.h"
#include "server/recharge/recharger.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/ledger.h"
#include "storage/micros.h"
#include "storage/mutex.h"

namespace farebox::server {

// Has the recharger look at an account when there is a reason to: its available money has fallen
// below the threshold, somebody has changed its settings or status, a payment by hand has ended, or
// an attempt or a pause is due.
//
// The ledger tells of every entry; nothing is polled but the clock. At a start, and when the clock
// was set back, all profiles are looked at once. Accounts are worked on side by side, on a bounded
// number of threads. Thread-safe.
class RechargeWorker : public LedgerListener {
 public:
  // All outlive it.
  struct Parts {
    Ledger* ledger = nullptr;
    DocumentStore* documents = nullptr;
    Recharger* recharger = nullptr;
    const Clock* clock = nullptr;
    // How many accounts are worked on at once: each may wait for the provider.
    int threads = 1;
    // What could not be done; it is tried again.
    std::function<void(absl::string_view account_id, const absl::Status&)> on_error;
  };
  static absl::StatusOr<std::unique_ptr<RechargeWorker>> Start(Parts parts);
  ~RechargeWorker() override;

  // On the ledger's answer thread.
  void OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal> signals) override;

  // The account's profile is this from now on, unless a later one is known: it is watched if its
  // auto-recharge is enabled, and looked at.
  void Watch(const AccountFacts& account, const ProfileRecord& record);

  // Has the recharger decide anew on the account, soon.
  void Look(const std::string& account_id);

  // Has the recharger ask the provider about an attempt.
  void Ask(const RechargeAttemptName& name);

  // Runs what must not happen while the account is worked on, before other accounts are: somebody
  // waits for it. False once it drains.
  bool Run(const std::string& account_id, absl::AnyInvocable<void()> work);

  // Ends what has begun; the rest is taken up at the next start. Idempotent.
  void Drain();

 private:
  // An account with a profile.
  struct Watched {
    std::string account_id;
    // Of the profile that this is from.
    int64_t revision = 0;
    // Whether auto-recharge is enabled.
    bool is_enabled = false;
    Micros threshold;
    // Below it since the last look: only crossing it is a reason to look.
    bool is_low = false;
  };

  explicit RechargeWorker(Parts parts);

  absl::Status WatchAll();
  // How long to wait before looking again.
  absl::Duration LookAround();
  // What waits for a time that a clock has set that ran ahead would wait for long.
  void LookAtClock();
  void LookAtDue();
  void LookAgainAtFailed();

  const Parts parts_;

  Mutex mu_;
  absl::flat_hash_map<AccountNumber, Watched> watched_ ABSL_GUARDED_BY(mu_);
  // Accounts with a look that waits for its turn: another one would find nothing more.
  absl::flat_hash_set<std::string> looks_ ABSL_GUARDED_BY(mu_);

  FailedWork failed_;  // Accounts.
  Lanes lanes_;

  // Used by due_thread_ only. The time of its newest look.
  absl::Time last_look_;
  DueThread due_thread_{"fbx-recharges", [this] { return LookAround(); }};
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_RECHARGE_WORKER_H_
