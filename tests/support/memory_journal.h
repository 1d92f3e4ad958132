#ifndef FAREBOX_TESTS_SUPPORT_MEMORY_JOURNAL_H_
#define FAREBOX_TESTS_SUPPORT_MEMORY_JOURNAL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "storage/catalog.h"
#include "storage/document.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/mutex.h"

namespace farebox {

// What a MemoryJournal has made durable: all that a crash leaves. Outlives the journals on it.
//
// Thread-safe.
class MemoryDisk {
 public:
  // A deck and its CSV; version 0 until it is sealed.
  struct Deck {
    DeckVersion version;
    std::string csv;
  };

  // Writes without asking whether it follows.
  void Write(const BatchHead& head, absl::Span<const Entry> entries);

  // Drops the decks that were begun and never sealed.
  void DropUnsealedDecks();

  // As a fault of the disk, or somebody with an editor, would leave it.
  void ReplaceEntry(const Entry& entry);
  void EraseEntry(EntryId id);
  void ReplaceHead(const BatchHead& head);
  void EraseHead(int64_t number);

  std::vector<Entry> entries() const;
  std::vector<BatchHead> heads() const;

 private:
  friend class MemoryJournal;
  friend class MemoryJournalReader;

  using DocumentKey = std::pair<DocumentKind, std::string>;

  mutable Mutex mu_;
  std::map<EntryId, Entry> entries_ ABSL_GUARDED_BY(mu_);
  std::map<int64_t, BatchHead> heads_ ABSL_GUARDED_BY(mu_);
  std::map<int64_t, Deck> decks_ ABSL_GUARDED_BY(mu_);
  std::map<RequestHash, EntryId> requests_ ABSL_GUARDED_BY(mu_);
  std::map<DocumentKey, Document> documents_ ABSL_GUARDED_BY(mu_);
  int64_t last_document_ ABSL_GUARDED_BY(mu_) = 0;
};

// A journal that keeps its promises for as long as its disk lives, in memory. Its readers may be
// used while it appends.
class MemoryJournal : public Journal {
 public:
  struct Options {
    // How many of the newest entries the snapshot leaves to be replayed; absent: no snapshot.
    std::optional<int64_t> snapshot_lag_entries;
    // How many of the newest entries FindOldRequest does not know of.
    int64_t old_requests_lag_entries = 0;
  };

  explicit MemoryJournal(MemoryDisk* disk, Options options);
  explicit MemoryJournal(MemoryDisk* disk) : MemoryJournal(disk, Options()) {}

  BatchHead Head() override;
  absl::StatusOr<EntryId> LoadSnapshot(SnapshotVisitor* visitor) override;
  void OnWrongSnapshot() override {}
  absl::Status CheckSpace(SpaceFor /*purpose*/) override { return absl::OkStatus(); }
  absl::Status Append(const BatchHead& head, absl::Span<const Entry> entries) override;
  AppendTimes LastAppendTimes() override { return {}; }
  absl::StatusOr<std::optional<EntryId>> FindOldRequest(RequestHash hash) override;
  EntryId OldRequestsThrough() override;
  bool LeaveOldRequests(EntryId /*through*/) override { return false; }
  Catalog& catalog() override { return *catalog_; }
  absl::StatusOr<std::unique_ptr<JournalReader>> NewReader() override;
  JournalStats Stats() override;
  absl::StatusOr<BackupReport> Backup(const BackupOrder& /*order*/) override {
    return absl::UnimplementedError("it is in memory");
  }
  void WaitForDerived() override {}

 private:
  class MemoryCatalog;

  const Options options_;
  MemoryDisk* const disk_;
  const std::unique_ptr<Catalog> catalog_;
};

}  // namespace farebox

#endif  // FAREBOX_TESTS_SUPPORT_MEMORY_JOURNAL_H_
