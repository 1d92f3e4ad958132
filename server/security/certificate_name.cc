#include "server/security/certificate_name.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace farebox::server {

std::string NameOfCertificate(const std::vector<std::string>& uris,
                              const std::vector<std::string>& common_names) {
  if (uris.size() == 1 && absl::StartsWith(uris[0], "spiffe://")) return uris[0];
  // A certificate with URIs is to be known by one of them, and is not.
  if (!uris.empty() || common_names.size() != 1 || common_names[0].empty()) return "";
  return absl::StrCat(kCommonNamePrefix, common_names[0]);
}

}  // namespace farebox::server
