#ifndef FAREBOX_SERVER_BASE_BLOCKED_HANDLERS_H_
#define FAREBOX_SERVER_BASE_BLOCKED_HANDLERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace farebox::server {

// Finds handlers that hold one of gRPC's few threads, which nothing may do: all other calls wait
// meanwhile. They are found while they do, so one that never returns is found too.
//
// Time is counted in looks, which one thread takes every limits::kWatchPause: a handler costs three
// stores and no clock. Thread-safe.
class BlockedHandlers {
 public:
  BlockedHandlers() = default;
  BlockedHandlers(const BlockedHandlers&) = delete;
  BlockedHandlers& operator=(const BlockedHandlers&) = delete;

  // What runs on a thread of gRPC's, from here to the end of the scope. `method` outlives the
  // BlockedHandlers. Where a handler runs within another only the outer one is seen.
  class Scope {
   public:
    Scope(BlockedHandlers* handlers, const absl::string_view* method);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    std::atomic<const absl::string_view*>* held_ = nullptr;
  };

  // The methods of handlers that have been running since limits::kBlockedLooks looks; each handler
  // is told once. Used by one thread.
  std::vector<absl::string_view> Look();

 private:
  // More threads than gRPC has; where two share a slot one of them is not seen.
  static constexpr size_t kSlots = 256;
  struct alignas(64) Slot {
    // What runs there; null for nothing.
    std::atomic<const absl::string_view*> method{nullptr};
    // The look before it began.
    std::atomic<int64_t> look{0};
    // Used by Look(): when what was told of it began.
    int64_t told = -1;
  };

  Slot& SlotOfThread();

  std::atomic<int64_t> looks_{0};
  std::array<Slot, kSlots> slots_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_BLOCKED_HANDLERS_H_
