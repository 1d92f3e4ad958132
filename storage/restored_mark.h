#ifndef FAREBOX_STORAGE_RESTORED_MARK_H_
#define FAREBOX_STORAGE_RESTORED_MARK_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/entry.h"

namespace farebox {

// The file in a ledger's directory that says that the ledger was restored from a backup, and what
// people are to do then: what happened outside since (cards that were charged) is not in it. One
// line of it is for programs.
inline constexpr char kRestoredMark[] = "restored";

// What it says of a backup that reaches to `head`. What happened since `forgotten_since` may be
// unknown to the ledger: that is the backup's time, or an earlier one's that was restored before.
std::string RestoredMarkText(absl::string_view backup_path, const BatchHead& head,
                             absl::Time forgotten_since);

// Where it is in a ledger's directory.
std::string RestoredMarkPath(absl::string_view directory);

// The mark of one ledger, looked for each time: people delete it while a server runs. Thread-safe.
class RestoredMark {
 public:
  explicit RestoredMark(absl::string_view directory) : path_(RestoredMarkPath(directory)) {}

  const std::string& path() const { return path_; }

  // Also where that cannot be looked at.
  bool IsThere() const;

  // What the one that is there was written with. InfinitePast: it does not say.
  absl::Time ForgottenSince() const;

 private:
  // Constant after construction.
  const std::string path_;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_RESTORED_MARK_H_
