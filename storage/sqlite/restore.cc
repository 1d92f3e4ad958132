#include "storage/sqlite/restore.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "storage/restored_mark.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/file.h"
#include "storage/sqlite/journal_copier.h"
#include "storage/sqlite/journal_reader.h"
#include "storage/sqlite/journal_schema.h"
#include "storage/sqlite/ownership.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPieceBytes = size_t{1024} * 1024;

absl::Status Write(const File& file, absl::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(file.descriptor(), bytes.data(), bytes.size());
    if (written <= 0) return FileFailed("write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status WriteSynced(const std::string& path, absl::string_view text) {
  const File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.is_open()) return FileFailed("open", path);
  FAREBOX_RETURN_IF_ERROR(Write(file, text, path));
  return fsync(file.descriptor()) == 0 ? absl::OkStatus() : FileFailed("sync", path);
}

absl::Status CopyFile(const std::string& from_path, const std::string& to_path) {
  const File from(from_path, O_RDONLY);
  if (!from.is_open()) return FileFailed("open", from_path);
  const File to(to_path, O_WRONLY | O_CREAT | O_EXCL);
  if (!to.is_open()) return FileFailed("make", to_path);
  std::vector<char> piece(kPieceBytes);
  while (true) {
    const ssize_t got = read(from.descriptor(), piece.data(), piece.size());
    if (got < 0) return FileFailed("read", from_path);
    if (got == 0) break;
    FAREBOX_RETURN_IF_ERROR(Write(to, {piece.data(), static_cast<size_t>(got)}, to_path));
  }
  return fsync(to.descriptor()) == 0 ? absl::OkStatus() : FileFailed("sync", to_path);
}

absl::Status Move(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str()) == 0 ? absl::OkStatus() : FileFailed("move", from);
}

class Restore {
 public:
  Restore(const RestoreOrder& order, const Clock& clock)
      : order_(order),
        clock_(clock),
        path_(absl::StrCat(order.directory, "/journal.db")),
        draft_(absl::StrCat(path_, kRestoredSuffix)) {}

  absl::StatusOr<RestoreReport> Make() {
    FAREBOX_ASSIGN_OR_RETURN(const bool has_backup, Exists(order_.backup_path));
    if (!has_backup) {
      return absl::NotFoundError(absl::StrCat("there is no backup ", order_.backup_path));
    }
    FAREBOX_RETURN_IF_ERROR(
        CheckIsJournal(order_.backup_path, static_cast<int64_t>(JournalMigrations().size())));
    FAREBOX_RETURN_IF_ERROR(MakeDirectory(order_.directory));
    FAREBOX_ASSIGN_OR_RETURN(const Ownership ownership, Ownership::Take(order_.directory));
    FAREBOX_ASSIGN_OR_RETURN(const bool has_journal, Exists(path_));
    FAREBOX_ASSIGN_OR_RETURN(const bool has_log, Exists(absl::StrCat(path_, "-wal")));
    if ((has_journal || has_log) && !order_.replaces) {
      return absl::FailedPreconditionError(
          absl::StrCat("there is a ledger in ", order_.directory, " already"));
    }
    {
      auto remove_draft = absl::MakeCleanup([this] { RemoveDatabase(draft_); });
      FAREBOX_RETURN_IF_ERROR(CopyBackup());
      FAREBOX_RETURN_IF_ERROR(Verify());
      std::move(remove_draft).Cancel();
    }
    FAREBOX_RETURN_IF_ERROR(MoveIntoPlace());
    return report_;
  }

 private:
  absl::Status GiveToServer(const std::string& path) {
    return GiveToOwnerOf(order_.directory, path);
  }

  // Makes the draft, a journal of today's schema without anything beside it.
  absl::Status CopyBackup() {
    RemoveDatabase(draft_);
    for (const char* const suffix : {"", "-wal", "-journal"}) {
      const std::string from = absl::StrCat(order_.backup_path, suffix);
      FAREBOX_ASSIGN_OR_RETURN(const bool is_there, Exists(from));
      if (is_there) FAREBOX_RETURN_IF_ERROR(CopyFile(from, absl::StrCat(draft_, suffix)));
    }
    FAREBOX_ASSIGN_OR_RETURN(Connection draft, OpenJournalForWriting(draft_));
    return EmptyLog(&draft);
  }

  // Closing would do it too, and say nothing where the disk is full.
  absl::Status EmptyLog(Connection* draft) {
    FAREBOX_ASSIGN_OR_RETURN(const bool is_empty, draft->EmptyLog());
    return is_empty ? absl::OkStatus()
                    : absl::UnavailableError(absl::StrCat("another program reads ", draft_));
  }

