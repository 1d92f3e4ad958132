// What a start reads of the journal, by several threads in several pieces.

#include "storage/load_request_ids.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/entry.h"
#include "tests/support/memory_journal.h"

namespace farebox {
namespace {

constexpr EntryId kEntries = 200'000;

std::string IdOf(EntryId entry) { return absl::StrCat("request-", entry); }

// Every tenth entry has no request id.
bool HasId(EntryId entry) { return entry % 10 != 0; }

class LoadRequestIdsTest : public ::testing::Test {
 protected:
  LoadRequestIdsTest() {
    std::vector<Entry> entries(kEntries);
    for (EntryId id = 1; id <= kEntries; ++id) {
      Entry& entry = entries[static_cast<size_t>(id - 1)];
      entry.id = id;
      entry.account = id % 7 + 1;
      if (HasId(id)) entry.request_id = IdOf(id);
    }
    disk_.Write({.number = 1, .first = 1, .last = kEntries}, entries);
  }

  std::optional<EntryId> Find(EntryId entry) const {
    return window_.Find(RequestKey::Of(entry % 7 + 1, IdOf(entry)));
  }

  MemoryDisk disk_;
  MemoryJournal journal_{&disk_};
  RequestIdWindow window_{absl::Hours(1)};
};

TEST_F(LoadRequestIdsTest, KnowsEveryIdOfTheRangeAndNoOther) {
  const EntryId first = 1'234;
  const EntryId last = 190'001;
  ASSERT_TRUE(LoadRequestIds(first, last, absl::UnixEpoch(), &journal_, &window_).ok());

  size_t known = 0;
  for (EntryId entry = 1; entry <= kEntries; ++entry) {
    const bool is_in_range = entry >= first && entry <= last;
    const bool is_known = is_in_range && HasId(entry);
    ASSERT_EQ(Find(entry), is_known ? std::make_optional(entry) : std::nullopt) << entry;
    known += is_known ? 1 : 0;
  }
  EXPECT_EQ(window_.size(), known);
}

TEST_F(LoadRequestIdsTest, EmptyRangeIsNothing) {
  ASSERT_TRUE(LoadRequestIds(5, 4, absl::UnixEpoch(), &journal_, &window_).ok());
  EXPECT_EQ(window_.size(), size_t{0});
}

}  // namespace
}  // namespace farebox
