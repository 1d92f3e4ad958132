#ifndef FAREBOX_SERVER_SECURITY_AUDIT_LOG_H_
#define FAREBOX_SERVER_SECURITY_AUDIT_LOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/v1/access.pb.h"
#include "google/protobuf/message.h"
#include "server/base/lanes.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/ledger.h"
#include "storage/mutex.h"

namespace farebox::server {

// Who has changed what, for good: a line before a change is begun, and one before it is answered;
// several where there is more to say than a line takes, or it is about several accounts.
// So nothing is changed that has no line, and what has only its first line is what the server was
// at when it ended.
//
// Thread-safe. Lines are written on threads of its own; those of changes of one account in order,
// but for those that are to be next, of which those of one caller are in order.
class AuditLog {
 public:
  // All outlive it.
  AuditLog(DocumentStore* documents, const Ledger* ledger, const Clock* clock);
  // Drains.
  ~AuditLog();

  // One or more, of one event of one call.
  using Lines = std::vector<v1::AuditRecord>;

  // A change under way, from before its first line to after its last, for which Drain() waits.
  // Thread-compatible. The log outlives it.
  class Change {
   public:
    explicit Change(AuditLog* log, Lanes::Turn turn = Lanes::Turn::kInOrder)
        : log_(log), turn_(turn) {
      log->EnterChange();
    }

    // Writes the lines that it is asked for, with what `describe` says of how it is before, then
    // calls `then`: both on another thread. `then` is told what became of the lines. Not OK: the
    // change must not be made. While the log drains both are dropped.
    using Describe = absl::AnyInvocable<std::string()>;
    void Begin(Lines asked, Describe describe, absl::AnyInvocable<void(const absl::Status&)> then);

    // Writes the lines that it was answered, then calls `then`, on whichever thread, in any case.
    // The change is over with these lines, however long `then` takes. Once.
    void End(Lines answered, absl::AnyInvocable<void()> then);

   private:
    struct Leave {
      void operator()(AuditLog* log) const { log->LeaveChange(); }
    };

    std::unique_ptr<AuditLog, Leave> log_;  // Null once it is over.
    Lanes::Turn turn_;
  };

  // Writes by and by that somebody was turned away, as `describe` has it: once a minute for a
  // caller and an RPC, so that nobody fills the disk by asking again.
  void NoteDenied(absl::string_view caller, absl::string_view method,
                  absl::FunctionRef<v1::AuditRecord()> describe);

  // Writes lines and waits for the disk.
  absl::Status Write(Lines lines);

  // The same of what is done already: a line that cannot be written is logged.
  void WriteDone(Lines lines);

  // Newest first, with ids below `before`; of one account, or of all where it is 0. Waits for a
  // disk.
  absl::StatusOr<std::vector<v1::AuditRecord>> List(AccountNumber account, int64_t before,
                                                    size_t count_max);

  // Lines since the start, by what they tell.
  struct Counts {
    int64_t asked = 0;
    int64_t answered = 0;
    int64_t denied = 0;
    int64_t lost = 0;  // Could not be written.
  };
  Counts counts() const;

  // Lets changes under way be answered, for a fraction of a second, then stops.
  void Drain();

 private:
  void EnterChange();
  void LeaveChange();
  void AwaitChanges();
  bool IsNews(absl::string_view caller, absl::string_view method);
  Document DocumentOf(v1::AuditRecord line, size_t number) const;
  // Writes lines in their lane's turn, then calls `then`, on whichever thread, in any case. Lines
  // that cannot be written are counted and logged.
  void WriteSoon(std::string lane, Lines lines, absl::AnyInvocable<void()> then, Lanes::Turn turn);
  // Notes what became of some lines.
  void Count(v1::AuditEvent event, size_t lines, bool are_written);

  DocumentStore* const documents_;
  const Ledger* const ledger_;
  const Clock* const clock_;

  mutable Mutex mu_;
  CondVar change_left_;
  int64_t changes_ ABSL_GUARDED_BY(mu_) = 0;
  Counts counts_ ABSL_GUARDED_BY(mu_);
  // When a caller and an RPC may be noted again.
  absl::flat_hash_map<std::string, absl::Time> denied_until_ ABSL_GUARDED_BY(mu_);

  // Last: its threads use what is above.
  Lanes lanes_;
};

// A name for a call that nothing else has.
std::string MakeCallId();

// A message as the audit log and the log may have it: without its secrets, cut where it is long.
// Empty where it cannot be written.
std::string AuditJson(const google::protobuf::Message& message);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_AUDIT_LOG_H_
