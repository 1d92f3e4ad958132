#ifndef FAREBOX_STORAGE_SQLITE_DERIVED_SCHEMA_H_
#define FAREBOX_STORAGE_SQLITE_DERIVED_SCHEMA_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "storage/entry.h"
#include "storage/sqlite/connection.h"

namespace farebox::sqlite {

// Marks derived.db as ours: "FBXd".
inline constexpr int64_t kDerivedApplicationId = 0x46425864;

// Raised with any change of the schema or of what its rows mean: files of another version are
// made anew.
inline constexpr int64_t kDerivedVersion = 3;

extern const char kDerivedSchema[];

// How far the journal has been derived.
struct DerivedPosition {
  // Everything up to the end of this batch; `first` is not kept.
  BatchHead batch;
  // The table `request` has the request ids of all entries up to this one.
  EntryId requests_through = 0;
  // Of the rows that a start loads (derived_sum.h).
  uint64_t rows_sum = 0;
};

absl::StatusOr<DerivedPosition> ReadDerivedPosition(Connection* connection);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DERIVED_SCHEMA_H_
