#ifndef FAREBOX_STORAGE_SQLITE_DERIVED_SNAPSHOT_H_
#define FAREBOX_STORAGE_SQLITE_DERIVED_SNAPSHOT_H_

#include "absl/status/statusor.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/sqlite/connection.h"

namespace farebox::sqlite {

// Hands over the accounts, holds and refunds in derived.db and returns the entry they are as of,
// all in one read transaction. Where it fails, as with DATA_LOSS where a row or page cannot be
// right, the visitor may have seen some of it.
absl::StatusOr<EntryId> VisitDerivedSnapshot(Connection* connection, SnapshotVisitor* visitor);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DERIVED_SNAPSHOT_H_
