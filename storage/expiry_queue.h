#ifndef FAREBOX_STORAGE_EXPIRY_QUEUE_H_
#define FAREBOX_STORAGE_EXPIRY_QUEUE_H_

#include <optional>
#include <queue>
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

  void Add(Item item) { heap_.push(item); }

  // The next item that is due, taken out; nothing where none is. An item that was added twice is
  // taken once.
  std::optional<Item> TakeDue(absl::Time now) {
    if (heap_.empty() || heap_.top().due > now) return std::nullopt;
    const Item item = heap_.top();
    while (!heap_.empty() && !(heap_.top() > item)) heap_.pop();
    return item;
  }

  // absl::InfiniteFuture() where there is nothing.
  absl::Time NextDue() const { return heap_.empty() ? absl::InfiniteFuture() : heap_.top().due; }

 private:
  std::priority_queue<Item, std::vector<Item>, std::greater<Item>> heap_;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_EXPIRY_QUEUE_H_
