#ifndef FAREBOX_STORAGE_WIRE_H_
#define FAREBOX_STORAGE_WIRE_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "storage/check.h"

namespace farebox::wire {

// The ledger's own bytes: fixed-width little-endian numbers and length-prefixed strings. Chosen
// over a serialization library because hashes are taken over them: the form must never vary.

inline void StoreInt64(int64_t value, char* at) {
  for (size_t i = 0; i < sizeof(value); ++i) {
    at[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
}

inline void PutInt64(int64_t value, std::string* out) {
  char bytes[sizeof(value)];
  StoreInt64(value, bytes);
  out->append(bytes, sizeof(bytes));
}

inline void PutByte(uint8_t value, std::string* out) { out->push_back(static_cast<char>(value)); }

inline void PutString(absl::string_view value, std::string* out) {
  PutInt64(static_cast<int64_t>(value.size()), out);
  out->append(value.data(), value.size());
}

// Numbers that are put as one piece, which is several times faster than one by one.
template <size_t kBytesMax>
class Block {
 public:
  Block& Int64(int64_t value) {
    FAREBOX_CHECK(size_ + sizeof(value) <= kBytesMax);
    StoreInt64(value, bytes_.data() + size_);
    size_ += sizeof(value);
    return *this;
  }

  Block& Byte(uint8_t value) {
    FAREBOX_CHECK(size_ < kBytesMax);
    bytes_[size_++] = static_cast<char>(value);
    return *this;
  }

  void AppendTo(std::string* out) const { out->append(bytes_.data(), size_); }

 private:
  std::array<char, kBytesMax> bytes_;
  size_t size_ = 0;
};

// Reads what the functions above wrote; `ok` turns false, for good, at the first thing missing.
class Reader {
 public:
  explicit Reader(absl::string_view bytes) : bytes_(bytes) {}

  int64_t Int64() {
    const absl::string_view bytes = Take(sizeof(int64_t));
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
      value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
    }
    return static_cast<int64_t>(value);
  }

  uint8_t Byte() {
    const absl::string_view bytes = Take(1);
    return bytes.empty() ? 0 : static_cast<uint8_t>(bytes[0]);
  }

  absl::string_view String() {
    const int64_t size = Int64();
    if (size < 0 || static_cast<uint64_t>(size) > bytes_.size()) ok_ = false;
    return ok_ ? Take(static_cast<size_t>(size)) : absl::string_view();
  }

  // True where everything asked for was there and nothing is left.
  bool AtEnd() const { return ok_ && bytes_.empty(); }

 private:
  absl::string_view Take(size_t size) {
    if (!ok_ || size > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const absl::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  absl::string_view bytes_;
  bool ok_ = true;
};

}  // namespace farebox::wire

#endif  // FAREBOX_STORAGE_WIRE_H_
