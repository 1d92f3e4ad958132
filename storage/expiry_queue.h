#ifndef FAREBOX_STORAGE_EXPIRY_QUEUE_H_
#define FAREBOX_STORAGE_EXPIRY_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "storage/entry.h"

namespace farebox {

// When something is to be looked at: a heap, so that nothing is ever scanned.
//
// An item is only a reminder: whoever takes it looks at the hold as it is then (it may have been
// settled, or extended by a later item). Used only on the writer thread.
class ExpiryQueue {
 public:
  enum class Kind { kWarn, kExpire, kForget };

  struct Item {
    absl::Time due;
    EntryId hold = 0;
    AccountNumber account = 0;
    Kind kind = Kind::kExpire;

    friend bool operator>(const Item& a, const Item& b) {
      return std::tie(a.due, a.hold, a.kind) > std::tie(b.due, b.hold, b.kind);
    }
  };

  void Add(Item item) {
    heap_.push_back(item);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  // The next item that is due, taken out; nothing where none is. An item that was added twice is
  // taken once.
  std::optional<Item> TakeDue(absl::Time now) {
    if (heap_.empty() || heap_.front().due > now) return std::nullopt;
    const Item item = heap_.front();
    while (!heap_.empty() && !(heap_.front() > item)) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      heap_.pop_back();
    }
    return item;
  }

  // Takes out what nobody needs to be reminded of.
  template <typename Predicate>
  void RemoveIf(Predicate is_needless) {
    std::erase_if(heap_, is_needless);
    heap_.shrink_to_fit();
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  size_t size() const { return heap_.size(); }

  // absl::InfiniteFuture() where there is nothing.
  absl::Time NextDue() const { return heap_.empty() ? absl::InfiniteFuture() : heap_.front().due; }

 private:
  std::vector<Item> heap_;  // The first one is next.
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_EXPIRY_QUEUE_H_
