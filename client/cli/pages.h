#ifndef FAREBOX_CLIENT_CLI_PAGES_H_
#define FAREBOX_CLIENT_CLI_PAGES_H_

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "client/cli/session.h"

namespace farebox::cli {

// What the server gives at most at once, of lists and of activity.
inline constexpr int32_t kPageSizeMax = 1'000;
inline constexpr int32_t kActivityPageSizeMax = 500;

// Asks page after page until there are `limit` elements, all for 0, and puts them into one answer;
// its next_page_token says whether there are more.
template <typename Request, typename Response, typename Element>
absl::StatusOr<Response> FetchPages(
    Session* session, Request request, int64_t limit, int32_t page_size_max,
    absl::StatusOr<Response> (client::Client::*fetch)(Request, const client::CallOptions&),
    const google::protobuf::RepeatedPtrField<Element>& (Response::*elements)() const) {
  Response all;
  while (true) {
    const int64_t missing = limit == 0 ? page_size_max : limit - (all.*elements)().size();
    request.set_page_size(
        static_cast<int32_t>(std::min(missing, static_cast<int64_t>(page_size_max))));
    absl::StatusOr<Response> page = (session->client().*fetch)(request, session->call_options());
    if (!page.ok()) return page;
    request.set_page_token(page->next_page_token());
    all.MergeFrom(*page);
    all.set_next_page_token(request.page_token());
    const bool is_enough = limit != 0 && (all.*elements)().size() >= limit;
    if (request.page_token().empty() || is_enough) return all;
  }
}

// For lists that were cut.
template <typename Response>
void NoteMore(Session* session, const Response& response) {
  if (!response.next_page_token().empty()) session->Note("There are more: raise --limit.");
}

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_PAGES_H_
