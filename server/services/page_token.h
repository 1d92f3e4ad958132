#ifndef FAREBOX_SERVER_SERVICES_PAGE_TOKEN_H_
#define FAREBOX_SERVER_SERVICES_PAGE_TOKEN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/limits.h"

// Where a list goes on: a position that is good for one query only. A token grants nothing that
// the query itself would not; that it cannot be mixed up with another query's is what its
// checksum is for.
namespace farebox::server {

// `query` is everything of a request that decides what its list has.
std::string MakePageToken(absl::string_view query, int64_t position);

// The position of a token; `first` where there is none. Fails with FIELD_INVALID for a token that
// MakePageToken() did not make, or made for another query.
absl::StatusOr<int64_t> ReadPageToken(absl::string_view token, absl::string_view query,
                                      int64_t first);

struct PageSizes {
  int32_t by_default = 0;
  int32_t max = 0;
};
// Fails with FIELD_INVALID where `asked` is negative; 0 asks for the default, too much for the
// most there is.
absl::StatusOr<size_t> ReadPageSize(int32_t asked, PageSizes sizes);
inline constexpr PageSizes kPageSizes = {.by_default = limits::kPageSizeDefault,
                                         .max = limits::kPageSizeMax};

// One page of a list that begins with the newest.
struct Page {
  std::string query;
  // Has what is at positions below this one.
  int64_t before = 0;
  size_t size = 0;

  // How many are sought: one more than it has, to know whether there is one.
  size_t sought() const { return size + 1; }
};

// The page that a request asks for, of as many as most lists show. Fails with FIELD_INVALID.
template <typename Request>
absl::StatusOr<Page> ReadPage(const Request& request, std::string query) {
  const absl::StatusOr<size_t> size = ReadPageSize(request.page_size(), kPageSizes);
  if (!size.ok()) return size.status();
  const absl::StatusOr<int64_t> before =
      ReadPageToken(request.page_token(), query, std::numeric_limits<int64_t>::max());
  if (!before.ok()) return before.status();
  return Page{.query = std::move(query), .before = *before, .size = *size};
}

// Leaves no more than the page of what was found. Where there is more, the answer says how the list
// goes on, from the last that is left.
template <typename Found, typename PositionOf, typename Response>
void CutPage(const Page& page, PositionOf position_of, std::vector<Found>* found,
             Response* response) {
  if (found->size() <= page.size) return;
  found->erase(found->begin() + static_cast<ptrdiff_t>(page.size), found->end());
  response->set_next_page_token(MakePageToken(page.query, std::invoke(position_of, found->back())));
}

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_PAGE_TOKEN_H_
