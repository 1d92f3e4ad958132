#ifndef FAREBOX_STORAGE_EXPIRY_QUEUE_H_
#define FAREBOX_STORAGE_EXPIRY_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "storage/check.h"
#include "storage/entry.h"

namespace farebox {

// When something is to be looked at: a heap, so that nothing is ever scanned at once.
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
    items_.push_back(item);
    std::push_heap(items_.begin(), items_.end(), std::greater<>());
  }

  // The next item that is due, taken out; nothing where none is. An item that was added twice is
  // taken once.
  std::optional<Item> TakeDue(absl::Time now) {
    if (size() == 0 || NextDue() > now) return std::nullopt;
    const bool is_unswept =
        items_.empty() || (!unswept_.empty() && items_.front() > unswept_.front());
    const Item item = is_unswept ? unswept_.front() : items_.front();
    TakeThrough(item, &items_);
    TakeThrough(item, &unswept_);
    return item;
  }

  // Sweeping takes out what nobody needs to be reminded of, some at a time: it looks once at each
  // item that was there when it began.
  void BeginSweep() {
    FAREBOX_CHECK(!is_sweeping());
    unswept_.swap(items_);
    // Growing would copy all of them between two batches.
    items_.reserve(unswept_.capacity());
  }
  bool is_sweeping() const { return !unswept_.empty(); }
  template <typename Predicate>
  void Sweep(size_t looks, Predicate is_needless) {
    for (; looks > 0 && !unswept_.empty(); --looks) {
      // A heap without its last one is a heap.
      const Item item = unswept_.back();
      unswept_.pop_back();
      if (!is_needless(item)) Add(item);
    }
    if (unswept_.empty()) unswept_ = Heap();
  }

  size_t size() const { return items_.size() + unswept_.size(); }

  // absl::InfiniteFuture() where there is nothing.
  absl::Time NextDue() const { return std::min(FirstDue(items_), FirstDue(unswept_)); }

 private:
  using Heap = std::vector<Item>;  // The first one is next.

  static absl::Time FirstDue(const Heap& heap) {
    return heap.empty() ? absl::InfiniteFuture() : heap.front().due;
  }
  // Takes out all that is not after `item`.
  static void TakeThrough(const Item& item, Heap* heap) {
    while (!heap->empty() && !(heap->front() > item)) {
      std::pop_heap(heap->begin(), heap->end(), std::greater<>());
      heap->pop_back();
    }
  }

  Heap items_;
  Heap unswept_;  // What a sweep has still to look at.
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_EXPIRY_QUEUE_H_
