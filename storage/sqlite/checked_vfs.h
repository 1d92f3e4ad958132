#ifndef FAREBOX_STORAGE_SQLITE_CHECKED_VFS_H_
#define FAREBOX_STORAGE_SQLITE_CHECKED_VFS_H_

#include "storage/sqlite/connection.h"

// SQLite's own file access, with a checksum at the end of each page of a database file.
//
// SQLite notices a damaged page only where its structure makes no sense. Balances and request ids
// that are taken from a file which nothing else protects must not be believed on such terms: here
// a page is read as it was written, or the read fails with DATA_LOSS. The checksum covers the
// page's place too, so a page written to the wrong place is noticed. The write-ahead log has
// checksums of its own.
namespace farebox::sqlite {

// For ConnectionOptions::vfs. The first call registers it.
const char* CheckedVfs();

// Makes room for the checksums; before anything is written to a new file.
absl::Status ReserveChecksums(Connection* connection);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_CHECKED_VFS_H_
