#include "server/services/page_token.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/request_ids.h"
#include "storage/wire.h"

namespace farebox::server {
namespace {

uint64_t Checksum(absl::string_view query, int64_t position) {
  std::string content = "farebox page";
  wire::PutString(query, &content);
  wire::PutInt64(position, &content);
  return ContentFingerprint(content);
}

}  // namespace

std::string MakePageToken(absl::string_view query, int64_t position) {
  std::string bytes;
  wire::PutInt64(position, &bytes);
  wire::PutInt64(static_cast<int64_t>(Checksum(query, position)), &bytes);
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<int64_t> ReadPageToken(absl::string_view token, absl::string_view query,
                                      int64_t first) {
  if (token.empty()) return first;
  std::string bytes;
  if (absl::WebSafeBase64Unescape(token, &bytes)) {
    wire::Reader reader(bytes);
    const int64_t position = reader.Int64();
    const uint64_t checksum = static_cast<uint64_t>(reader.Int64());
    if (reader.AtEnd() && checksum == Checksum(query, position)) return position;
  }
  return error::FieldInvalid("page_token", "is not a token of this list");
}

absl::StatusOr<size_t> ReadPageSize(int32_t asked, PageSizes sizes) {
  if (asked < 0)
    return error::FieldInvalid("page_size", "must not be negative", absl::StrCat(asked));
  return static_cast<size_t>(asked == 0 ? sizes.by_default : std::min(asked, sizes.max));
}

}  // namespace farebox::server
