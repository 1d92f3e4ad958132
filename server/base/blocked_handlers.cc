#include "server/base/blocked_handlers.h"

#include "server/base/limits.h"

namespace farebox::server {

BlockedHandlers::Scope::Scope(BlockedHandlers* handlers, const absl::string_view* method) {
  Slot& slot = handlers->SlotOfThread();
  if (slot.method.load(std::memory_order_relaxed) != nullptr) return;
  // Before the method: whoever sees that sees since when.
  slot.look.store(handlers->looks_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  slot.method.store(method, std::memory_order_release);
  held_ = &slot.method;
}

BlockedHandlers::Scope::~Scope() {
  if (held_ != nullptr) held_->store(nullptr, std::memory_order_release);
}

std::vector<absl::string_view> BlockedHandlers::Look() {
  const int64_t now = looks_.fetch_add(1, std::memory_order_relaxed) + 1;
  std::vector<absl::string_view> blocked;
  for (Slot& slot : slots_) {
    const absl::string_view* const method = slot.method.load(std::memory_order_acquire);
    const int64_t began = slot.look.load(std::memory_order_relaxed);
    if (method == nullptr || now - began <= limits::kBlockedLooks || slot.told == began) continue;
    // Read again: what is told of is what began then.
    if (slot.method.load(std::memory_order_acquire) != method ||
        slot.look.load(std::memory_order_relaxed) != began) {
      continue;
    }
    slot.told = began;
    blocked.push_back(*method);
  }
  return blocked;
}

BlockedHandlers::Slot& BlockedHandlers::SlotOfThread() {
  static std::atomic<size_t> threads{0};
  thread_local const size_t index = threads.fetch_add(1, std::memory_order_relaxed) % kSlots;
  return slots_[index];
}

}  // namespace farebox::server
