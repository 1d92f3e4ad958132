#ifndef FAREBOX_SERVER_NUMBERS_NUMBER_WORKER_H_
#define FAREBOX_SERVER_NUMBERS_NUMBER_WORKER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/due_thread.h"
#include "server/base/failed_work.h"
#include "server/base/lanes.h"
#include "server/numbers/clock_watch.h"
#include "server/numbers/number_rental.h"
#include "server/numbers/rental_records.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/ledger.h"
#include "storage/mutex.h"

namespace farebox::server {

// Has rentals worked on when they are due, and unpaid ones when money comes in. Accounts are worked
// on side by side, on a bounded number of threads. Thread-safe.
class NumberWorker : public LedgerListener {
 public:
  // All outlive it.
  struct Parts {
    Ledger* ledger = nullptr;
    DocumentStore* documents = nullptr;
    NumberRental* rental = nullptr;
    const Clock* clock = nullptr;
    int threads = 1;
    // When the journal was written last; see ClockWatch.
    absl::Time last_entry_time;
    // What could not be done; it is tried again.
    std::function<void(absl::string_view rental_id, const absl::Status&)> on_error;
  };
  static absl::StatusOr<std::unique_ptr<NumberWorker>> Start(Parts parts);
  ~NumberWorker() override;

  // On the ledger's answer thread.
  void OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal> signals) override;

  // Runs what must not happen while the account is worked on. False once it drains.
  bool Run(const std::string& account_id, absl::AnyInvocable<void()> work);

  // Ends what has begun; the rest is taken up at the next start. Idempotent.
  void Drain();

 private:
  explicit NumberWorker(Parts parts);

  absl::Status FindUnpaid();
  // How long to wait before looking again.
  absl::Duration LookAround();
  void LookAtDue();
  // Works on what a clock that ran ahead has put off, where it is to be sought now.
  void LookAtPutOff();
  absl::Status WorkOnPutOff(absl::Time now);
  void LookAgainAtFailed();
  void Work(const RentalRecord& due);
  // Whether the account was not on the list.
  bool NoteUnpaid(AccountNumber account, const std::string& account_id) ABSL_LOCKS_EXCLUDED(mu_);
  void TryUnpaid(AccountNumber account);

  const Parts parts_;

  // Used only on the due thread, once that has started.
  ClockWatch clock_watch_;
  // When to look for what a clock that ran ahead has put off.
  absl::Time put_off_sought_at_ = absl::InfiniteFuture();

  // What the watch said last, for the other threads.
  std::atomic<bool> is_clock_believed_{false};
  RentalRecords records_;

  Mutex mu_;
  // Accounts with a number that is past due, or is being worked on and may be in a moment, by id.
  absl::flat_hash_map<AccountNumber, std::string> unpaid_ ABSL_GUARDED_BY(mu_);

  FailedWork failed_;  // Rentals.
  Lanes lanes_;
  DueThread due_thread_{"fbx-renewals", [this] { return LookAround(); }};
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_NUMBERS_NUMBER_WORKER_H_
