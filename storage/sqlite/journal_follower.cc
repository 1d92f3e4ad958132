#include "storage/sqlite/journal_follower.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/sqlite/checked_vfs.h"
#include "storage/sqlite/derived_file.h"
#include "storage/sqlite/derived_snapshot.h"
#include "storage/sqlite/file.h"
#include "storage/sqlite/journal_reader.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {

JournalFollower::JournalFollower(const std::string& directory)
    : journal_path_(absl::StrCat(directory, "/journal.db")),
      derived_path_(absl::StrCat(directory, "/derived.db")) {}

absl::StatusOr<std::unique_ptr<JournalFollower>> JournalFollower::Open(
    const std::string& directory) {
  auto follower = std::unique_ptr<JournalFollower>(new JournalFollower(directory));
  FAREBOX_ASSIGN_OR_RETURN(const bool is_there, Exists(follower->journal_path_));
  if (!is_there) {
    return absl::NotFoundError(absl::StrCat("there is no ledger in ", directory));
  }
  FAREBOX_RETURN_IF_ERROR(follower->ReadHead());
  if (!follower->OpenDerived().ok()) follower->derived_.reset();
  return follower;
}

absl::Status JournalFollower::ReadHead() {
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<SqliteJournalReader> reader,
                           SqliteJournalReader::Open(journal_path_, nullptr));
  FAREBOX_ASSIGN_OR_RETURN(head_, reader->FindBatchOf(std::numeric_limits<EntryId>::max()));
  return absl::OkStatus();
}

absl::Status JournalFollower::OpenDerived() {
  FAREBOX_ASSIGN_OR_RETURN(
      derived_, Connection::Open(derived_path_, {.read_only = true, .vfs = CheckedVfs()}));
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<SqliteJournalReader> reader,
                           SqliteJournalReader::Open(journal_path_, nullptr));
  FAREBOX_ASSIGN_OR_RETURN(
      const TrustedDerived trusted,
      CheckDerived(&*derived_, [&](const auto& batch) { return reader->HasBatch(batch); }));
  requests_through_ = trusted.position.requests_through;
  return absl::OkStatus();
}

absl::StatusOr<EntryId> JournalFollower::LoadSnapshot(SnapshotVisitor* visitor) {
  if (!derived_.has_value()) return 0;
  absl::StatusOr<EntryId> through = VisitDerivedSnapshot(&*derived_, visitor);
  if (!through.ok()) {
    visitor->OnDiscard();
    through = 0;
  }
  FAREBOX_RETURN_IF_ERROR(ReadHead());
  return through;
}

absl::StatusOr<std::unique_ptr<JournalReader>> JournalFollower::NewReader() {
  FAREBOX_ASSIGN_OR_RETURN(std::unique_ptr<SqliteJournalReader> reader,
                           SqliteJournalReader::Open(journal_path_, nullptr));
  return reader;
}

}  // namespace farebox::sqlite
