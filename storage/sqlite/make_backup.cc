#include "storage/sqlite/make_backup.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/sqlite/file.h"
#include "storage/sqlite/journal_copier.h"
#include "storage/sqlite/journal_reader.h"
#include "storage/sqlite/journal_schema.h"
#include "storage/sqlite/ownership.h"
#include "storage/status_macros.h"
#include "storage/verify.h"

namespace farebox::sqlite {
namespace {

namespace fs = std::filesystem;

// What follows the name of a backup that is not whole yet.
constexpr absl::string_view kDraftSuffix = ".unfinished";

// The file beside a backup that was brought up to date and not read back since.
constexpr absl::string_view kUnverifiedSuffix = ".unverified";

// Of the copy: where the journal is damaged, that has a reason.
bool IsDamageOfCopy(const absl::Status& status) {
  return absl::IsDataLoss(status) && GetReason(status) == Reason::kNone;
}

// What a failure of the copy's disk is to who asked for the backup: the journal has not failed.
absl::Status AsBackupFailure(const std::string& path, const absl::Status& status) {
  const bool is_bare = GetReason(status) == Reason::kNone;
  if (is_bare && absl::IsResourceExhausted(status)) {
    return error::StorageFull(absl::StrCat("of ", path));
  }
  const bool is_of_the_copy =
      absl::IsUnavailable(status) || absl::IsFailedPrecondition(status) || absl::IsDataLoss(status);
  return is_bare && is_of_the_copy ? error::BackupFailed(path, status.message()) : status;
}

class Backup {
 public:
  Backup(const std::string& journal_path, const BackupOrder& order)
      : journal_path_(journal_path),
        order_(order),
        directory_(fs::path(order.path).parent_path()),
        mark_(absl::StrCat(order.path, kUnverifiedSuffix)) {}

  absl::StatusOr<BackupReport> Make() {
    FAREBOX_ASSIGN_OR_RETURN(const Ownership ownership, Ownership::Take(directory_));
    FAREBOX_ASSIGN_OR_RETURN(const bool exists, Exists(order_.path));
    if (exists && !order_.updates) return error::BackupExists(order_.path);
    RemoveDrafts();
    const absl::Status made = exists ? Update() : MakeNew();
    if (exists && IsDamageOfCopy(made)) {
      return error::BackupFailed(
          order_.path,
          absl::StrCat("it is damaged: delete it and make a new one (", made.message(), ")"));
    }
    FAREBOX_RETURN_IF_ERROR(made);
    std::error_code error;
    report_.bytes = static_cast<int64_t>(fs::file_size(order_.path, error));
    return report_;
  }

 private:
  // Of a process that was killed; as many as can be listed.
  void RemoveDrafts() {
    std::error_code error;
    for (auto file = fs::directory_iterator(directory_, error);
         !error && file != fs::directory_iterator(); file.increment(error)) {
      const fs::path& path = file->path();
      if (absl::EndsWith(path.native(), kDraftSuffix)) RemoveDatabase(path);
    }
  }

  absl::Status MakeNew() {
    const std::string draft = absl::StrCat(order_.path, kDraftSuffix);
    const absl::Cleanup remove_draft = [&draft] { RemoveDatabase(draft); };
    FAREBOX_RETURN_IF_ERROR(MakeEmptyJournal(draft));
    // Money is nobody else's business.
    if (chmod(draft.c_str(), S_IRUSR | S_IWUSR) != 0) return FileFailed("protect", draft);
    {
      FAREBOX_ASSIGN_OR_RETURN(Connection copy, Connection::Open(draft, {}));
      // Each piece is synced, so that the disk never has much to write at once. Nothing is to be
      // rolled back: a draft that fails is removed.
      FAREBOX_RETURN_IF_ERROR(
          copy.Execute("PRAGMA synchronous = FULL; PRAGMA journal_mode = MEMORY"));
      FAREBOX_RETURN_IF_ERROR(CatchUp(&copy));
    }
    FAREBOX_RETURN_IF_ERROR(SyncFile(draft));
    FAREBOX_RETURN_IF_ERROR(Verify(draft));
    // What lies beside its place is of a backup that somebody has deleted, and would be put into
    // it.
    RemoveDatabase(order_.path);
    FAREBOX_RETURN_IF_ERROR(Unmark());
    if (std::rename(draft.c_str(), order_.path.c_str()) != 0) {
      return FileFailed("rename", draft);
    }
    return SyncDirectory(directory_);
  }

  absl::Status Update() {
    FAREBOX_ASSIGN_OR_RETURN(const bool is_marked, Exists(mark_));
    const bool was_verified = !is_marked;
    FAREBOX_RETURN_IF_ERROR(Mark());
    const absl::Status added = Add();
    if (!added.ok()) {
      if (was_verified && !may_be_added_) FAREBOX_RETURN_IF_ERROR(Unmark());
      return added;
    }
    // All of it, where nobody has read what the one before has added.
    if (!was_verified) before_ = BatchHead();
    FAREBOX_RETURN_IF_ERROR(Verify(order_.path));
    return Unmark();
  }

