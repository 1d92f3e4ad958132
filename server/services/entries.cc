#include "server/services/entries.h"

#include "farebox/stored/v1/stored.pb.h"
#include "google/protobuf/arena.h"
#include "server/base/proto_time.h"
#include "storage/check.h"

namespace farebox::server {
namespace {

// The journal's numbers are the API's.
static_assert(static_cast<int>(EntryKind::kAccountOpened) == v1::ENTRY_KIND_ACCOUNT_OPENED);
static_assert(static_cast<int>(EntryKind::kDecline) == v1::ENTRY_KIND_DECLINE);
static_assert(static_cast<int>(Reason::kInsufficientBalance) == v1::REASON_INSUFFICIENT_BALANCE);
static_assert(static_cast<int>(Reason::kDeadlineExceeded) == v1::REASON_DEADLINE_EXCEEDED);

bool IsOfHold(EntryKind kind) {
  return kind == EntryKind::kHold || kind == EntryKind::kHoldExtended ||
         kind == EntryKind::kHoldCharged || EndsHold(kind);
}

bool SetsAside(EntryKind kind) {
  return kind == EntryKind::kHold || kind == EntryKind::kHoldExtended;
}

bool IsOfAccount(EntryKind kind) {
  return kind == EntryKind::kAccountOpened || kind == EntryKind::kAccountChanged;
}

void FillDetail(const Entry& entry, v1::Entry* out) {
  google::protobuf::Arena* const arena = out->GetArena();
  FAREBOX_CHECK(arena != nullptr);
  auto* const detail = google::protobuf::Arena::CreateMessage<stored::v1::EntryDetail>(arena);
  if (!detail->ParseFromString(entry.detail)) return;

  if (detail->has_usage()) {
    out->unsafe_arena_set_allocated_usage(detail->unsafe_arena_release_usage());
  }
  if (detail->has_price()) {
    out->unsafe_arena_set_allocated_price(detail->unsafe_arena_release_price());
  }
  out->set_description(detail->description());
  out->set_used_seconds(detail->used_seconds());
  out->set_billed_seconds(detail->billed_seconds());
  if (out->usage().has_text()) out->set_segments(detail->units());
  if (SetsAside(entry.kind)) out->set_granted_seconds(detail->granted_seconds());
}

}  // namespace

void FillEntry(const Entry& entry, absl::string_view account_id, v1::Entry* out) {
  out->set_entry_id(entry.id);
  FillTime(entry.time, out->mutable_time());
  out->set_kind(static_cast<v1::EntryKind>(entry.kind));
  out->set_item(static_cast<v1::Item>(entry.item));
  out->set_amount_micros(entry.amount.value());
  out->set_balance_after_micros(entry.balance.value());
  out->set_held_change_micros(entry.held_change.value());
  out->set_held_after_micros(entry.held.value());
  out->set_request_id(entry.request_id);
  // A refused extension names its hold too.
  const bool names_hold = IsOfHold(entry.kind) || entry.kind == EntryKind::kDecline;
  if (names_hold) out->set_hold_id(entry.subject);
  if (entry.kind == EntryKind::kCredit) out->set_refunded_entry_id(entry.subject);
  out->set_reason(ToProto(entry.reason));
  out->set_overrun(entry.overrun());
  out->set_late(entry.late());
  if (SetsAside(entry.kind)) FillTime(entry.expire_time, out->mutable_expire_time());
  out->set_account_id(account_id.data(), account_id.size());
  if (!entry.detail.empty() && !IsOfAccount(entry.kind)) FillDetail(entry, out);
}

}  // namespace farebox::server
