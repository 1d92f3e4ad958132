#ifndef FAREBOX_STORAGE_SQLITE_MAKE_BACKUP_H_
#define FAREBOX_STORAGE_SQLITE_MAKE_BACKUP_H_

#include <string>

#include "absl/status/statusor.h"
#include "storage/backup.h"

namespace farebox::sqlite {

// Copies the journal at `journal_path`, which may be written meanwhile, into a file of its own, and
// verifies the copy.
//
//   a new one     is made beside its place, put on disk, recomputed from its first entry on, and
//                 then moved into its place: under its name is a whole backup or nothing.
//   an update     adds what is new in one transaction, which a crash undoes (SQLite's rollback
//                 journal, beside the file until the next that opens it), and reads that back.
//
// The file is a journal that needs no other one beside it: a ledger's journal.db may be replaced by
// it, and any reader of journals reads it. Blocks; one at a time a directory. Fails with
// BACKUP_EXISTS, BACKUP_FAILED (also where the backup that was there is damaged, or what was
// written cannot be read back), STORAGE_FULL, FILES_FOREIGN, FILES_IN_USE, JOURNAL_DAMAGED (that of
// `journal_path`), or Cancelled; what was there before is there still, but for an update that
// cannot be read back.
absl::StatusOr<BackupReport> MakeBackup(const std::string& journal_path, const BackupOrder& order);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_MAKE_BACKUP_H_
