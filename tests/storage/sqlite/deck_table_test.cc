#include "storage/sqlite/deck_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/catalog.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DeckTableTest : public SqliteJournalFixture {
 protected:
  void SetUp() override { OpenJournal(); }

  // Imports a deck of these pieces and returns its version.
  DeckVersion Import(const std::string& name, const std::vector<std::string>& pieces) {
    const absl::StatusOr<int64_t> id = journal_->catalog().BeginDeck(name);
    EXPECT_THAT(id, IsOk());
    for (const std::string& piece : pieces) {
      EXPECT_THAT(journal_->catalog().AppendDeck(*id, piece), IsOk());
    }
    const absl::StatusOr<DeckVersion> deck = journal_->catalog().SealDeck(*id, 3, Start());
    EXPECT_THAT(deck, IsOk());
    return *deck;
  }

  std::vector<DeckVersion> Decks() {
    return (*journal_->NewReader())->catalog().ListDecks().value();
  }

  std::vector<std::string> Pieces(int64_t deck_id) {
    std::vector<std::string> pieces;
    const std::unique_ptr<JournalReader> reader = *journal_->NewReader();
    const absl::Status status = reader->catalog().ReadDeck(deck_id, [&](absl::string_view csv) {
      pieces.emplace_back(csv);
      return true;
    });
    EXPECT_THAT(status, IsOk());
    return pieces;
  }
};

TEST_F(DeckTableTest, ASealedDeckSurvivesReopening) {
  const std::string binary("a,b\n\0\xff", 6);
  const DeckVersion deck = Import("default", {"item,prefix\n", binary, ""});

  OpenJournal();

  EXPECT_EQ(deck.id, 1);
  EXPECT_EQ(deck.version, 1);
  EXPECT_EQ(deck.csv_bytes, 18);
  EXPECT_EQ(deck.row_count, 3);
  EXPECT_EQ(deck.import_time, Start());
  EXPECT_THAT(Decks(), ElementsAre(deck));
  EXPECT_THAT(Pieces(deck.id), ElementsAre("item,prefix\n", binary, ""));
}

TEST_F(DeckTableTest, VersionsCountWithinAName) {
  const DeckVersion first = Import("default", {"1"});
  const DeckVersion other = Import("wholesale", {"2"});
  const DeckVersion second = Import("default", {"3"});

  EXPECT_EQ(other.version, 1);
  EXPECT_EQ(second.version, 2);
  EXPECT_EQ(second.id, 3);
  EXPECT_THAT(Decks(), ElementsAre(first, other, second));
}

TEST_F(DeckTableTest, NobodySeesADeckBeforeItIsSealed) {
  const int64_t id = journal_->catalog().BeginDeck("default").value();
  ASSERT_THAT(journal_->catalog().AppendDeck(id, "csv"), IsOk());

  EXPECT_THAT(Decks(), IsEmpty());
  const std::unique_ptr<JournalReader> reader = *journal_->NewReader();
  const absl::Status status =
      reader->catalog().ReadDeck(id, [](absl::string_view) { return true; });
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
}

TEST_F(DeckTableTest, AnUnsealedDeckIsDroppedWhenOpening) {
  const int64_t dropped = journal_->catalog().BeginDeck("default").value();
  ASSERT_THAT(journal_->catalog().AppendDeck(dropped, "old"), IsOk());

  OpenJournal();

  EXPECT_TRUE(absl::IsNotFound(journal_->catalog().AppendDeck(dropped, "more")));
  const DeckVersion deck = Import("default", {"new"});
  EXPECT_EQ(deck.version, 1);
  EXPECT_THAT(Pieces(deck.id), ElementsAre("new"));
}

TEST_F(DeckTableTest, ASealedDeckNeverChanges) {
  const DeckVersion deck = Import("default", {"csv"});

  EXPECT_TRUE(absl::IsFailedPrecondition(journal_->catalog().AppendDeck(deck.id, "more")));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(journal_->catalog().SealDeck(deck.id, 1, Start()).status()));
  EXPECT_THAT(Pieces(deck.id), ElementsAre("csv"));
}

TEST_F(DeckTableTest, ReadingStopsWhenTheReaderHasEnough) {
  const DeckVersion deck = Import("default", {"1", "2", "3"});
  const std::unique_ptr<JournalReader> reader = *journal_->NewReader();
  int seen = 0;

  const absl::Status status =
      reader->catalog().ReadDeck(deck.id, [&](absl::string_view) { return ++seen < 2; });

  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace farebox::sqlite
