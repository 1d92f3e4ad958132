#ifndef FAREBOX_SERVER_WEB_HTTP_REQUEST_READER_H_
#define FAREBOX_SERVER_WEB_HTTP_REQUEST_READER_H_

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/web/exchange.h"

namespace farebox::web {

// Makes requests of the bytes that a connection brings, one after another. It is given the bytes,
// and waits for nothing. Thread-compatible.
class HttpRequestReader {
 public:
  // A longer head is refused.
  explicit HttpRequestReader(size_t header_bytes_max) : header_bytes_max_(header_bytes_max) {}

  // Before each request, the first one too. Bytes of it may have come with the one before.
  void BeginRequest();

  // ---- Bytes

  bool has_bytes() const { return buffer_.size() > 0; }

  // Where the next bytes may be put, and how many were. Good until the next of these calls.
  boost::asio::mutable_buffer Prepare(size_t bytes_max) { return buffer_.prepare(bytes_max); }
  void Commit(size_t bytes);

  // ---- The request

  enum class Step {
    kNeedsBytes,  // Nothing can be read of what there is.
    kHead,        // The head is whole. It is looked at, and AllowBody() called, before the body.
    kGoesOn,      // Something was read, of a body perhaps.
    kWhole,       // There is nothing more of this request.
    kMalformed,   // It is no request, or too large: error_status() says which.
  };
  Step Parse();

  // HTTP's status for the answer to what is malformed.
  int error_status() const { return error_status_; }

  // After kHead. HTTP's status for the answer to a head that nobody can serve; 0: it is good.
  int CheckHead() const;

  absl::string_view method() const;
  // Up to the "?".
  absl::string_view path() const;
  // The header "Expect".
  absl::string_view expect() const;
  bool is_http_10() const { return parser_->get().version() == 10; }
  // Whether the peer wants to send another request on the connection.
  bool keeps_alive() const { return parser_->keep_alive(); }

  // After kHead. False: the head says that the body is longer.
  bool AllowBody(size_t bytes_max);

  // As much of the body as there is; whoever takes some of it leaves the rest to come.
  std::string& body() { return parser_->get().body(); }

  bool is_whole() const { return parser_->is_done(); }

  // What the head says, with this body, once; what the connection knows of its peer is left out.
  Request TakeRequest(std::string body);

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void KeepHeaders();

  const size_t header_bytes_max_;

  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;  // Since BeginRequest().
  bool is_head_read_ = false;
  // Of the head. Beast adds to its own what follows the last chunk, which nobody may take for them.
  Headers headers_;
  // Of the bytes that there are, nothing can be read without more of them.
  bool needs_bytes_ = false;
  int error_status_ = 0;
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_HTTP_REQUEST_READER_H_
