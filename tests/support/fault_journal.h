#ifndef FAREBOX_TESTS_SUPPORT_FAULT_JOURNAL_H_
#define FAREBOX_TESTS_SUPPORT_FAULT_JOURNAL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/mutex.h"

namespace farebox {

// What a test makes a journal's next appends meet, and what it sees of them.
//
// Thread-safe.
class JournalFaults {
 public:
  enum class Fault {
    kNone,
    kFull,  // STORAGE_FULL, nothing written.
    kLost,  // STORAGE_FAILED, and a restart finds nothing.
    kKept,  // STORAGE_FAILED, and a restart finds the batch.
  };

  // The next append, and only that one, meets this.
  void FailNextAppend(Fault fault);
  // From now on there is no room, or there is again.
  void SetDiskFull(bool full);
  // The same of room for more than ending holds.
  void SetDiskLow(bool low);

  // Appends wait at a closed gate, with nothing written.
  void CloseGate();
  void OpenGate();
  // Returns once an append waits at the gate.
  void WaitUntilBlocked();

  // From now on the derived state lags too far behind, or no longer does.
  void SetDerivedLags(bool lags);
  // Returns once the writer waits for it.
  void WaitUntilDerivedIsAwaited();

  // Appends that began, whatever became of them.
  int64_t append_count() const;
  // The last entry that an append has made durable.
  EntryId durable_through() const;

 private:
  friend class FaultJournal;

  // Passes the gate and says what is to happen.
  Fault BeginAppend();
  void EndAppend(EntryId durable_through);
  bool has_space(SpaceFor purpose) const;
  void WaitForDerived();

  mutable Mutex mu_;
  CondVar changed_;  // Signalled when what somebody waits for changes.
  Fault next_ ABSL_GUARDED_BY(mu_) = Fault::kNone;
  bool disk_full_ ABSL_GUARDED_BY(mu_) = false;
  bool disk_low_ ABSL_GUARDED_BY(mu_) = false;
  bool gate_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool blocked_ ABSL_GUARDED_BY(mu_) = false;
  bool derived_lags_ ABSL_GUARDED_BY(mu_) = false;
  bool derived_is_awaited_ ABSL_GUARDED_BY(mu_) = false;
  int64_t append_count_ ABSL_GUARDED_BY(mu_) = 0;
  EntryId durable_through_ ABSL_GUARDED_BY(mu_) = 0;
};

// Any journal, with faults between it and whoever uses it. Both outlive this object.
class FaultJournal : public Journal {
 public:
  FaultJournal(Journal* journal, JournalFaults* faults) : journal_(*journal), faults_(*faults) {}

  BatchHead Head() override { return journal_.Head(); }
  absl::StatusOr<EntryId> LoadSnapshot(SnapshotVisitor* visitor) override {
    return journal_.LoadSnapshot(visitor);
  }
  void OnWrongSnapshot() override { journal_.OnWrongSnapshot(); }
  absl::Status CheckSpace(SpaceFor purpose) override;
  absl::Status Append(const BatchHead& head, absl::Span<const Entry> entries) override;
  AppendTimes LastAppendTimes() override { return journal_.LastAppendTimes(); }
  absl::StatusOr<std::optional<EntryId>> FindOldRequest(RequestHash hash) override {
    return journal_.FindOldRequest(hash);
  }
  EntryId OldRequestsThrough() override { return journal_.OldRequestsThrough(); }
  bool LeaveOldRequests(EntryId through) override { return journal_.LeaveOldRequests(through); }
  Catalog& catalog() override { return journal_.catalog(); }
  absl::StatusOr<std::unique_ptr<JournalReader>> NewReader() override {
    return journal_.NewReader();
  }
  JournalStats Stats() override { return journal_.Stats(); }
  absl::StatusOr<BackupReport> Backup(const BackupOrder& order) override {
    return journal_.Backup(order);
  }
  void WaitForDerived() override;

 private:
  Journal& journal_;
  JournalFaults& faults_;
  // Used only on the writer thread. After an unknown outcome nothing more may be appended.
  bool outcome_unknown_ = false;
};

}  // namespace farebox

#endif  // FAREBOX_TESTS_SUPPORT_FAULT_JOURNAL_H_
