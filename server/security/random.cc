#include "server/security/random.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "storage/check.h"

namespace farebox::server {

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  FAREBOX_CHECK(
      RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) == 1);
  return bytes;
}

std::string RandomToken() { return absl::WebSafeBase64Escape(RandomBytes(32)); }

std::string Sha256(absl::string_view text) {
  // Looked up once: OpenSSL takes longer to find the algorithm, under a lock, than to hash a key.
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  FAREBOX_CHECK(EVP_Digest(text.data(), text.size(),
                           reinterpret_cast<unsigned char*>(digest.data()), nullptr, kAlgorithm,
                           nullptr) == 1);
  return digest;
}

}  // namespace farebox::server
