#ifndef FAREBOX_SERVER_NOTICES_NOTICE_WORKER_H_
#define FAREBOX_SERVER_NOTICES_NOTICE_WORKER_H_

#include <functional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/due_thread.h"
#include "server/notices/notices.h"
#include "storage/document_store.h"
#include "storage/ledger.h"
#include "storage/micros.h"
#include "storage/mutex.h"

namespace farebox::server {

// Has the notices looked at when there is a reason to: the ledger says that an account has fallen
// below its threshold, or money comes in to one that had, or a reminder is due. At a start every
// account is looked at once: some may have fallen just before the last end.
//
// One thread; what it has to do is bounded by the number of accounts. Thread-safe.
class NoticeWorker : public LedgerListener {
 public:
  // All outlive it.
  struct Parts {
    Ledger* ledger = nullptr;
    DocumentStore* documents = nullptr;
    Notices* notices = nullptr;
    // What could not be done; it is tried again.
    std::function<void(const absl::Status&)> on_error;
  };
  explicit NoticeWorker(Parts parts);
  ~NoticeWorker() override;

  // On the ledger's answer thread.
  void OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal> signals) override;

  // Lets the look that has begun end; the rest is found after the next start. Idempotent.
  void Drain();

 private:
  // An account whose fall has been dealt with.
  struct Fallen {
    std::string account_id;
    // As in stored::v1::LowBalanceNotice.
    Micros funds;
    Micros threshold;
    EntryId last_entry = 0;
  };

  // How long to wait before looking again.
  absl::Duration Work();
  absl::Status LookAtAll();
  absl::Status LookAtFallen();
  absl::Status LookAtAccounts();
  absl::Status LookAtAsked();
  absl::Status Look(const std::string& account_id, EntryId rise);
  // Has the account looked at when the thread works next.
  void Ask(absl::string_view account_id, EntryId rise) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The same, soon.
  void AskNow(absl::string_view account_id, EntryId rise) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Parts parts_;

  Mutex mu_;
  // Accounts to be looked at, and their newest rise: see low_balance.h.
  absl::flat_hash_map<std::string, EntryId> asked_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<AccountNumber, Fallen> fallen_ ABSL_GUARDED_BY(mu_);

  // Used only on the thread.
  bool has_looked_at_all_ = false;

  DueThread thread_{"fbx-notices", [this] { return Work(); }};
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_NOTICES_NOTICE_WORKER_H_
