#ifndef FAREBOX_STORAGE_LOAD_REQUEST_IDS_H_
#define FAREBOX_STORAGE_LOAD_REQUEST_IDS_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/request_ids.h"

namespace farebox {

// Reads the request ids of the entries first..last of the journal into a new generation of the
// window, of entries from `begin` on. Where there are many, on every processor: at start there is
// nothing else to do, and nobody is answered before it is done.
absl::Status LoadRequestIds(EntryId first, EntryId last, absl::Time begin, JournalSource* journal,
                            RequestIdWindow* window);

}  // namespace farebox

#endif  // FAREBOX_STORAGE_LOAD_REQUEST_IDS_H_
