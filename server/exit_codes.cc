#include "server/exit_codes.h"

#include "storage/errors.h"

namespace farebox::server {

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  switch (GetReason(status)) {
    case Reason::kFilesInUse:
      return kExitTemporary;
    case Reason::kFilesForeign:
    case Reason::kFilesTooNew:
    case Reason::kJournalDamaged:
      return kExitData;
    case Reason::kStorageFailed:
      return kExitSoftware;
    default:
      break;
  }
  // An option that only turned out to be wrong when it was used.
  if (absl::IsInvalidArgument(status)) return kExitUsage;
  if (absl::IsUnavailable(status)) return kExitUnavailable;
  return absl::IsDataLoss(status) ? kExitData : kExitSoftware;
}

}  // namespace farebox::server
