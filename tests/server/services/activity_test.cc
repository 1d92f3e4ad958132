// Pages of activity where the index of entries has not come so far.

#include "server/services/activity.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "google/protobuf/arena.h"
#include "server/base/limits.h"
#include "storage/ledger.h"
#include "storage/sqlite/sqlite_journal.h"
#include "tests/storage/commands.h"
#include "tests/support/temporary_directory.h"

namespace farebox::server {
namespace {

class ActivityWithoutIndexTest : public ::testing::Test {
 protected:
  // So many of 0.01, a batch at a time.
  void Debit(int count) {
    for (int done = 0; done < count; done += kBatch) {
      std::vector<Command> commands;
      for (int i = 0; i < kBatch; ++i) {
        commands.push_back(ToDebit("alice", Cents(1), absl::StrCat("d", ++debits_)));
      }
      absl::Notification applied;
      ledger_->Submit(std::move(commands), [&](const std::vector<Outcome>&) { applied.Notify(); });
      applied.WaitForNotification();
    }
  }

  static constexpr int kBatch = 10'000;

  const testing::TemporaryDirectory directory_;
  ManualClock clock_{absl::FromUnixSeconds(1'770'000'000)};
  const std::unique_ptr<sqlite::SqliteJournal> journal_ = *sqlite::SqliteJournal::Open(
      {.directory = absl::StrCat(directory_.path(), "/ledger"), .derive = false, .clock = &clock_});
  const std::unique_ptr<Ledger> ledger_ = *Ledger::Open({}, journal_.get(), &clock_);
  int debits_ = 0;
};

TEST_F(ActivityWithoutIndexTest, PagesComeToWhatIsWantedHoweverMuchIsNewer) {
  ASSERT_TRUE(ledger_->Apply(ToOpen("alice")).status.ok());
  ASSERT_TRUE(ledger_->Apply(ToCredit("alice", Cents(10'000'00), "c")).status.ok());
  clock_.Advance(absl::Hours(1));
  v1::ListActivityRequest request;
  request.set_account_id("alice");
  request.mutable_to_time()->set_seconds(absl::ToUnixSeconds(clock_.Now()));
  Debit(5 * kBatch);
  ASSERT_GT(debits_, 2 * limits::kActivityEntriesScannedMax);
  const auto reader = journal_->NewReader();

  google::protobuf::Arena arena;
  auto& page = *google::protobuf::Arena::CreateMessage<v1::ListActivityResponse>(&arena);
  for (int pages = 0; pages < 10 && page.entries().empty(); ++pages) {
    const absl::StatusOr<ActivityPageQuery> query = ReadActivityQuery(*ledger_, request);
    ASSERT_TRUE(query.ok()) << query.status();
    page.Clear();
    ASSERT_TRUE(FillActivity(*query, reader->get(), &page).ok());
    request.set_page_token(page.next_page_token());
  }

  ASSERT_EQ(page.entries_size(), 1);
  EXPECT_EQ(page.entries(0).request_id(), "c");
  EXPECT_EQ(page.next_page_token(), "");
}

}  // namespace
}  // namespace farebox::server
