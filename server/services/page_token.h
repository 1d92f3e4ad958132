#ifndef FAREBOX_SERVER_SERVICES_PAGE_TOKEN_H_
#define FAREBOX_SERVER_SERVICES_PAGE_TOKEN_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

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

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_PAGE_TOKEN_H_
