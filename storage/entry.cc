#include "storage/entry.h"

#include "storage/wire.h"

namespace farebox {

absl::string_view EntryKindName(EntryKind kind) {
  switch (kind) {
    case EntryKind::kAccountOpened:
      return "ACCOUNT_OPENED";
    case EntryKind::kAccountChanged:
      return "ACCOUNT_CHANGED";
    case EntryKind::kDebit:
      return "DEBIT";
    case EntryKind::kCredit:
      return "CREDIT";
    case EntryKind::kHold:
      return "HOLD";
    case EntryKind::kHoldExtended:
      return "HOLD_EXTENDED";
    case EntryKind::kHoldCharged:
      return "HOLD_CHARGED";
    case EntryKind::kHoldSettled:
      return "HOLD_SETTLED";
    case EntryKind::kHoldReleased:
      return "HOLD_RELEASED";
    case EntryKind::kHoldExpired:
      return "HOLD_EXPIRED";
    case EntryKind::kDecline:
      return "DECLINE";
  }
  return "UNKNOWN";
}

void AppendCanonical(const Entry& entry, std::string* out) {
  wire::Block<12 * sizeof(int64_t) + 4>()
      .Int64(entry.id)
      .Int64(entry.account)
      .Int64(entry.previous)
      .Int64(absl::ToUnixMicros(entry.time))
      .Byte(static_cast<uint8_t>(entry.kind))
      .Byte(entry.item)
      .Byte(static_cast<uint8_t>(entry.reason))
      .Byte(entry.flags)
      .Int64(entry.amount.value())
      .Int64(entry.held_change.value())
      .Int64(entry.balance.value())
      .Int64(entry.held.value())
      .Int64(entry.credit_limit.value())
      .Int64(entry.subject)
      .Int64(absl::ToUnixMicros(entry.expire_time))
      .Int64(static_cast<int64_t>(entry.request_id.size()))
      .AppendTo(out);
  out->append(entry.request_id);
  wire::PutInt64(static_cast<int64_t>(entry.fingerprint), out);
  wire::PutString(entry.detail, out);
}

}  // namespace farebox
