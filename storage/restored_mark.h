#ifndef FAREBOX_STORAGE_RESTORED_MARK_H_
#define FAREBOX_STORAGE_RESTORED_MARK_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/entry.h"

// The file kRestoredMark: that a ledger was restored, and what people are to do then. One line of
// it is for programs.
namespace farebox {

// What it says of a backup that reaches to `head`. What happened since `forgotten_since` may be
// unknown to the ledger: that is the backup's time, or an earlier one's that was restored before.
std::string RestoredMarkText(absl::string_view backup_path, const BatchHead& head,
                             absl::Time forgotten_since);

// Where it is in a ledger's directory.
std::string RestoredMarkPath(absl::string_view directory);

// Whether it is there, also where that cannot be looked at.
bool HasRestoredMark(absl::string_view directory);

// What the one that is there was written with. InfinitePast: it does not say.
absl::Time ReadForgottenSince(absl::string_view directory);

}  // namespace farebox

#endif  // FAREBOX_STORAGE_RESTORED_MARK_H_
