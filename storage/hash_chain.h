#ifndef FAREBOX_STORAGE_HASH_CHAIN_H_
#define FAREBOX_STORAGE_HASH_CHAIN_H_

#include <memory>
#include <string>

#include "storage/entry.h"

struct evp_md_ctx_st;

namespace farebox {

// Computes the hash of one batch: SHA-256 over the hash of the batch before, the head's own
// numbers and time, and every entry in canonical form. Thread-compatible.
class BatchHasher {
 public:
  // `head.hash` is not looked at.
  BatchHasher(const Hash256& previous, const BatchHead& head);
  ~BatchHasher();
  BatchHasher(const BatchHasher&) = delete;
  BatchHasher& operator=(const BatchHasher&) = delete;

  void Add(const Entry& entry);
  // Once, after the last Add.
  Hash256 Finish();

 private:
  void Flush();

  evp_md_ctx_st* const context_;
  std::string buffer_;
};

// Lower-case hexadecimal.
std::string HexOf(const Hash256& hash);

}  // namespace farebox

#endif  // FAREBOX_STORAGE_HASH_CHAIN_H_
