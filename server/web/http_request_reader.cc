#include "server/web/http_request_reader.h"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace farebox::web {
namespace {

namespace http = boost::beast::http;

// What is kept of a buffer between two requests.
constexpr size_t kKeptBytesMax = 16 * 1024;

absl::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

// Of the answer to a request that cannot be read.
int StatusOf(const boost::system::error_code& problem) {
  if (problem == http::error::header_limit || problem == http::error::buffer_overflow) return 431;
  if (problem == http::error::body_limit) return 413;
  if (problem == http::error::bad_version) return 505;
  return 400;
}

}  // namespace

void HttpRequestReader::BeginRequest() {
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(header_bytes_max_));
  // Known once the route is; what has no limit here is refused by Boost 1.74 whatever its length.
  parser_->body_limit(std::numeric_limits<uint64_t>::max());
  parser_->eager(false);
  is_head_read_ = false;
  needs_bytes_ = false;
  if (!has_bytes() && buffer_.capacity() > kKeptBytesMax) buffer_.shrink_to_fit();
}

void HttpRequestReader::Commit(size_t bytes) {
  buffer_.commit(bytes);
  needs_bytes_ = false;
}

HttpRequestReader::Step HttpRequestReader::Parse() {
  if (parser_->is_done()) return Step::kWhole;
  if (needs_bytes_ || !has_bytes()) return Step::kNeedsBytes;
  boost::system::error_code error;
  buffer_.consume(parser_->put(buffer_.data(), error));
  const bool wants_more = error == http::error::need_more;
  if (error && !wants_more) {
    error_status_ = StatusOf(error);
    return Step::kMalformed;
  }
  if (!is_head_read_ && parser_->is_header_done()) {
    is_head_read_ = true;
    KeepHeaders();
    return Step::kHead;
  }
  // Beast's own bound is that of the head. A chunk's first line, and what follows the last chunk,
  // are taken in as a whole too.
  if (wants_more && buffer_.size() > header_bytes_max_) {
    error_status_ = 431;
    return Step::kMalformed;
  }
  needs_bytes_ = wants_more;
  return Step::kGoesOn;
}

int HttpRequestReader::CheckHead() const {
  const auto& message = parser_->get();
  const bool is_known = message.version() == 10 || message.version() == 11;
  const bool has_host = message.count(http::field::host) == 1 || is_http_10();
  const bool has_path = !message.target().empty() && message.target().front() == '/';
  if (is_known && has_host && has_path) return 0;
  return message.version() / 10 == 1 ? 400 : 505;
}

absl::string_view HttpRequestReader::method() const { return View(parser_->get().method_string()); }

absl::string_view HttpRequestReader::path() const {
  const absl::string_view target = View(parser_->get().target());
  return target.substr(0, target.find('?'));
}

absl::string_view HttpRequestReader::expect() const {
  return View(parser_->get()[http::field::expect]);
}

bool HttpRequestReader::AllowBody(size_t bytes_max) {
  const auto length = parser_->content_length();
  if (length.has_value() && *length > bytes_max) return false;
  parser_->body_limit(bytes_max);
  parser_->eager(true);
  return true;
}

void HttpRequestReader::KeepHeaders() {
  headers_.clear();
  headers_.reserve(16);
  for (const auto& field : parser_->get()) {
    headers_.emplace_back(absl::AsciiStrToLower(View(field.name_string())), View(field.value()));
  }
}

Request HttpRequestReader::TakeRequest(std::string body) {
  const std::pair<absl::string_view, absl::string_view> target =
      absl::StrSplit(View(parser_->get().target()), absl::MaxSplits('?', 1));
  return {.method = std::string(method()),
          .path = std::string(target.first),
          .query = std::string(target.second),
          .headers = std::move(headers_),
          .body = std::move(body)};
}

}  // namespace farebox::web
