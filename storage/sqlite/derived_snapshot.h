#ifndef FAREBOX_STORAGE_SQLITE_DERIVED_SNAPSHOT_H_
#define FAREBOX_STORAGE_SQLITE_DERIVED_SNAPSHOT_H_

#include "absl/status/statusor.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/sqlite/connection.h"

namespace farebox::sqlite {

// Hands over the accounts, holds and refunds in derived.db and returns the entry they are as of,
// all in one read transaction. Fails with DATA_LOSS where a row or page cannot be right, or is not
// of the time that the position says; the visitor has seen some of it by then.
absl::StatusOr<EntryId> VisitDerivedSnapshot(Connection* connection, SnapshotVisitor* visitor);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DERIVED_SNAPSHOT_H_
