#include "server/web/unsent_answer.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/web/http_head.h"

namespace farebox::web {
namespace {

// What is sent at once.
constexpr size_t kWriteBytesMax = 64 * 1024;
// A body up to this is sent together with its head.
constexpr size_t kJoinedBytesMax = 16 * 1024;

}  // namespace

void UnsentAnswer::Set(std::string head, Response response, bool has_body) {
  sending_ = std::move(head);
  response_ = std::move(response);
  unsent_body_ = has_body ? BodyOf(response_) : "";
  if (unsent_body_.size() <= kJoinedBytesMax) {
    absl::StrAppend(&sending_, std::exchange(unsent_body_, ""));
  }
  unsent_ = sending_;
}

void UnsentAnswer::Begin(std::string head, bool is_in_chunks) {
  sending_ = std::move(head);
  unsent_ = sending_;
  is_in_pieces_ = true;
  is_in_chunks_ = is_in_chunks;
}

void UnsentAnswer::Add(absl::string_view piece) {
  if (is_in_chunks_) {
    absl::StrAppend(&next_pieces_, absl::Hex(piece.size()), "\r\n", piece, "\r\n");
  } else {
    absl::StrAppend(&next_pieces_, piece);
  }
}

void UnsentAnswer::End() {
  if (is_in_chunks_) absl::StrAppend(&next_pieces_, "0\r\n\r\n");
  has_end_ = true;
}

absl::string_view UnsentAnswer::TakeBytes() {
  if (unsent_.empty() && unsent_body_.empty()) {
    sending_ = std::exchange(next_pieces_, {});
    unsent_ = sending_;
  }
  absl::string_view& source = unsent_.empty() ? unsent_body_ : unsent_;
  const absl::string_view bytes = source.substr(0, kWriteBytesMax);
  source.remove_prefix(bytes.size());
  return bytes;
}

}  // namespace farebox::web
