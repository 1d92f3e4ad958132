#ifndef FAREBOX_STORAGE_SQLITE_RESTORE_H_
#define FAREBOX_STORAGE_SQLITE_RESTORE_H_

#include <string>

#include "absl/status/statusor.h"
#include "storage/backup.h"
#include "storage/clock.h"
#include "storage/verify.h"

namespace farebox::sqlite {

struct RestoreOrder {
  // A backup, or a copy of journal.db with what lay beside it (-wal, -journal). Only read.
  std::string backup_path;
  // Made where it is missing; what it is in is not.
  std::string directory;
  // Puts a ledger that is in the directory aside, in place of refusing.
  bool replaces = false;
  CopyObserver observer = [](const CopyProgress&) { return true; };
};

struct RestoreReport {
  // Of what is in place now.
  VerifyReport verified;
  // Where the files are that were there before; empty where there were none.
  std::string set_aside;
};

// Makes a ledger of a backup, while no server owns the directory: copies it, brings an older schema
// up to date, recomputes the copy from its first entry on, and only then moves it into place. After
// a crash between any two steps the directory holds the old ledger, the new one, or one that no
// server starts on.
//
// Leaves kRestoredMark. Run by root, it leaves nothing that is not of the directory's owner. Fails
// with FILES_IN_USE, FILES_FOREIGN, FILES_TOO_NEW, JOURNAL_DAMAGED (the backup is),
// FailedPrecondition where a ledger is there, NotFound without a backup, or Cancelled.
absl::StatusOr<RestoreReport> RestoreBackup(const RestoreOrder& order, const Clock& clock);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_RESTORE_H_
