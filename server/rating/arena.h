#ifndef FAREBOX_SERVER_RATING_ARENA_H_
#define FAREBOX_SERVER_RATING_ARENA_H_

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "storage/check.h"

namespace farebox::rating {

// Memory for many small things that end together. Their addresses stay the same when the arena is
// moved. (std::pmr's monotonic buffer grows its blocks by half, and so wastes up to a third.)
// Thread-compatible.
class Arena {
 public:
  // A copy of `value`, which lives as long as the arena. Its destructor is not called.
  template <typename T>
  T* Keep(const T& value) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T), alignof(T))) T(value);
  }

  // The same for a text, of no more than kBlockBytes.
  absl::string_view KeepText(absl::string_view text) {
    if (text.empty()) return {};
    char* const kept = static_cast<char*>(Allocate(text.size(), 1));
    text.copy(kept, text.size());
    return absl::string_view(kept, text.size());
  }

 private:
  static constexpr size_t kBlockBytes = 65'536;

  void* Allocate(size_t size, size_t alignment) {
    FAREBOX_CHECK(size <= kBlockBytes);
    size_t begin = (used_ + alignment - 1) / alignment * alignment;
    if (blocks_.empty() || begin + size > kBlockBytes) {
      blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kBlockBytes));
      begin = 0;
    }
    used_ = begin + size;
    return blocks_.back().get() + begin;
  }

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  size_t used_ = 0;  // Of the last block.
};

}  // namespace farebox::rating

#endif  // FAREBOX_SERVER_RATING_ARENA_H_
