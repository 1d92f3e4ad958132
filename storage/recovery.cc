#include "storage/recovery.h"

#include <algorithm>
#include <thread>

#include "storage/errors.h"
#include "storage/load_request_ids.h"
#include "storage/status_macros.h"
#include "storage/thread.h"

namespace farebox {
namespace {

// Accounts and request ids are read at once, unless they are too few to be worth a thread.
constexpr EntryId kEntriesForThreadMin = 50'000;

}  // namespace

absl::Status Recovery::CatchUp(JournalSource* source) {
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<JournalReader> reader, source->NewReader());
  FAREBOX_ASSIGN_OR_RETURN(const bool goes_on, GoesOn(source, reader.get()));
  EntryId through = head_.last;
  if (!goes_on) {
    FAREBOX_ASSIGN_OR_RETURN(through, Begin(source, reader.get()));
  }

  // Asked after the snapshot: whoever else writes the journal has gone on since.
  const BatchHead head = source->Head();
  if (through > head.last) {
    return error::JournalDamaged(through, "the derived state is ahead of the journal");
  }
  absl::Status folded = Fold(through + 1, head.last, reader.get());
  if (has_snapshot_ && GetReason(folded) == Reason::kJournalDamaged) {
    // One of the two is wrong: the journal by itself tells which.
    was_misled_ = true;
    FAREBOX_RETURN_IF_ERROR(Begin(source, reader.get()).status());
    folded = Fold(1, head.last, reader.get());
  }
  FAREBOX_RETURN_IF_ERROR(folded);
  if (was_misled_) source->OnWrongSnapshot();
  head_ = head;
  return absl::OkStatus();
}

absl::Status Recovery::Fold(EntryId first, EntryId last, JournalReader* reader) {
  absl::Status folded;
  FAREBOX_RETURN_IF_ERROR(reader->Scan(first, last, [&](const Entry& entry) {
    folded = books_->Fold(entry);
    return folded.ok();
  }));
  return folded;
}

absl::StatusOr<bool> Recovery::GoesOn(JournalSource* source, JournalReader* reader) const {
  if (books_ == nullptr || !AreLeftToIndex(left_to_index_, source)) return false;
  if (head_.number == 0) return true;
  bool is_there = false;
  FAREBOX_RETURN_IF_ERROR(reader->ScanBatches(head_.number, [&](const BatchHead& batch) {
    is_there = batch.number == head_.number && batch.hash == head_.hash;
    return false;
  }));
  return is_there;
}

// Whether nobody needs the request ids up to `through` in memory. An index that was lost may lack
// those of years, which memory has no room for.
bool Recovery::AreLeftToIndex(EntryId through, JournalSource* source) const {
  const EntryId missing = through - source->OldRequestsThrough();
  return missing <= 0 || (missing > old_requests_loaded_max_ && source->LeaveOldRequests(through));
}

absl::StatusOr<EntryId> Recovery::Begin(JournalSource* source, JournalReader* reader) {
  books_ = std::make_unique<Books>(request_window_);
  const BatchHead head = source->Head();
  absl::Status request_ids;
  std::thread loader;
  const auto load = [&] { request_ids = LoadRecentRequestIds(head, source, reader); };
  const bool is_long = head.last > kEntriesForThreadMin;
  if (is_long) loader = StartThread("fbx-ids", load);
  absl::StatusOr<EntryId> snapshot = 0;
  if (!was_misled_) snapshot = source->LoadSnapshot(books_->snapshot_visitor());
  is_long ? loader.join() : load();
  FAREBOX_RETURN_IF_ERROR(request_ids);
  FAREBOX_RETURN_IF_ERROR(snapshot.status());
  has_snapshot_ = *snapshot > 0;
  FAREBOX_RETURN_IF_ERROR(NoteRequestIds(head.last + 1, *snapshot, reader));
  return snapshot;
}

// Of what another server has written, and derived, since `head` was read: it is in the snapshot,
// and will not be folded.
absl::Status Recovery::NoteRequestIds(EntryId first, EntryId last, JournalReader* reader) {
  if (first > last) return absl::OkStatus();
  return reader->Scan(first, last, [this](const Entry& entry) {
    books_->NoteRequestId(entry);
    return true;
  });
}

// The recent ones, and those that the journal will not find; recent by the journal's own time: a
// clock that is ahead may be set right later, and by one that is behind all of them are recent.
absl::Status Recovery::LoadRecentRequestIds(const BatchHead& head, JournalSource* source,
                                            JournalReader* reader) {
  const absl::Time oldest = head.time - request_window_;
  const absl::Time middle = head.time - request_window_ / 4;
  FAREBOX_ASSIGN_OR_RETURN(const EntryId before_window, reader->LastEntryBefore(oldest));
  FAREBOX_ASSIGN_OR_RETURN(const EntryId before_middle, reader->LastEntryBefore(middle));
  left_to_index_ = AreLeftToIndex(before_window, source)
                       ? before_window
                       : std::min(before_window, source->OldRequestsThrough());
  // In two generations, so that the older does not stay for as long as the newer.
  const EntryId split = std::max(before_middle, left_to_index_);
  RequestIdWindow* const window = books_->WriterRequestIds();
  FAREBOX_RETURN_IF_ERROR(LoadRequestIds(left_to_index_ + 1, split, oldest, source, window));
  return LoadRequestIds(split + 1, head.last, middle, source, window);
}

}  // namespace farebox
