#ifndef FAREBOX_SERVER_SERVICES_ENTRIES_H_
#define FAREBOX_SERVER_SERVICES_ENTRIES_H_

#include "absl/strings/string_view.h"
#include "farebox/v1/entry.pb.h"
#include "storage/entry.h"

namespace farebox::server {

// Shows a line of the journal. `out` is empty and on an arena.
void FillEntry(const Entry& entry, absl::string_view account_id, v1::Entry* out);

inline v1::Reason ToProto(Reason reason) { return static_cast<v1::Reason>(reason); }

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_ENTRIES_H_