  absl::Status Verify() {
    {
      FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<SqliteJournalReader> reader,
                               SqliteJournalReader::Open(draft_, nullptr));
      FAREBOX_ASSIGN_OR_RETURN(
          report_.verified,
          VerifyJournal(reader.get(), {.should_continue = [this](EntryId through) {
                          return order_.observer({.is_verifying = true, .entries_done = through});
                        }}));
    }
    FAREBOX_RETURN_IF_ERROR(report_.verified.ToStatus());
    FAREBOX_RETURN_IF_ERROR(CheckDocuments(draft_));
    FAREBOX_RETURN_IF_ERROR(RemoveEmptyLog());
    FAREBOX_RETURN_IF_ERROR(GiveToServer(draft_));
    return SyncFile(draft_);
  }

  // What readers have left.
  absl::Status RemoveEmptyLog() {
    const std::string log = absl::StrCat(draft_, "-wal");
    std::error_code ignored;
    FAREBOX_ASSIGN_OR_RETURN(const bool has_log, Exists(log));
    if (has_log && !fs::is_empty(log, ignored)) {
      return absl::UnavailableError(absl::StrCat(log, " is not empty"));
    }
    fs::remove(log, ignored);
    fs::remove(absl::StrCat(draft_, "-shm"), ignored);
    return absl::OkStatus();
  }

  absl::Status MoveIntoPlace() {
    FAREBOX_RETURN_IF_ERROR(WriteMark());
    FAREBOX_RETURN_IF_ERROR(SetAside());
    FAREBOX_RETURN_IF_ERROR(Move(draft_, path_));
    FAREBOX_RETURN_IF_ERROR(SyncDirectory(order_.directory));
    return RemoveDerived();
  }

  // Only now: where no journal is, it keeps a server from beginning an empty one. Where it is left,
  // or comes back after a power cut, it may be ahead of the journal, and no server starts.
  absl::Status RemoveDerived() {
    const std::string derived = absl::StrCat(order_.directory, "/derived.db");
    RemoveDatabase(derived);
    FAREBOX_ASSIGN_OR_RETURN(const bool is_there, Exists(derived));
    if (is_there) return absl::UnavailableError(absl::StrCat("cannot delete ", derived));
    return SyncDirectory(order_.directory);
  }

  absl::Status WriteMark() {
    const BatchHead& head = report_.verified.head;
    // What an earlier restore has forgotten may be unknown still.
    const RestoredMark mark(order_.directory);
    const absl::Time since =
        mark.IsThere() ? std::min(head.time, mark.ForgottenSince()) : head.time;
    const std::string text = RestoredMarkText(order_.backup_path, head, since);
    FAREBOX_RETURN_IF_ERROR(WriteSynced(mark.path(), text));
    return GiveToServer(mark.path());
  }

  // Of a directory that is not there yet: one that is may hold the only ledger.
  std::string NameAside() const {
    const std::string name =
        absl::StrCat(order_.directory, "/replaced-",
                     absl::FormatTime("%Y%m%dT%H%M%SZ", clock_.Now(), absl::UTCTimeZone()));
    std::string free = name;
    std::error_code ignored;  // What cannot be looked at cannot be written to either.
    for (int i = 2; fs::exists(free, ignored); ++i) free = absl::StrCat(name, "-", i);
    return free;
  }

  // The journal first: without it, and with anything else of it, no server starts.
  absl::Status SetAside() {
    std::string aside;
    for (const char* const suffix : {"", "-wal", "-shm", "-journal"}) {
      const std::string old = absl::StrCat(path_, suffix);
      FAREBOX_ASSIGN_OR_RETURN(const bool is_there, Exists(old));
      if (!is_there) continue;
      if (aside.empty()) {
        aside = NameAside();
        FAREBOX_RETURN_IF_ERROR(MakeDirectory(aside));
        FAREBOX_RETURN_IF_ERROR(GiveToServer(aside));
      }
      FAREBOX_RETURN_IF_ERROR(GiveToServer(old));
      FAREBOX_RETURN_IF_ERROR(Move(old, absl::StrCat(aside, "/journal.db", suffix)));
      FAREBOX_RETURN_IF_ERROR(SyncDirectory(order_.directory));
    }
    if (!aside.empty()) FAREBOX_RETURN_IF_ERROR(SyncDirectory(aside));
    report_.set_aside = aside;
    return absl::OkStatus();
  }

  const RestoreOrder& order_;
  const Clock& clock_;
  const std::string path_;
  const std::string draft_;
  RestoreReport report_;
};

}  // namespace

absl::StatusOr<RestoreReport> RestoreBackup(const RestoreOrder& order, const Clock& clock) {
  return Restore(order, clock).Make();
}

}  // namespace farebox::sqlite
