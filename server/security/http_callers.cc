#include "server/security/http_callers.h"

#include <openssl/crypto.h>

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/security/random.h"

namespace farebox::server {

HttpCallers::HttpCallers() : secret_(RandomToken()) {}

std::string HttpCallers::Write(const Facts& facts) const {
  // A certificate may have any name, metadata may not.
  return absl::StrCat(secret_, " ", facts.peer, " ", facts.session, " ",
                      absl::BytesToHexString(facts.certificate));
}

std::optional<HttpCallers::Facts> HttpCallers::Read(const grpc::ServerContextBase& context) const {
  const auto sent = context.client_metadata().find(kName);
  if (sent == context.client_metadata().end()) return std::nullopt;
  const absl::string_view value(sent->second.data(), sent->second.size());
  const std::vector<absl::string_view> parts = absl::StrSplit(value, ' ');
  const bool is_ours = parts.size() == 4 && parts[0].size() == secret_.size() &&
                       CRYPTO_memcmp(parts[0].data(), secret_.data(), secret_.size()) == 0;
  if (!is_ours) return std::nullopt;
  return Facts{.peer = std::string(parts[1]),
               .session = std::string(parts[2]),
               .certificate = absl::HexStringToBytes(parts[3])};
}

}  // namespace farebox::server
