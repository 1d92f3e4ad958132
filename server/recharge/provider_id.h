#ifndef FAREBOX_SERVER_RECHARGE_PROVIDER_ID_H_
#define FAREBOX_SERVER_RECHARGE_PROVIDER_ID_H_

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "server/base/limits.h"
#include "server/recharge/limits.h"

namespace farebox::server {

// Whether `text` can be a part of a path: an id of the provider's is letters, digits, '_' and '-'.
inline bool IsProviderId(absl::string_view text) {
  return !text.empty() && text.size() <= limits::kProviderIdBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
         });
}

// Whether `text` can be a name of ours in the provider's books (see ChargeRequest::attempt_id): a
// header line, a key with room for a prefix or a suffix.
inline bool IsRequestName(absl::string_view text) {
  return !text.empty() && text.size() <= limits::kRequestNameBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  absl::string_view("._:@+-").find(c) != absl::string_view::npos;
         });
}

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_PROVIDER_ID_H_
