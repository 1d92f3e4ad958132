#include "storage/request_ids.h"

#include <xxhash.h>

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace farebox {
namespace {

// A generation covers this part of the window. Each is one more look-up for every new id, and one
// more part of the window that is kept for longer than it must.
constexpr int kGenerationsPerWindow = 2;

constexpr size_t kUuidBytes = 36;
constexpr size_t kUuidVersionAt = 14;
constexpr size_t kUuidTimeDigits = 12;  // 48 bits of milliseconds: the first

}  // namespace

absl::uint128 HashRequestId(AccountNumber account, absl::string_view request_id) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(request_id.data(), request_id.size(),
                                                   static_cast<XXH64_hash_t>(account));
  return absl::MakeUint128(hash.high64, hash.low64);
}

uint64_t ContentFingerprint(absl::string_view content) {
  return XXH3_64bits(content.data(), content.size());
}

std::optional<absl::Time> TimeOfRequestId(absl::string_view request_id) {
  if (request_id.size() != kUuidBytes || request_id[kUuidVersionAt] != '7') return std::nullopt;
  std::string digits;
  for (size_t i = 0; i < request_id.size(); ++i) {
    const char c = request_id[i];
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? c != '-' : !absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
      return std::nullopt;
    }
    if (!is_dash && digits.size() < kUuidTimeDigits) digits.push_back(c);
  }

  uint64_t unix_millis = 0;
  if (!absl::SimpleHexAtoi(digits, &unix_millis)) return std::nullopt;
  return absl::FromUnixMillis(static_cast<int64_t>(unix_millis));
}

RequestIdWindow::RequestIdWindow(absl::Duration window) : window_(window) {}

std::optional<EntryId> RequestIdWindow::Find(absl::uint128 hash) const {
  for (auto generation = generations_.rbegin(); generation != generations_.rend(); ++generation) {
    const auto found = generation->entries.find(hash);
    if (found != generation->entries.end()) return found->second;
  }
  return std::nullopt;
}

void RequestIdWindow::Insert(absl::uint128 hash, EntryId entry, absl::Time time) {
  if (generations_.empty() || time - generations_.back().begin > window_ / kGenerationsPerWindow) {
    generations_.push_back({.begin = time, .last = 0, .entries = {}});
  }
  Generation& newest = generations_.back();
  newest.entries.emplace(hash, entry);
  newest.last = entry;
}

void RequestIdWindow::Forget(absl::Time now, EntryId forgettable_through) {
  // The newest generation stays: it is still being filled.
  while (generations_.size() > 1 && now - generations_[1].begin > window_ &&
         generations_.front().last <= forgettable_through) {
    generations_.pop_front();
  }
}

size_t RequestIdWindow::size() const {
  size_t total = 0;
  for (const Generation& generation : generations_) total += generation.entries.size();
  return total;
}

}  // namespace farebox
