#include "storage/sqlite/entry_row.h"

#include <algorithm>
#include <limits>
#include <string>

#include "absl/strings/string_view.h"

namespace farebox::sqlite {
namespace {

constexpr size_t kUuidTextBytes = 36;
constexpr char kHexDigits[] = "0123456789abcdef";

constexpr bool IsDashAt(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

// The value of every lower-case hexadecimal digit; -1 for any other character.
constexpr std::array<int16_t, 256> MakeHexValues() {
  std::array<int16_t, 256> values{};
  for (int16_t& value : values) value = -1;
  for (int16_t digit = 0; digit < 16; ++digit) {
    values[static_cast<uint8_t>(kHexDigits[digit])] = digit;
  }
  return values;
}
constexpr std::array<int16_t, 256> kHexValues = MakeHexValues();

// False where `text` is not a UUID exactly as UuidText would write it.
bool PackUuid(absl::string_view text, UuidBytes* uuid) {
  if (text.size() != kUuidTextBytes) return false;
  size_t packed = 0;
  for (size_t i = 0; i < kUuidTextBytes;) {
    if (IsDashAt(i)) {
      if (text[i++] != '-') return false;
      continue;
    }
    const int high = kHexValues[static_cast<uint8_t>(text[i])];
    const int low = kHexValues[static_cast<uint8_t>(text[i + 1])];
    if ((high | low) < 0) return false;
    (*uuid)[packed++] = static_cast<char>(high << 4 | low);
    i += 2;
  }
  return true;
}

void UuidText(absl::string_view uuid, std::string* text) {
  text->resize(kUuidTextBytes);
  size_t at = 0;
  for (const char byte : uuid) {
    if (IsDashAt(at)) (*text)[at++] = '-';
    (*text)[at++] = kHexDigits[static_cast<uint8_t>(byte) >> 4];
    (*text)[at++] = kHexDigits[static_cast<uint8_t>(byte) & 0xf];
  }
}

void YieldBytes(absl::string_view bytes, sqlite3_context* context) {
  sqlite3_result_blob64(context, bytes.data(), bytes.size(), SQLITE_STATIC);
}

// A result that is not set is NULL.
void YieldRequestId(absl::string_view request_id, UuidBytes* uuid, sqlite3_context* context) {
  if (PackUuid(request_id, uuid)) {
    YieldBytes(absl::string_view(uuid->data(), uuid->size()), context);
  } else if (!request_id.empty()) {
    sqlite3_result_text64(context, request_id.data(), request_id.size(), SQLITE_STATIC,
                          SQLITE_UTF8);
  }
}

}  // namespace

int64_t ToMicros(absl::Time time) { return absl::ToUnixMicros(time); }

absl::Time FromMicros(int64_t micros) {
  if (micros == std::numeric_limits<int64_t>::max()) return absl::InfiniteFuture();
  if (micros == std::numeric_limits<int64_t>::min()) return absl::InfinitePast();
  return absl::FromUnixMicros(micros);
}

void YieldEntryColumn(const Entry& entry, EntryColumn column, UuidBytes* uuid,
                      sqlite3_context* context) {
  switch (column) {
    case kIdColumn:
      return sqlite3_result_int64(context, entry.id);
    case kAccountColumn:
      return sqlite3_result_int64(context, entry.account);
    case kKindColumn:
      return sqlite3_result_int64(context, static_cast<int64_t>(entry.kind));
    case kBalanceColumn:
      return sqlite3_result_int64(context, entry.balance.value());
    case kHeldColumn:
      return sqlite3_result_int64(context, entry.held.value());
    case kPreviousColumn:
      return sqlite3_result_int64(context, entry.previous);
    case kTimeColumn:
      return sqlite3_result_int64(context, ToMicros(entry.time));
    case kItemColumn:
      return sqlite3_result_int64(context, entry.item);
    case kReasonColumn:
      return sqlite3_result_int64(context, static_cast<int64_t>(entry.reason));
    case kFlagsColumn:
      return sqlite3_result_int64(context, entry.flags);
    case kAmountColumn:
      return sqlite3_result_int64(context, entry.amount.value());
    case kHeldChangeColumn:
      return sqlite3_result_int64(context, entry.held_change.value());
    case kCreditLimitColumn:
      return sqlite3_result_int64(context, entry.credit_limit.value());
    case kSubjectColumn:
      return sqlite3_result_int64(context, entry.subject);
    case kExpireTimeColumn:
      if (entry.expire_time == absl::InfinitePast()) return;
      return sqlite3_result_int64(context, ToMicros(entry.expire_time));
    case kRequestIdColumn:
      return YieldRequestId(entry.request_id, uuid, context);
    case kFingerprintColumn:
      return sqlite3_result_int64(context, static_cast<int64_t>(entry.fingerprint));
    case kDetailColumn:
      if (!entry.detail.empty()) YieldBytes(entry.detail, context);
  }
}

bool ReadRequestId(const Statement& row, int column, std::string* request_id) {
  const int type = row.Type(column);
  if (type == SQLITE_NULL) {
    request_id->clear();
    return true;
  }
  const absl::string_view bytes = row.Bytes(column);
  if (type == SQLITE_BLOB) {
    if (bytes.size() != std::tuple_size_v<UuidBytes>) return false;
    UuidText(bytes, request_id);
    return true;
  }
  request_id->assign(bytes.data(), bytes.size());
  return type == SQLITE_TEXT;
}

bool ReadEntry(const Statement& row, Entry* entry) {
  const int64_t kind = row.Int64(kKindColumn);
  const int64_t item = row.Int64(kItemColumn);
  const int64_t reason = row.Int64(kReasonColumn);
  const int64_t flags = row.Int64(kFlagsColumn);
  // Each fits a byte exactly when all of them together do.
  if (static_cast<uint64_t>(kind | item | reason | flags) > 0xff) return false;

  entry->id = row.Int64(kIdColumn);
  entry->account = row.Int64(kAccountColumn);
  entry->previous = row.Int64(kPreviousColumn);
  entry->time = FromMicros(row.Int64(kTimeColumn));
  entry->kind = static_cast<EntryKind>(kind);
  entry->item = static_cast<uint8_t>(item);
  entry->reason = static_cast<Reason>(reason);
  entry->flags = static_cast<uint8_t>(flags);
  entry->amount = Micros(row.Int64(kAmountColumn));
  entry->held_change = Micros(row.Int64(kHeldChangeColumn));
  entry->balance = Micros(row.Int64(kBalanceColumn));
  entry->held = Micros(row.Int64(kHeldColumn));
  entry->credit_limit = Micros(row.Int64(kCreditLimitColumn));
  entry->subject = row.Int64(kSubjectColumn);
  entry->expire_time = row.IsNull(kExpireTimeColumn) ? absl::InfinitePast()
                                                     : FromMicros(row.Int64(kExpireTimeColumn));
  entry->fingerprint = static_cast<uint64_t>(row.Int64(kFingerprintColumn));
  const absl::string_view detail = row.Bytes(kDetailColumn);
  entry->detail.assign(detail.data(), detail.size());
  return ReadRequestId(row, kRequestIdColumn, &entry->request_id);
}

void BindBatch(const BatchHead& head, Statement* statement) {
  statement->BindInt64(1, head.number);
  statement->BindInt64(2, head.first);
  statement->BindInt64(3, head.last);
  statement->BindInt64(4, ToMicros(head.time));
  statement->BindBlob(
      5, absl::string_view(reinterpret_cast<const char*>(head.hash.data()), head.hash.size()));
}

bool ReadBatch(const Statement& row, BatchHead* head) {
  head->number = row.Int64(0);
  head->first = row.Int64(1);
  head->last = row.Int64(2);
  head->time = FromMicros(row.Int64(3));
  const absl::string_view hash = row.Bytes(4);
  if (hash.size() != head->hash.size()) return false;
  std::copy(hash.begin(), hash.end(), head->hash.begin());
  return true;
}

}  // namespace farebox::sqlite
