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
constexpr std::array<int8_t, 256> MakeHexValues() {
  std::array<int8_t, 256> values{};
  for (int8_t& value : values) value = -1;
  for (int8_t digit = 0; digit < 16; ++digit) {
    values[static_cast<uint8_t>(kHexDigits[digit])] = digit;
  }
  return values;
}
constexpr std::array<int8_t, 256> kHexValues = MakeHexValues();

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
  text->clear();
  for (const char byte : uuid) {
    if (IsDashAt(text->size())) text->push_back('-');
    text->push_back(kHexDigits[static_cast<uint8_t>(byte) >> 4]);
    text->push_back(kHexDigits[static_cast<uint8_t>(byte) & 0xf]);
  }
}

void BindRequestId(absl::string_view request_id, int parameter, UuidBytes* uuid,
                   Statement* statement) {
  if (request_id.empty()) {
    statement->BindNull(parameter);
  } else if (PackUuid(request_id, uuid)) {
    statement->BindBlob(parameter, absl::string_view(uuid->data(), uuid->size()));
  } else {
    statement->BindText(parameter, request_id);
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

}  // namespace

int64_t ToMicros(absl::Time time) { return absl::ToUnixMicros(time); }

absl::Time FromMicros(int64_t micros) {
  if (micros == std::numeric_limits<int64_t>::max()) return absl::InfiniteFuture();
  if (micros == std::numeric_limits<int64_t>::min()) return absl::InfinitePast();
  return absl::FromUnixMicros(micros);
}

void BindEntry(const Entry& entry, UuidBytes* uuid, Statement* statement) {
  statement->BindInt64(1, entry.id);
  statement->BindInt64(2, entry.account);
  statement->BindInt64(3, entry.previous);
  statement->BindInt64(4, ToMicros(entry.time));
  statement->BindInt64(5, static_cast<int64_t>(entry.kind));
  statement->BindInt64(6, entry.item);
  statement->BindInt64(7, static_cast<int64_t>(entry.reason));
  statement->BindInt64(8, entry.flags);
  statement->BindInt64(9, entry.amount.value());
  statement->BindInt64(10, entry.held_change.value());
  statement->BindInt64(11, entry.balance.value());
  statement->BindInt64(12, entry.held.value());
  statement->BindInt64(13, entry.credit_limit.value());
  statement->BindInt64(14, entry.subject);
  if (entry.expire_time == absl::InfinitePast()) {
    statement->BindNull(15);
  } else {
    statement->BindInt64(15, ToMicros(entry.expire_time));
  }
  BindRequestId(entry.request_id, 16, uuid, statement);
  statement->BindInt64(17, static_cast<int64_t>(entry.fingerprint));
  if (entry.detail.empty()) {
    statement->BindNull(18);
  } else {
    statement->BindBlob(18, entry.detail);
  }
}

bool ReadEntry(const Statement& row, Entry* entry) {
  const int64_t kind = row.Int64(4);
  const int64_t item = row.Int64(5);
  const int64_t reason = row.Int64(6);
  const int64_t flags = row.Int64(7);
  // Each fits a byte exactly when all of them together do.
  if (static_cast<uint64_t>(kind | item | reason | flags) > 0xff) return false;

  entry->id = row.Int64(0);
  entry->account = row.Int64(1);
  entry->previous = row.Int64(2);
  entry->time = FromMicros(row.Int64(3));
  entry->kind = static_cast<EntryKind>(kind);
  entry->item = static_cast<uint8_t>(item);
  entry->reason = static_cast<Reason>(reason);
  entry->flags = static_cast<uint8_t>(flags);
  entry->amount = Micros(row.Int64(8));
  entry->held_change = Micros(row.Int64(9));
  entry->balance = Micros(row.Int64(10));
  entry->held = Micros(row.Int64(11));
  entry->credit_limit = Micros(row.Int64(12));
  entry->subject = row.Int64(13);
  entry->expire_time = row.IsNull(14) ? absl::InfinitePast() : FromMicros(row.Int64(14));
  entry->fingerprint = static_cast<uint64_t>(row.Int64(16));
  const absl::string_view detail = row.Bytes(17);
  entry->detail.assign(detail.data(), detail.size());
  return ReadRequestId(row, 15, &entry->request_id);
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
