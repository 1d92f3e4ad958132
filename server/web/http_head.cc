#include "server/web/http_head.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace farebox::web {
namespace {

bool Has(const Headers& headers, absl::string_view name) {
  return std::any_of(headers.begin(), headers.end(),
                     [name](const auto& header) { return header.first == name; });
}

bool IsOneLine(absl::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return absl::ascii_iscntrl(c); });
}

}  // namespace

absl::string_view Reason(int status) {
  const auto known = static_cast<boost::beast::http::status>(status);
  const boost::beast::string_view reason = boost::beast::http::obsolete_reason(known);
  return reason.starts_with("<") ? "" : absl::string_view(reason.data(), reason.size());
}

absl::string_view BodyOf(const Response& response) {
  return response.lasting_body.empty() ? absl::string_view(response.body) : response.lasting_body;
}

std::string MakeHead(const Response& response, const HeadOptions& options) {
  std::string head =
      absl::StrCat("HTTP/1.1 ", response.status, " ", Reason(response.status), "\r\n");
  absl::StrAppend(&head, "date: ", options.date, "\r\n");
  for (const auto& [name, value] : response.headers) {
    if (IsOneLine(name) && IsOneLine(value)) absl::StrAppend(&head, name, ": ", value, "\r\n");
  }
  absl::StrAppend(&head, "x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n");
  if (!Has(response.headers, "content-security-policy")) {
    absl::StrAppend(&head,
                    "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n");
  }
  if (!Has(response.headers, "cache-control"))
    absl::StrAppend(&head, "cache-control: no-store\r\n");
  if (options.is_tls) absl::StrAppend(&head, "strict-transport-security: max-age=31536000\r\n");
  if (options.is_in_chunks) {
    absl::StrAppend(&head, "transfer-encoding: chunked\r\n");
  } else if (options.has_length) {
    absl::StrAppend(&head, "content-length: ", BodyOf(response).size(), "\r\n");
  }
  if (!options.keeps_alive) {
    absl::StrAppend(&head, "connection: close\r\n");
  } else if (options.is_http_10) {
    absl::StrAppend(&head, "connection: keep-alive\r\n");
  }
  absl::StrAppend(&head, "\r\n");
  return head;
}

}  // namespace farebox::web
