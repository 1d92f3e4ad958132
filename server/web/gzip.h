#ifndef FAREBOX_SERVER_WEB_GZIP_H_
#define FAREBOX_SERVER_WEB_GZIP_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace farebox::web {

std::string Gzip(absl::string_view bytes);

// InvalidArgument: it is no gzip, or there is something after it. ResourceExhausted: it has more
// than `bytes_max`, however small it was made.
absl::StatusOr<std::string> Gunzip(absl::string_view bytes, size_t bytes_max);

// Whether a list such as "br;q=1, gzip" takes gzip.
bool AcceptsGzip(absl::string_view accepted);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_GZIP_H_
