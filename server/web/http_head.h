#ifndef FAREBOX_SERVER_WEB_HTTP_HEAD_H_
#define FAREBOX_SERVER_WEB_HTTP_HEAD_H_

#include <string>

#include "absl/strings/string_view.h"
#include "server/web/exchange.h"

namespace farebox::web {

// How an answer is sent.
struct HeadOptions {
  // The header of that name.
  absl::string_view date;
  bool is_tls = false;
  // In chunks, which HTTP/1.0 does not have: there the end of the connection is the body's end.
  bool is_in_chunks = false;
  bool has_length = true;
  bool keeps_alive = true;
  bool is_http_10 = false;
};

// The head of an answer, up to its empty line, with what holds for every answer: it is not shown
// within another site's page, guessed to be of another type, or kept. Headers of the response with
// control characters in them, which would begin lines of their own, are left out.
std::string MakeHead(const Response& response, const HeadOptions& options);

// What the status is called; empty for one that has no name.
absl::string_view Reason(int status);

// The bytes of the body, whichever of the two it has.
absl::string_view BodyOf(const Response& response);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_HTTP_HEAD_H_
