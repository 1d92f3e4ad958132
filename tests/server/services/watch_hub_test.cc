// In which order watchers are served, and who is not.

#include "server/services/watch_hub.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/services/stream_limits.h"
#include "tests/server/thread_gate.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;

// Does something with what it is told, on the hub's thread.
class CallingWatcher final : public Watcher {
 public:
  using OnTold = std::function<void(const std::vector<Entry>&)>;
  explicit CallingWatcher(OnTold on_told) : on_told_(std::move(on_told)) {}

  void OnEntries(std::vector<Entry> entries, std::vector<std::string> /*account_ids*/) override {
    on_told_(entries);
  }
  void OnSignal(const Signal& /*signal*/) override {}
  void OnEnd(const absl::Status& /*status*/) override {}

 private:
  const OnTold on_told_;
};

// A hub whose thread is held up until the gate opens: who comes meanwhile is served in order.
class WatchHubTest : public LedgerFixture {
 protected:
  WatchHubTest() : LedgerFixture(MemoryKind()) {}

  void SetUp() override {
    LedgerFixture::SetUp();
    hub_ = *WatchHub::Start(&ledger(), &journal());
    OpenAccount("alice", Cents(100'000'000));
    OpenAccount("bob", Cents(100));
    Add("bob", 1, [this](const std::vector<Entry>&) { gate_.Wait(); });
    gate_.AwaitReached();
  }
  void TearDown() override {
    gate_.Open();
    hub_.reset();
    LedgerFixture::TearDown();
  }

  std::shared_ptr<Watcher> Add(absl::string_view account, EntryId from,
                               CallingWatcher::OnTold on_told) {
    auto watcher = std::make_shared<CallingWatcher>(std::move(on_told));
    EXPECT_THAT(hub_->Add(watcher, {.account = Facts(account).number,
                                    .account_id = std::string(account),
                                    .from = from}),
                IsOk());
    return watcher;
  }

  // Who watches for ever.
  absl::Status Watch(absl::string_view account, bool is_customers) {
    const auto watcher = std::make_shared<CallingWatcher>([](const std::vector<Entry>&) {});
    return hub_->Add(watcher, {.account = Facts(account).number,
                               .account_id = std::string(account),
                               .is_customers = is_customers});
  }

  void DebitMany(absl::string_view account, size_t count) {
    std::vector<Command> commands;
    for (size_t i = 0; i < count; ++i) commands.push_back(ToDebit(account, Micros(1)));
    for (const Outcome& outcome : ApplyTogether(std::move(commands))) {
      ASSERT_THAT(outcome, IsApplied());
    }
  }

  ThreadGate gate_;
  std::unique_ptr<WatchHub> hub_;
};

// Once, whoever began watches and left them at once had all of them served.
TEST_F(WatchHubTest, WhoHasLeftIsNotServed) {
  std::vector<std::string> told;
  ThreadGate done;
  const auto gone =
      Add("alice", 1, [&](const std::vector<Entry>&) { told.emplace_back("who has left"); });
  Add("alice", 1, [&](const std::vector<Entry>&) {
    told.emplace_back("who is there");
    done.Wait();
  });
  hub_->Remove(gone.get());

  gate_.Open();
  done.AwaitReached();

  EXPECT_THAT(told, ElementsAre("who is there"));
}

// Once, the hub's thread went all the way back before it served anybody else.
TEST_F(WatchHubTest, WhoHasMissedMuchHoldsUpNobody) {
  constexpr auto kMissed = static_cast<size_t>(5 * limits::kWatchLooksPerTurn + 1);
  const EntryId first = Facts("alice").state.last_entry;
  DebitMany("alice", kMissed);
  std::vector<std::string> told;
  std::vector<EntryId> ids;
  ThreadGate done;
  std::shared_ptr<Watcher> far_behind;
  far_behind = Add("alice", first, [&](const std::vector<Entry>& entries) {
    told.emplace_back("alice");
    EXPECT_LE(entries.size(), limits::kWatchChunkEntries);
    for (const Entry& entry : entries) ids.push_back(entry.id);
    if (ids.size() == kMissed) return done.Wait();
    hub_->Drained(far_behind.get());
  });
  Add("bob", 1, [&](const std::vector<Entry>&) { told.emplace_back("bob"); });

  gate_.Open();
  done.AwaitReached();

  EXPECT_EQ(told.front(), "bob");
  // All of it came all the same, in order.
  std::vector<EntryId> expected;
  for (const Entry& entry : JournalEntries()) {
    if (entry.id > first && entry.account == Facts("alice").number) expected.push_back(entry.id);
  }
  EXPECT_EQ(ids, expected);
}

TEST_F(WatchHubTest, WhoIsConfinedToAnAccountLeavesRoomForOthers) {
  for (size_t i = 0; i < limits::kWatchesPerAccountMax; ++i) {
    ASSERT_THAT(Watch("alice", /*is_customers=*/true), IsOk());
  }

  EXPECT_EQ(GetReason(Watch("alice", /*is_customers=*/true)), Reason::kOverloaded);
  EXPECT_THAT(Watch("alice", /*is_customers=*/false), IsOk());
  EXPECT_THAT(Watch("bob", /*is_customers=*/true), IsOk());
}

TEST_F(WatchHubTest, WhoIsConfinedToAnAccountFindsRoomBesideOthers) {
  for (size_t i = 0; i < limits::kWatchesPerAccountMax; ++i) {
    ASSERT_THAT(Watch("alice", /*is_customers=*/false), IsOk());
  }

  EXPECT_THAT(Watch("alice", /*is_customers=*/true), IsOk());
}

// Once, the customers of a hundred accounts had every place there was.
TEST_F(WatchHubTest, AllCustomersTogetherLeaveRoomForOthers) {
  constexpr size_t kCustomersMax = limits::kStreamsMax * limits::kCustomersPlacesPercent / 100;
  std::string account;
  for (size_t i = 0; i < kCustomersMax; ++i) {
    if (i % limits::kWatchesPerAccountMax == 0) {
      account = absl::StrCat("customer-", i);
      OpenAccount(account, Cents(100));
    }
    ASSERT_THAT(Watch(account, /*is_customers=*/true), IsOk()) << i;
  }

  EXPECT_EQ(GetReason(Watch("alice", /*is_customers=*/true)), Reason::kOverloaded);
  EXPECT_THAT(Watch("alice", /*is_customers=*/false), IsOk());
}

}  // namespace
}  // namespace farebox::server
