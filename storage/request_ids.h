#ifndef FAREBOX_STORAGE_REQUEST_IDS_H_
#define FAREBOX_STORAGE_REQUEST_IDS_H_

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/entry.h"

namespace farebox {

// Printable ASCII, and not only blanks; see limits::kRequestIdBytesMax. Without an id, or with one
// that the journal cannot find again, a change would be made as often as it is sent.
bool IsRequestId(absl::string_view text);

// 128-bit hash of (account, request id).
using RequestHash = absl::uint128;

// Stable across versions: derived files keep it.
RequestHash HashRequestId(AccountNumber account, absl::string_view request_id);

// 64-bit hash of a request's content, for Entry::fingerprint. Stable across versions.
uint64_t ContentFingerprint(absl::string_view content);

// The creation time that a UUIDv7 request id carries; nothing for any other id.
std::optional<absl::Time> TimeOfRequestId(absl::string_view request_id);

// What is computed of an account's request id: once, by who decides, for whoever needs it then.
struct RequestKey {
  RequestHash hash = 0;
  // TimeOfRequestId().
  std::optional<absl::Time> made;

  static RequestKey Of(AccountNumber account, absl::string_view request_id) {
    return {.hash = HashRequestId(account, request_id), .made = TimeOfRequestId(request_id)};
  }
};

// The entries that carried the request ids of the recent past, in memory.
//
// Ids are kept in generations of a fraction of the window each, so that what is too old leaves as
// a whole and costs nothing to forget. Before that the newest gather in tables that stay in the
// processor's cache: one by one, each would wait for memory; moved some at once, they wait
// together. Used only on the writer thread.
class RequestIdWindow {
 public:
  // Keeps ids for at least `window`.
  explicit RequestIdWindow(absl::Duration window);

  // --- At start, before the first Insert: ids by the million, on several threads.

  // Ids that were read of the journal, in its order.
  class Run;

  // Begins a generation with room for `count` ids, of entries from `begin` on and up to `last`.
  void BeginGeneration(absl::Time begin, EntryId last, size_t count);

  // Adds share `share` of `shares` of the runs' ids to that generation. Each share once, each on
  // any thread.
  void Merge(absl::Span<const Run> runs, size_t share, size_t shares);

  // --- From then on.

  // The entry that carried this request id; nothing where it is unknown or forgotten. Where the id
  // was made later than any that left the cache, memory need not be asked.
  std::optional<EntryId> Find(const RequestKey& key) const;

  // The newest entry whose request id, if it has one, was loaded or inserted.
  EntryId last() const;

  // Entries are inserted in journal order, at the journal time `time`, each id once.
  void Insert(const RequestKey& key, EntryId entry, absl::Time time);

  // Forgets what is older than the window, as far as `forgettable_through` allows.
  void Forget(absl::Time now, EntryId forgettable_through);

  size_t size() const;

 private:
  // 96 bits of a RequestHash. Two of a billion ids share them with a probability of 1e-11, and then
  // the later one is refused, since whoever finds an entry compares the id in it.
  struct Key {
    uint32_t part;
    uint32_t high;
    uint32_t low;
    bool operator==(const Key& other) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const { return uint64_t{key.high} << 32 | key.low; }
  };
  // An EntryId that needs no alignment to 8: a slot takes 20 bytes.
  class PackedId {
   public:
    explicit PackedId(EntryId id)
        : high_(static_cast<uint32_t>(id >> 32)), low_(static_cast<uint32_t>(id)) {}
    EntryId id() const { return static_cast<EntryId>(uint64_t{high_} << 32 | low_); }

   private:
    uint32_t high_;
    uint32_t low_;
  };
  using Part = absl::flat_hash_map<Key, PackedId, KeyHash>;
  using Item = std::pair<Key, PackedId>;
  static_assert(sizeof(Item) == 20);
  // In so many parts that the writer never waits for one of them to grow.
  static constexpr size_t kPartCount = 256;

  // Two tables of so many fit into a processor's second cache, with the room that a table needs.
  // In return those who ask for a new id can be this many behind each other, by their clocks or in
  // their queues, without asking memory for it.
  static constexpr size_t kRecentMax = 14'000;

  // Ids that are moved together: few enough that nobody waits for it.
  static constexpr size_t kMovedAtOnce = 250;
  static_assert(kRecentMax % kMovedAtOnce == 0);

  struct Generation {
    absl::Time begin;
    // The newest entry, also of those in the cache.
    EntryId last = 0;
    // No id in `parts` that carries its time, and is in no cache any more, was made later.
    absl::Time made_max = absl::InfinitePast();
    std::array<Part, kPartCount> parts;
  };
  // Ids in the cache.
  struct Recent {
    Recent();

    Part ids;
    // The same, in the order of the journal.
    std::vector<Item> in_order;
    // The first so many of them are in the newest generation too.
    size_t moved = 0;
    absl::Time made_max = absl::InfinitePast();
  };

  static Key KeyOf(RequestHash hash);
  static size_t PartOf(const Key& key) { return key.part % kPartCount; }
  // Moves the next `count` ids of `leaving_`.
  void Move(size_t count);
  // Ends `leaving_`, all of which was moved, and begins to move what gathered.
  void TakeTurns();

  const absl::Duration window_;
  std::deque<Generation> generations_;  // oldest first

  // They belong to the newest generation. One gathers ids, and as many of the other are moved.
  Recent gathering_;
  Recent leaving_;
};

class RequestIdWindow::Run {
 public:
  void Reserve(size_t count);
  void Add(const RequestKey& key, EntryId entry);

 private:
  friend class RequestIdWindow;

  // Ids of one part lie together: to add them touches memory that stays near.
  std::array<std::vector<Item>, kPartCount> parts_;
  absl::Time made_max_ = absl::InfinitePast();
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_REQUEST_IDS_H_
