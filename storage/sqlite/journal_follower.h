#ifndef FAREBOX_STORAGE_SQLITE_JOURNAL_FOLLOWER_H_
#define FAREBOX_STORAGE_SQLITE_JOURNAL_FOLLOWER_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "storage/journal.h"
#include "storage/sqlite/connection.h"

namespace farebox::sqlite {

// A journal that another process owns, as it is now: for a server that is about to take over. Reads
// only, with connections that never checkpoint, so that the owner's writes are none the wiser.
//
// It and its readers end before this process opens the journal as its own: POSIX drops a process's
// locks on a file with any of its descriptors.
class JournalFollower : public JournalSource {
 public:
  // Fails with NotFound where there is no journal, with FILES_TOO_NEW where it is a newer
  // version's, and with FailedPrecondition where it is an older version's: only its owner can bring
  // it up to date.
  static absl::StatusOr<std::unique_ptr<JournalFollower>> Open(const std::string& directory);

  BatchHead Head() override { return head_; }
  // The head is from now on as new as what was handed over.
  absl::StatusOr<EntryId> LoadSnapshot(SnapshotVisitor* visitor) override;
  // It is another process's; whoever owns the journal is told when that is ours.
  void OnWrongSnapshot() override {}
  EntryId OldRequestsThrough() override { return requests_through_; }
  // The journal will be asked for it, when it is ours.
  bool LeaveOldRequests(EntryId /*through*/) override { return true; }
  absl::StatusOr<std::unique_ptr<JournalReader>> NewReader() override;

 private:
  explicit JournalFollower(const std::string& directory);

  absl::Status ReadHead();
  absl::Status OpenDerived();

  // Constant after construction.
  const std::string journal_path_;
  const std::string derived_path_;

  BatchHead head_;
  // Nothing where the derived file is missing or not to be trusted: all is read from the journal.
  std::optional<Connection> derived_;
  EntryId requests_through_ = 0;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_JOURNAL_FOLLOWER_H_
