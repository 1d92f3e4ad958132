#include "server/recharge/webhook_signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/recharge/limits.h"
#include "storage/check.h"

namespace farebox::server {
namespace {

std::string Hmac(absl::string_view secret, absl::string_view seconds, absl::string_view body) {
  const std::string signed_text = absl::StrCat(seconds, ".", body);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_bytes = 0;
  FAREBOX_CHECK(secret.size() <= static_cast<size_t>(std::numeric_limits<int>::max()));
  FAREBOX_CHECK(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                     reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(),
                     digest, &digest_bytes) != nullptr);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), digest_bytes));
}

// Takes as long whether they differ in the first byte or in the last.
bool IsSame(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

absl::Status CheckWebhookSignature(absl::string_view body, absl::string_view header,
                                   absl::string_view secret, absl::Time now) {
  // Without a secret anybody could sign.
  if (secret.empty()) return absl::UnauthenticatedError("no webhook secret is configured");
  absl::string_view seconds;
  std::vector<absl::string_view> signatures;
  for (absl::string_view part :
       absl::StrSplit(header, absl::MaxSplits(',', limits::kSignaturePartsMax))) {
    if (absl::ConsumePrefix(&part, "t=")) seconds = part;
    if (absl::ConsumePrefix(&part, "v1=")) signatures.push_back(part);
  }
  const std::string expected = Hmac(secret, seconds, body);
  bool is_good = false;
  for (const absl::string_view signature : signatures) {
    is_good = IsSame(signature, expected) || is_good;
  }
  if (!is_good) return absl::UnauthenticatedError("the webhook's signature is not good");
  int64_t sent = 0;
  if (!absl::SimpleAtoi(seconds, &sent) ||
      absl::AbsDuration(now - absl::FromUnixSeconds(sent)) > limits::kWebhookTolerance) {
    return absl::UnauthenticatedError("the webhook is too old, or a clock is wrong");
  }
  return absl::OkStatus();
}

std::string SignWebhook(absl::string_view body, absl::string_view secret, absl::Time now) {
  const std::string seconds = absl::StrCat(absl::ToUnixSeconds(now));
  return absl::StrCat("t=", seconds, ",v1=", Hmac(secret, seconds, body));
}

}  // namespace farebox::server
