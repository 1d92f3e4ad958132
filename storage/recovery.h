#ifndef FAREBOX_STORAGE_RECOVERY_H_
#define FAREBOX_STORAGE_RECOVERY_H_

#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/books.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/limits.h"

namespace farebox {

// Reads a journal into books: what every start does before anybody is answered.
//
// A server that is to take over from another one begins while that one still writes, from a source
// that only reads, and follows it. When the journal is its own, what is left is what came since:
//
//   CatchUp(follower): snapshot, request ids, entries after it     seconds, nobody waits
//   CatchUp(follower): the entries that came meanwhile             again, until they are few
//   CatchUp(journal), which is ours now: the last of them          a moment
//
// Used by one thread at a time.
class Recovery {
 public:
  // Request ids that are older than `request_window` are left to the journal's own index; where it
  // lacks no more than `old_requests_loaded_max` of them, they are read too.
  explicit Recovery(absl::Duration request_window,
                    int64_t old_requests_loaded_max = limits::kOldRequestsLoadedMax)
      : request_window_(request_window), old_requests_loaded_max_(old_requests_loaded_max) {}
  Recovery(const Recovery&) = delete;
  Recovery& operator=(const Recovery&) = delete;

  // Brings the books up to the newest batch. Begins from the start where the source does not go on
  // from what was read before, by its hashes, or where its index of old request ids no longer knows
  // what was left to it; and without a snapshot where entries do not follow from the one there is.
  // Fails with JOURNAL_DAMAGED where entries do not follow from each other; then the books are of
  // no use.
  absl::Status CatchUp(JournalSource* source);

  // The batch that the books are as of.
  const BatchHead& head() const { return head_; }

  // Once, after CatchUp.
  std::unique_ptr<Books> TakeBooks() { return std::move(books_); }

 private:
  absl::StatusOr<bool> GoesOn(JournalSource* source, JournalReader* reader) const;
  bool AreLeftToIndex(EntryId through, JournalSource* source) const;
  absl::StatusOr<EntryId> Begin(JournalSource* source, JournalReader* reader);
  absl::Status LoadRecentRequestIds(const BatchHead& head, JournalSource* source,
                                    JournalReader* reader);
  absl::Status Fold(EntryId first, EntryId last, JournalReader* reader);
  absl::Status NoteRequestIds(EntryId first, EntryId last, JournalReader* reader);

  // Constant after construction.
  const absl::Duration request_window_;
  const int64_t old_requests_loaded_max_;

  std::unique_ptr<Books> books_;  // Null before the first CatchUp, and after TakeBooks.
  BatchHead head_;
  // Whether the books began with a snapshot.
  bool has_snapshot_ = false;
  // There was one that the journal contradicts: no other is asked for.
  bool was_misled_ = false;
  // The request ids up to this entry were left to the journal's own index.
  EntryId left_to_index_ = 0;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_RECOVERY_H_
