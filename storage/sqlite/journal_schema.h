#ifndef FAREBOX_STORAGE_SQLITE_JOURNAL_SCHEMA_H_
#define FAREBOX_STORAGE_SQLITE_JOURNAL_SCHEMA_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "storage/entry.h"
#include "storage/sqlite/connection.h"

namespace farebox::sqlite {

// Marks journal.db as ours: "FBXj".
inline constexpr int64_t kJournalApplicationId = 0x4642586a;

// What follows the name of a journal that is being restored, before it takes its place.
inline constexpr char kRestoredSuffix[] = ".restored";

// What follows it where a server that runs has saved what was in a journal that is gone.
inline constexpr char kRescuedSuffix[] = ".rescued";

// One step forward: the statements that turn schema version n into n + 1, where n is its place in
// the list. A step that was released is never changed.
using Migrations = absl::Span<const char* const>;
Migrations JournalMigrations();

// Opens the journal at `path` for the one connection that writes, after making it where it is
// missing and bringing an older schema up to date, one transaction a step. The caller owns the
// directory.
//
// Fails, with not a byte of it changed, with FILES_FOREIGN where the file is not a journal, and
// with FILES_TOO_NEW where a newer version wrote it; with JOURNAL_DAMAGED where it is damaged.
absl::StatusOr<Connection> OpenJournalForWriting(const std::string& path,
                                                 Migrations migrations = JournalMigrations());

// Makes an empty journal at `path`, in place of what is there: one file, without a log, on disk
// when this returns.
absl::Status MakeEmptyJournal(const std::string& path, Migrations migrations = JournalMigrations());

// Opens a journal that is one file, without a log, for writing, after bringing an older schema up
// to date. What a crash has left of a transaction is undone. Fails as OpenJournalForWriting does.
absl::StatusOr<Connection> OpenJournalForUpdate(const std::string& path,
                                                Migrations migrations = JournalMigrations());

// Removes a database and what SQLite keeps beside it.
void RemoveDatabase(const std::string& path);

// What is wrong with a page of the journal, as the damage of the journal that it is. `entry` is the
// first entry that may be concerned; 0 where that is not known.
absl::Status AsJournalDamage(EntryId entry, const absl::Status& status);

// Fails as OpenJournalForWriting does. Only for the owner of the directory while nothing in this
// process has the file open: POSIX drops a process's locks on a file with any of its descriptors.
absl::Status CheckIsJournal(const std::string& path, int64_t version_known);

// Opens a journal that is there, in the current schema, for reading only.
absl::StatusOr<Connection> OpenJournalForReading(const std::string& path,
                                                 Migrations migrations = JournalMigrations());

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_JOURNAL_SCHEMA_H_
