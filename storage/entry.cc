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
  using wire::PutByte;
  using wire::PutInt64;
  PutInt64(entry.id, out);
  PutInt64(entry.account, out);
  PutInt64(entry.previous, out);
  PutInt64(absl::ToUnixMicros(entry.time), out);
  PutByte(static_cast<uint8_t>(entry.kind), out);
  PutByte(entry.item, out);
  PutByte(static_cast<uint8_t>(entry.reason), out);
  PutByte(entry.flags, out);
  PutInt64(entry.amount.value(), out);
  PutInt64(entry.held_change.value(), out);
  PutInt64(entry.balance.value(), out);
  PutInt64(entry.held.value(), out);
  PutInt64(entry.credit_limit.value(), out);
  PutInt64(entry.subject, out);
  PutInt64(absl::ToUnixMicros(entry.expire_time), out);
  wire::PutString(entry.request_id, out);
  PutInt64(static_cast<int64_t>(entry.fingerprint), out);
  wire::PutString(entry.detail, out);
}

}  // namespace farebox
