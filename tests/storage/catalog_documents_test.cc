// What every catalog promises about documents.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "storage/catalog.h"
#include "storage/clock.h"
#include "storage/document.h"
#include "storage/journal.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

constexpr DocumentKind kCard = 1;
constexpr DocumentKind kAttempt = 2;
constexpr int64_t kNewest = std::numeric_limits<int64_t>::max();

absl::Time At(int64_t seconds) { return absl::FromUnixSeconds(1'700'000'000 + seconds); }

// Nothing of such a kind changes.
constexpr DocumentKind kLine = kAppendOnlyKindMin;

class Documents : public ::testing::TestWithParam<JournalKind> {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    journal_.reset();
    journal_ = *home_->Open(&clock_, absl::Hours(1));
  }

  absl::Status Put(const DocumentGroup& group) { return Put(std::vector<DocumentGroup>{group})[0]; }

  std::vector<absl::Status> Put(const std::vector<DocumentGroup>& groups) {
    return journal_->catalog().PutDocuments(groups).value();
  }

  std::optional<Document> Find(DocumentKind kind, const std::string& key) {
    return NewReader()->catalog().FindDocument(kind, key).value();
  }

  std::optional<Document> InSlot(DocumentKind kind, const std::string& slot) {
    return NewReader()->catalog().FindDocumentInSlot(kind, slot).value();
  }

  std::vector<std::string> Keys(const absl::StatusOr<std::vector<Document>>& documents) {
    std::vector<std::string> keys;
    for (const Document& document : documents.value()) keys.push_back(document.key);
    return keys;
  }

  std::vector<std::string> List(DocumentKind kind, AccountNumber account, int64_t before,
                                size_t count_max) {
    return Keys(NewReader()->catalog().ListDocuments(kind, account, before, count_max));
  }

  std::vector<std::string> Due(DocumentKind kind, absl::Time end, size_t count_max = 100) {
    return Keys(NewReader()->catalog().ListDueDocuments(kind, end, count_max));
  }

  std::unique_ptr<JournalReader> NewReader() { return *journal_->NewReader(); }

  ManualClock clock_{At(0)};
  const std::unique_ptr<JournalHome> home_ = GetParam().make();
  std::unique_ptr<Journal> journal_;
};

TEST_P(Documents, WhatIsOnlyAddedIsNeitherChangedNorRemoved) {
  ASSERT_TRUE(Put({{.kind = kLine, .key = "1", .content = "first"}}).ok());
  Document line = *Find(kLine, "1");

  line.content = "another";
  EXPECT_TRUE(absl::IsAborted(Put({line})));
  line.revision = 0;
  EXPECT_TRUE(absl::IsAborted(Put({line})));
  line.revision = 1;
  EXPECT_TRUE(absl::IsAborted(journal_->catalog().RemoveDocument(line)));

  Reopen();
  EXPECT_EQ(Find(kLine, "1")->content, "first");
}

INSTANTIATE_TEST_SUITE_P(Journals, Documents, ::testing::ValuesIn(JournalKinds()), NameOfKind);

TEST_P(Documents, AreThereAfterReopeningAsTheyWerePut) {
  const std::string binary("\0\xff'\";--", 7);
  ASSERT_THAT(Put({{.kind = kAttempt,
                    .key = "a",
                    .account = 7,
                    .slot = "alice",
                    .due = At(5),
                    .content = binary},
                   {.kind = kCard, .key = "a"}}),
              IsOk());

  Reopen();

  EXPECT_EQ(Find(kAttempt, "a"), (Document{.kind = kAttempt,
                                           .key = "a",
                                           .id = 1,
                                           .revision = 1,
                                           .account = 7,
                                           .slot = "alice",
                                           .due = At(5),
                                           .content = binary}));
  EXPECT_EQ(Find(kCard, "a"), (Document{.kind = kCard, .key = "a", .id = 2, .revision = 1}));
  EXPECT_EQ(Find(kCard, "b"), std::nullopt);
}

TEST_P(Documents, AChangeNeedsTheRevisionThatWasRead) {
  ASSERT_THAT(Put({{.kind = kCard, .key = "a", .due = At(1), .content = "one"}}), IsOk());
  const Document first = *Find(kCard, "a");
  Document second = first;
  second.content = "two";
  second.due = absl::InfiniteFuture();

  EXPECT_THAT(Put({second}), IsOk());

  Document late = first;
  late.content = "three";
  EXPECT_TRUE(absl::IsAborted(Put({late})));
  second.revision = 2;
  EXPECT_EQ(Find(kCard, "a"), second);
}

TEST_P(Documents, AKeyIsTakenOnce) {
  ASSERT_THAT(Put({{.kind = kCard, .key = "a", .content = "one"}}), IsOk());

  EXPECT_TRUE(absl::IsAborted(Put({{.kind = kCard, .key = "a", .content = "two"}})));
  EXPECT_TRUE(absl::IsAborted(Put({{.kind = kCard, .key = "b", .revision = 1}})));

  EXPECT_EQ(Find(kCard, "a")->content, "one");
  EXPECT_EQ(Find(kCard, "b"), std::nullopt);
}

TEST_P(Documents, ASlotHasOneDocumentOfItsKind) {
  ASSERT_THAT(Put({{.kind = kAttempt, .key = "a", .slot = "alice"}}), IsOk());

  EXPECT_TRUE(absl::IsAborted(Put({{.kind = kAttempt, .key = "b", .slot = "alice"}})));
  EXPECT_TRUE(absl::IsAborted(Put({{.kind = kAttempt, .key = "c", .slot = "bob"},
                                   {.kind = kAttempt, .key = "d", .slot = "bob"}})));

  EXPECT_THAT(Put({{.kind = kCard, .key = "b", .slot = "alice"}}), IsOk());
  EXPECT_EQ(InSlot(kAttempt, "alice")->key, "a");
  EXPECT_EQ(InSlot(kCard, "alice")->key, "b");
  EXPECT_EQ(InSlot(kAttempt, "bob"), std::nullopt);
}

TEST_P(Documents, ASlotPassesFromOneToTheNextInOneChange) {
  ASSERT_THAT(Put({{.kind = kAttempt, .key = "a", .slot = "alice"}}), IsOk());
  Document ended = *Find(kAttempt, "a");
  ended.slot.clear();

  EXPECT_THAT(Put({{.kind = kAttempt, .key = "b", .slot = "alice"}, ended}), IsOk());

  EXPECT_EQ(InSlot(kAttempt, "alice")->key, "b");
  EXPECT_EQ(Find(kAttempt, "a")->slot, "");
}

TEST_P(Documents, TwoPutTheirSlotsTheOtherWayRoundInOneChange) {
  ASSERT_THAT(Put({{.kind = kAttempt, .key = "a", .slot = "alice"},
                   {.kind = kAttempt, .key = "b", .slot = "bob"}}),
              IsOk());
  Document first = *Find(kAttempt, "a");
  Document second = *Find(kAttempt, "b");
  std::swap(first.slot, second.slot);

  EXPECT_THAT(Put({first, second}), IsOk());

  EXPECT_EQ(InSlot(kAttempt, "alice")->key, "b");
  EXPECT_EQ(InSlot(kAttempt, "bob")->key, "a");
  EXPECT_THAT(Put({{.kind = kCard, .key = "c"}}), IsOk());
}

TEST_P(Documents, AreWrittenAllOrNone) {
  ASSERT_THAT(Put({{.kind = kCard, .key = "a", .content = "one"}}), IsOk());
  Document changed = *Find(kCard, "a");
  changed.content = "two";

  EXPECT_TRUE(absl::IsAborted(Put(
      {changed, {.kind = kAttempt, .key = "new"}, {.kind = kCard, .key = "gone", .revision = 3}})));

  EXPECT_EQ(Find(kCard, "a")->content, "one");
  EXPECT_EQ(Find(kAttempt, "new"), std::nullopt);
}

TEST_P(Documents, GroupsOfOneChangeStandForThemselves) {
  ASSERT_THAT(Put({{.kind = kAttempt, .key = "a", .slot = "alice"}}), IsOk());
  Document ended = *Find(kAttempt, "a");
  ended.slot.clear();

  const std::vector<absl::Status> outcomes =
      Put(std::vector<DocumentGroup>{{{.kind = kAttempt, .key = "b", .slot = "alice"}},
                                     {ended},
                                     {{.kind = kAttempt, .key = "c", .slot = "alice"}},
                                     {ended},
                                     {{.kind = kCard, .key = "d"}}});

  std::vector<bool> written;
  for (const absl::Status& outcome : outcomes) written.push_back(outcome.ok());
  EXPECT_THAT(written, ElementsAre(false, true, true, false, true));
  EXPECT_EQ(Find(kAttempt, "b"), std::nullopt);
  EXPECT_EQ(InSlot(kAttempt, "alice")->key, "c");
  EXPECT_EQ(Find(kAttempt, "a")->revision, 2);
}

TEST_P(Documents, AreListedNewestFirstInPages) {
  for (const char* const key : {"a", "b", "c", "d"}) {
    const AccountNumber account = key[0] == 'c' ? 2 : 1;
    ASSERT_THAT(Put({{.kind = kCard, .key = key, .account = account}}), IsOk());
  }
  Document changed = *Find(kCard, "a");
  changed.content = "changed";
  ASSERT_THAT(Put({changed, {.kind = kAttempt, .key = "e", .account = 1}}), IsOk());

  EXPECT_THAT(List(kCard, 0, kNewest, 100), ElementsAre("d", "c", "b", "a"));
  EXPECT_THAT(List(kCard, 1, kNewest, 2), ElementsAre("d", "b"));
  EXPECT_THAT(List(kCard, 1, Find(kCard, "b")->id, 2), ElementsAre("a"));
  EXPECT_THAT(List(kCard, 3, kNewest, 2), IsEmpty());
}

TEST_P(Documents, ThatAreDueComeEarliestFirst) {
  ASSERT_THAT(Put({{.kind = kAttempt, .key = "late", .due = At(30)},
                   {.kind = kAttempt, .key = "never"},
                   {.kind = kAttempt, .key = "first", .due = At(10)},
                   {.kind = kAttempt, .key = "second", .due = At(10)},
                   {.kind = kCard, .key = "other", .due = At(1)}}),
              IsOk());

  EXPECT_THAT(Due(kAttempt, At(30)), ElementsAre("first", "second"));
  EXPECT_THAT(Due(kAttempt, absl::InfiniteFuture()), ElementsAre("first", "second", "late"));
  EXPECT_THAT(Due(kAttempt, absl::InfiniteFuture(), 1), ElementsAre("first"));
}

TEST_P(Documents, OneIsRemovedAsItWasRead) {
  ASSERT_THAT(Put({{.kind = kCard, .key = "a", .slot = "s"}}), IsOk());
  const Document first = *Find(kCard, "a");
  ASSERT_THAT(Put({first}), IsOk());

  EXPECT_TRUE(absl::IsAborted(journal_->catalog().RemoveDocument(first)));
  EXPECT_THAT(journal_->catalog().RemoveDocument(*Find(kCard, "a")), IsOk());

  EXPECT_EQ(Find(kCard, "a"), std::nullopt);
  EXPECT_TRUE(absl::IsAborted(journal_->catalog().RemoveDocument(first)));
  EXPECT_THAT(Put({{.kind = kCard, .key = "b", .slot = "s"}}), IsOk());
  EXPECT_GT(Find(kCard, "b")->id, 0);
}

TEST_P(Documents, AreNoPartOfTheJournal) {
  ASSERT_THAT(Put({{.kind = kCard, .key = "a"}}), IsOk());

  EXPECT_EQ(journal_->Head(), BatchHead());
}

}  // namespace
}  // namespace farebox
