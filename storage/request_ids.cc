#include "storage/request_ids.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "storage/limits.h"

namespace farebox {
namespace {

// A generation covers this part of the window. Each is one more look-up for every new id, and one
// more part of the window that is kept for longer than it must.
constexpr int kGenerationsPerWindow = 2;

constexpr size_t kUuidBytes = 36;
constexpr size_t kUuidVersionAt = 14;
// 48 bits of milliseconds.
constexpr std::array<size_t, 12> kUuidTimeAt = {0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12};

constexpr uint8_t kNoHex = 0xff;

// The writer looks at each character of each request id: from a table, without a branch.
constexpr std::array<uint8_t, 256> MakeHexValues() {
  std::array<uint8_t, 256> values = {};
  for (uint8_t& value : values) value = kNoHex;
  for (int i = 0; i < 10; ++i) values['0' + i] = static_cast<uint8_t>(i);
  for (int i = 0; i < 6; ++i) {
    values['a' + i] = static_cast<uint8_t>(10 + i);
    values['A' + i] = static_cast<uint8_t>(10 + i);
  }
  return values;
}

uint8_t HexValue(char c) {
  static constexpr std::array<uint8_t, 256> kHexValues = MakeHexValues();
  return kHexValues[static_cast<unsigned char>(c)];
}

}  // namespace

bool IsRequestId(absl::string_view text) {
  // Without a branch: the writer looks at each.
  bool is_printable = true;
  bool is_blank = true;
  for (const char c : text) {
    is_printable &= c >= ' ' && c <= '~';
    is_blank &= c == ' ';
  }
  return is_printable && !is_blank && text.size() <= limits::kRequestIdBytesMax;
}

RequestHash HashRequestId(AccountNumber account, absl::string_view request_id) {
  // The account is hashed and is no seed: with seeds that differ by little, short ids collide.
  absl::InlinedVector<char, sizeof(account) + limits::kRequestIdBytesMax> bytes(sizeof(account) +
                                                                                request_id.size());
  for (size_t i = 0; i < sizeof(account); ++i) {
    bytes[i] = static_cast<char>(static_cast<uint64_t>(account) >> (8 * i));
  }
  std::copy(request_id.begin(), request_id.end(), bytes.begin() + sizeof(account));
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return absl::MakeUint128(hash.high64, hash.low64);
}

uint64_t ContentFingerprint(absl::string_view content) {
  return XXH3_64bits(content.data(), content.size());
}

std::optional<absl::Time> TimeOfRequestId(absl::string_view request_id) {
  if (request_id.size() != kUuidBytes || request_id[kUuidVersionAt] != '7') return std::nullopt;
  bool is_uuid = true;
  for (size_t i = 0; i < kUuidBytes; ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    is_uuid &= is_dash ? request_id[i] == '-' : HexValue(request_id[i]) != kNoHex;
  }
  if (!is_uuid) return std::nullopt;
  int64_t unix_millis = 0;
  for (const size_t i : kUuidTimeAt) unix_millis = unix_millis << 4 | HexValue(request_id[i]);
  return absl::FromUnixMillis(unix_millis);
}

// How many ids ahead of the one that is moved memory is asked for.
constexpr size_t kMovedAhead = 16;

RequestIdWindow::Recent::Recent() {
  ids.reserve(kRecentMax);
  in_order.reserve(kRecentMax);
}

RequestIdWindow::RequestIdWindow(absl::Duration window) : window_(window) {}

void RequestIdWindow::Run::Reserve(size_t count) {
  for (auto& part : parts_) part.reserve(count / kPartCount + count / kPartCount / 4);
}

void RequestIdWindow::Run::Add(const RequestKey& key, EntryId entry) {
  const Key short_key = KeyOf(key.hash);
  parts_[PartOf(short_key)].emplace_back(short_key, PackedId(entry));
  if (key.made.has_value()) made_max_ = std::max(made_max_, *key.made);
}

void RequestIdWindow::BeginGeneration(absl::Time begin, EntryId last, size_t count) {
  Generation& generation = generations_.emplace_back();
  generation.begin = begin;
  generation.last = last;
  for (Part& part : generation.parts) part.reserve(count / kPartCount + 1);
}

void RequestIdWindow::Merge(absl::Span<const Run> runs, size_t share, size_t shares) {
  Generation& newest = generations_.back();
  for (size_t i = share; i < kPartCount; i += shares) {
    for (const Run& run : runs) newest.parts[i].insert(run.parts_[i].begin(), run.parts_[i].end());
  }
  if (share > 0) return;
  for (const Run& run : runs) newest.made_max = std::max(newest.made_max, run.made_max_);
}

RequestIdWindow::Key RequestIdWindow::KeyOf(RequestHash hash) {
  const uint64_t low = absl::Uint128Low64(hash);
  return {.part = static_cast<uint32_t>(absl::Uint128High64(hash)),
          .high = static_cast<uint32_t>(low >> 32),
          .low = static_cast<uint32_t>(low)};
}

EntryId RequestIdWindow::last() const {
  return generations_.empty() ? 0 : generations_.back().last;
}

std::optional<EntryId> RequestIdWindow::Find(const RequestKey& key) const {
  const Key short_key = KeyOf(key.hash);
  for (const Recent* recent : {&gathering_, &leaving_}) {
    const auto found = recent->ids.find(short_key);
    if (found != recent->ids.end()) return found->second.id();
  }
  for (auto generation = generations_.rbegin(); generation != generations_.rend(); ++generation) {
    if (key.made.has_value() && *key.made > generation->made_max) continue;
    const Part& part = generation->parts[PartOf(short_key)];
    const auto found = part.find(short_key);
    if (found != part.end()) return found->second.id();
  }
  return std::nullopt;
}

void RequestIdWindow::Insert(const RequestKey& key, EntryId entry, absl::Time time) {
  if (generations_.empty() || time - generations_.back().begin > window_ / kGenerationsPerWindow) {
    // What is in the cache belongs to the generation that ends.
    TakeTurns();
    TakeTurns();
    generations_.emplace_back().begin = time;
  }
  generations_.back().last = entry;
  const Item& item = gathering_.in_order.emplace_back(KeyOf(key.hash), PackedId(entry));
  gathering_.ids.insert(item);
  if (key.made.has_value()) gathering_.made_max = std::max(gathering_.made_max, *key.made);
  if (gathering_.in_order.size() % kMovedAtOnce == 0) Move(kMovedAtOnce);
  if (gathering_.in_order.size() == kRecentMax) TakeTurns();
}

void RequestIdWindow::Move(size_t count) {
  const std::vector<Item>& items = leaving_.in_order;
  const size_t end = std::min(leaving_.moved + count, items.size());
  for (; leaving_.moved < end; ++leaving_.moved) {
    Generation& newest = generations_.back();
    if (leaving_.moved + kMovedAhead < end) {
      const Key& ahead = items[leaving_.moved + kMovedAhead].first;
      newest.parts[PartOf(ahead)].prefetch(ahead);
    }
    newest.parts[PartOf(items[leaving_.moved].first)].insert(items[leaving_.moved]);
  }
}

void RequestIdWindow::TakeTurns() {
  Move(leaving_.in_order.size());
  if (!leaving_.in_order.empty()) {
    Generation& newest = generations_.back();
    newest.made_max = std::max(newest.made_max, leaving_.made_max);
  }
  leaving_ = std::exchange(gathering_, Recent());
}

void RequestIdWindow::Forget(absl::Time now, EntryId forgettable_through) {
  // The newest generation stays: it is still being filled.
  while (generations_.size() > 1 && now - generations_[1].begin > window_ &&
         generations_.front().last <= forgettable_through) {
    generations_.pop_front();
  }
}

size_t RequestIdWindow::size() const {
  size_t total = gathering_.in_order.size() + leaving_.in_order.size() - leaving_.moved;
  for (const Generation& generation : generations_) {
    for (const Part& part : generation.parts) total += part.size();
  }
  return total;
}

}  // namespace farebox
