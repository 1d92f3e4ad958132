#include "storage/hash_chain.h"

#include <openssl/evp.h>

#include "absl/strings/escaping.h"
#include "storage/check.h"
#include "storage/wire.h"

namespace farebox {
namespace {

// Hashing in pieces of this size keeps the calls few and the buffer in cache.
constexpr size_t kFlushBytes = 16 * 1024;

// Looked up once: OpenSSL takes longer to find the algorithm, under a lock, than to hash an entry.
const EVP_MD* Algorithm() {
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kAlgorithm;
}

}  // namespace

BatchHasher::BatchHasher(const Hash256& previous, const BatchHead& head)
    : context_(EVP_MD_CTX_new()) {
  FAREBOX_CHECK(context_ != nullptr);
  FAREBOX_CHECK(EVP_DigestInit_ex(context_, Algorithm(), nullptr) == 1);
  buffer_.append(reinterpret_cast<const char*>(previous.data()), previous.size());
  wire::PutInt64(head.number, &buffer_);
  wire::PutInt64(head.first, &buffer_);
  wire::PutInt64(head.last, &buffer_);
  wire::PutInt64(absl::ToUnixMicros(head.time), &buffer_);
}

BatchHasher::~BatchHasher() { EVP_MD_CTX_free(context_); }

void BatchHasher::Add(const Entry& entry) {
  AppendCanonical(entry, &buffer_);
  if (buffer_.size() >= kFlushBytes) Flush();
}

Hash256 BatchHasher::Finish() {
  Flush();
  Hash256 hash{};
  unsigned int size = 0;
  FAREBOX_CHECK(EVP_DigestFinal_ex(context_, hash.data(), &size) == 1);
  FAREBOX_CHECK(size == hash.size());
  return hash;
}

void BatchHasher::Flush() {
  FAREBOX_CHECK(EVP_DigestUpdate(context_, buffer_.data(), buffer_.size()) == 1);
  buffer_.clear();
}

std::string HexOf(const Hash256& hash) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(hash.data()), hash.size()));
}

}  // namespace farebox