  absl::Status Add() {
    absl::StatusOr<Connection> copy = OpenJournalForUpdate(order_.path);
    // It is a journal, and yet not the one that matters.
    if (absl::IsDataLoss(copy.status())) return absl::DataLossError(copy.status().message());
    FAREBOX_RETURN_IF_ERROR(copy.status());
    return InTransaction(&*copy, [&] {
      const absl::Status status = CatchUp(&*copy);
      // What comes next is the commit: where that fails, nobody knows what there is.
      may_be_added_ = status.ok();
      return status;
    });
  }

  absl::Status Mark() {
    const File mark(mark_, O_WRONLY | O_CREAT);
    return mark.is_open() ? SyncDirectory(directory_) : FileFailed("make", mark_);
  }

  absl::Status Unmark() {
    std::error_code error;
    if (!fs::remove(mark_, error) && error) return FileFailed("delete", mark_);
    return SyncDirectory(directory_);
  }

  absl::Status CatchUp(Connection* copy) {
    FAREBOX_ASSIGN_OR_RETURN(
        const std::unique_ptr<JournalCopier> copier,
        JournalCopier::Open(journal_path_, copy, [this](EntryId done, EntryId total) {
          return Step({.entries_done = done, .entries_total = total});
        }));
    FAREBOX_RETURN_IF_ERROR(copier->CatchUp());
    before_ = copier->before();
    catalog_hash_ = copier->catalog_hash();
    report_.head = copier->head();
    report_.entries_copied = copier->head().last - copier->before().last;
    return absl::OkStatus();
  }

  absl::Status Step(const CopyProgress& progress) {
    FAREBOX_RETURN_IF_ERROR(CheckSpace());
    return order_.observer(progress) ? absl::OkStatus()
                                     : absl::CancelledError("the backup was broken off");
  }

  absl::Status CheckSpace() const {
    const std::optional<int64_t> free_bytes = FreeDiskBytes(directory_);
    if (!free_bytes.has_value() || *free_bytes >= order_.free_disk_bytes_min) {
      return absl::OkStatus();
    }
    return error::StorageFull(
        absl::StrCat("only ", *free_bytes, " bytes would be left for ", directory_));
  }

  // Reads back what was written: all of a new backup, and what an update has added.
  absl::Status Verify(const std::string& path) {
    const absl::Status found = ReadBack(path);
    if (!absl::IsDataLoss(found)) return found;
    // What is wrong with the journal was copied. Only where that is well, the copy is not.
    const absl::Status journal = VerifyEntries(journal_path_).status();
    return journal.ok() ? absl::DataLossError(found.message()) : AsJournalDamage(0, journal);
  }

  absl::Status ReadBack(const std::string& path) {
    FAREBOX_ASSIGN_OR_RETURN(const BatchHead head, VerifyEntries(path));
    if (head != report_.head) {
      return error::JournalDamaged(head.last + 1, "the copy does not have it");
    }
    return VerifyCatalog(path);
  }

  // All after what is known to be good. Returns where they end.
  absl::StatusOr<BatchHead> VerifyEntries(const std::string& path) {
    FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<SqliteJournalReader> reader,
                             SqliteJournalReader::Open(path, nullptr));
    const auto should_continue = [this](EntryId done) {
      const EntryId total = std::max(done, report_.head.last);
      return order_.observer({.is_verifying = true, .entries_done = done, .entries_total = total});
    };
    FAREBOX_ASSIGN_OR_RETURN(const VerifyReport found,
                             before_.number == 0
                                 ? VerifyJournal(reader.get(), {.request_ids = false,
                                                                .should_continue = should_continue})
                                 : VerifyHashes(reader.get(), before_, should_continue));
    FAREBOX_RETURN_IF_ERROR(found.ToStatus());
    return found.head;
  }

  absl::Status VerifyCatalog(const std::string& path) {
    FAREBOX_RETURN_IF_ERROR(CheckDocuments(path));
    FAREBOX_ASSIGN_OR_RETURN(Connection copy, OpenJournalForReading(path));
    FAREBOX_ASSIGN_OR_RETURN(const absl::uint128 hash, HashCatalog(&copy));
    if (hash == catalog_hash_) return absl::OkStatus();
    return error::JournalDamaged(0, "the copy has other decks or documents");
  }

  const std::string& journal_path_;
  const BackupOrder& order_;
  const std::string directory_;
  const std::string mark_;

  // What is known to be good: what comes after it is read back.
  BatchHead before_;
  bool may_be_added_ = false;
  absl::uint128 catalog_hash_;
  BackupReport report_;
};

}  // namespace

absl::StatusOr<BackupReport> MakeBackup(const std::string& journal_path, const BackupOrder& order) {
  absl::StatusOr<BackupReport> report = Backup(journal_path, order).Make();
  if (!report.ok()) return AsBackupFailure(order.path, report.status());
  return report;
}

}  // namespace farebox::sqlite
