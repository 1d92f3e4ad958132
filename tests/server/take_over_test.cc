#include "server/hand_over/take_over.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "storage/errors.h"
#include "storage/sqlite/connection.h"
#include "tests/support/temporary_directory.h"

namespace farebox::server {
namespace {

class FollowLedgerTest : public ::testing::Test {
 protected:
  FollowLedgerTest() { config_.data_directory = absl::StrCat(directory_.path(), "/ledger"); }

  absl::StatusOr<std::unique_ptr<Journal>> Own(absl::Duration patience) {
    return OpenJournal({.directory = config_.data_directory, .clock = &clock_}, patience);
  }

  // A ledger that nobody has open, as another version has left it.
  void MakeLedger(int schema_version) {
    ASSERT_TRUE(Own(absl::ZeroDuration()).ok());
    auto connection =
        sqlite::Connection::Open(absl::StrCat(config_.data_directory, "/journal.db"), {});
    ASSERT_TRUE(connection.ok());
    connection->CheckpointOnClose(true);
    ASSERT_TRUE(connection->Execute(absl::StrCat("PRAGMA user_version = ", schema_version)).ok());
  }

  auto Follow() { return FollowLedger(config_, &decks_); }

  const testing::TemporaryDirectory directory_;
  const SystemClock clock_;
  Config config_;
  DeckRegistry decks_;
};

TEST_F(FollowLedgerTest, OfAnotherServerIsRead) {
  const auto owner = Own(absl::ZeroDuration());
  ASSERT_TRUE(owner.ok());

  const auto recovery = Follow();

  ASSERT_TRUE(recovery.ok()) << recovery.status();
  EXPECT_NE(*recovery, nullptr);
}

TEST_F(FollowLedgerTest, OfAnOlderVersionIsLeftToTheStart) {
  MakeLedger(1);

  const auto recovery = Follow();

  ASSERT_TRUE(recovery.ok()) << recovery.status();
  EXPECT_EQ(*recovery, nullptr);
}

// While the newer server is still there to go on.
TEST_F(FollowLedgerTest, OfANewerVersionIsRefused) {
  MakeLedger(1'000);

  EXPECT_EQ(GetReason(Follow().status()), Reason::kFilesTooNew);
}

TEST_F(FollowLedgerTest, ThatIsNotThereIsRefused) {
  EXPECT_TRUE(absl::IsNotFound(Follow().status()));
}

TEST_F(FollowLedgerTest, IsOpenedWhenItsOwnerHasLetGo) {
  auto owner = Own(absl::ZeroDuration());
  ASSERT_TRUE(owner.ok());
  EXPECT_EQ(GetReason(Own(absl::ZeroDuration()).status()), Reason::kFilesInUse);

  std::thread leaving([owner = *std::move(owner)]() mutable { owner.reset(); });
  const auto opened = Own(absl::Seconds(60));

  leaving.join();
  EXPECT_TRUE(opened.ok()) << opened.status();
}

}  // namespace
}  // namespace farebox::server
