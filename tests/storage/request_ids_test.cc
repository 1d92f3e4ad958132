// Request ids in memory, and what is to be looked at when.

#include "storage/request_ids.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/expiry_queue.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);
constexpr absl::Duration kWindow = absl::Hours(8);
constexpr EntryId kAll = INT64_MAX;

TEST(HashRequestIdTest, TellsAccountsAndIdsApart) {
  std::set<RequestHash> hashes;
  size_t count = 0;
  // Once, 1/"3-0-3" was 2/"0-0-0": short ids of neighbouring accounts had the same hashes.
  for (AccountNumber account = 1; account <= 20; ++account) {
    for (int id = 0; id < 1'000; ++id) {
      hashes.insert(
          HashRequestId(account, absl::StrCat(id / 100, "-", id / 10 % 10, "-", id % 10)));
      ++count;
    }
  }
  EXPECT_EQ(hashes.size(), count);
}

// Derived files keep the one, journals the other: they may never change.
TEST(HashRequestIdTest, HashesAreFixed) {
  EXPECT_EQ(HashRequestId(7, "request"), absl::MakeUint128(0x18d692148c8df647, 0x2cc2b061aa99e855));
  EXPECT_EQ(ContentFingerprint("content"), 0x55f2b31a6acfaa64);
}

TEST(TimeOfRequestIdTest, IsKnownForUuidsOfVersion7Only) {
  const absl::Time time = absl::FromUnixMillis(1'645'557'742'000);
  struct Row {
    const char* id;
    std::optional<absl::Time> time;
  };
  for (const Row& row : std::vector<Row>{
           {"017f22e2-79b0-7cc3-98c4-dc0c0c07398f", time},
           {"017F22E2-79B0-7CC3-98C4-DC0C0C07398F", time},
           {"ffffffff-ffff-7000-8000-000000000000", absl::FromUnixMillis(0xffffffffffff)},
           {"00000000-0000-7000-8000-000000000000", absl::UnixEpoch()},
           {"017f22e2-79b0-4cc3-98c4-dc0c0c07398f", std::nullopt},
           {"017f22e279b07cc398c4dc0c0c07398f", std::nullopt},
           {"017f22e2-79b0-7cc3-98c4-dc0c0c07398", std::nullopt},
           {"017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", std::nullopt},
           {"017f22e2+79b0-7cc3-98c4-dc0c0c07398f", std::nullopt},
           {"017f22e2-79b0-7cc3-98c4+dc0c0c07398f", std::nullopt},
           {"017f22g2-79b0-7cc3-98c4-dc0c0c07398f", std::nullopt},
           {"+17f22e2-79b0-7cc3-98c4-dc0c0c07398f", std::nullopt},
           {"017f22e2-79b0-7cc3-98c4-dc0c0c07398z", std::nullopt},
           {"order-12-abcd-7 of the third customer", std::nullopt},
           {"", std::nullopt}}) {
    EXPECT_EQ(TimeOfRequestId(row.id), row.time) << row.id;
  }
  EXPECT_EQ(TimeOfRequestId(TimedRequestId(kStart)), kStart);
}

class RequestIdWindowTest : public ::testing::Test {
 protected:
  // The id that was inserted after `hours`, with that number as its entry.
  void Insert(int hours) {
    window_.Insert({.hash = static_cast<RequestHash>(hours)}, hours, kStart + absl::Hours(hours));
  }
  bool Knows(int hours) const { return Find(hours) == EntryId{hours}; }
  std::optional<EntryId> Find(RequestHash hash) const { return window_.Find({.hash = hash}); }

  RequestIdWindow window_{kWindow};
};

TEST_F(RequestIdWindowTest, FindsWhatWasInserted) {
  Insert(1);

  EXPECT_EQ(Find(1), 1);
  EXPECT_EQ(Find(2), std::nullopt);
}

TEST_F(RequestIdWindowTest, FindsEveryIdOfManyWhetherOrNotItTellsItsTime) {
  constexpr int kIds = 60'000;
  const auto made = [](int id) { return kStart + absl::Milliseconds(id); };
  for (int id = 1; id <= kIds; ++id) {
    RequestKey key = {.hash = absl::MakeUint128(id, id)};
    if (id % 3 != 0) key.made = made(id);
    window_.Insert(key, id, kStart);
    ASSERT_EQ(window_.last(), id);
    ASSERT_EQ(window_.size(), static_cast<size_t>(id));
  }

  for (int id = 1; id <= kIds; ++id) {
    const RequestHash hash = absl::MakeUint128(id, id);
    ASSERT_EQ(Find(hash), EntryId{id});
    if (id % 3 != 0) {
      ASSERT_EQ(window_.Find({.hash = hash, .made = made(id)}), EntryId{id}) << id;
    }
  }
}

TEST_F(RequestIdWindowTest, FindsAnIdAtAnyTimeAfterItCame) {
  constexpr int kIds = 60'000;
  const auto key = [](int id) {
    return RequestKey{.hash = absl::MakeUint128(id, id), .made = kStart + absl::Milliseconds(id)};
  };
  for (int id = 1; id <= kIds; ++id) {
    window_.Insert(key(id), id, kStart);
    for (int distance = 1; distance < id; distance *= 3) {
      ASSERT_EQ(window_.Find(key(id - distance)), id - distance) << distance << " before " << id;
    }
  }
}

TEST_F(RequestIdWindowTest, WhatGatheredBelongsToTheGenerationThatEnds) {
  for (int id = 1; id <= 20'000; ++id) {
    window_.Insert({.hash = static_cast<RequestHash>(id), .made = kStart}, id, kStart);
  }
  Insert(30'000);

  for (int id = 1; id <= 20'000; ++id) {
    ASSERT_EQ(window_.Find({.hash = static_cast<RequestHash>(id), .made = kStart}), id);
  }
  EXPECT_EQ(window_.size(), size_t{20'001});

  window_.Forget(kStart + absl::Hours(30'000) + 2 * kWindow, kAll);

  EXPECT_EQ(window_.size(), size_t{1});
  EXPECT_TRUE(Knows(30'000));
  EXPECT_FALSE(Knows(20'000));
}

TEST_F(RequestIdWindowTest, FindsWhatComesAgainWithTheTimeOfANewerOneBetween) {
  // The clocks of two callers are an hour apart.
  const auto key = [](int id) {
    return RequestKey{.hash = static_cast<RequestHash>(id),
                      .made = id % 2 == 0 ? kStart : kStart + absl::Hours(1)};
  };
  for (int id = 1; id <= 60'000; ++id) window_.Insert(key(id), id, kStart);

  EXPECT_EQ(window_.Find(key(2)), 2);
  EXPECT_EQ(window_.Find(key(1)), 1);
  EXPECT_EQ(window_.Find(key(1'000'000)), std::nullopt);
}

TEST_F(RequestIdWindowTest, FindsWhatWasLoadedWithItsTimeInAnyShare) {
  const auto key = [](int id) {
    return RequestKey{.hash = absl::MakeUint128(id, id), .made = kStart + absl::Minutes(id % 10)};
  };
  std::vector<RequestIdWindow::Run> runs(2);
  for (int id = 1; id <= 1'000; ++id) runs[id > 500].Add(key(id), id);

  window_.BeginGeneration(kStart, 1'000, 1'000);
  for (size_t share = 0; share < 3; ++share) window_.Merge(runs, share, 3);

  for (int id = 1; id <= 1'000; ++id) EXPECT_EQ(window_.Find(key(id)), EntryId{id}) << id;
}

TEST_F(RequestIdWindowTest, FindsWhatWasLoadedAndTheFirstEntryOfEach) {
  std::vector<RequestIdWindow::Run> runs(2);
  for (int id = 1; id <= 1'000; ++id) runs[id > 500].Add({.hash = absl::MakeUint128(id, id)}, id);
  runs[1].Add({.hash = absl::MakeUint128(7, 7)}, 1'001);

  window_.BeginGeneration(kStart, 1'001, 1'001);
  for (size_t share = 0; share < 3; ++share) window_.Merge(runs, share, 3);

  for (int id = 1; id <= 1'000; ++id) {
    EXPECT_EQ(Find(absl::MakeUint128(id, id)), EntryId{id}) << id;
  }
  EXPECT_EQ(window_.size(), size_t{1'000});
}

TEST_F(RequestIdWindowTest, ForgetsWhatWasLoadedLikeTheRest) {
  std::vector<RequestIdWindow::Run> runs(1);
  runs[0].Add({.hash = 1}, 1);
  window_.BeginGeneration(kStart, 1, 1);
  window_.Merge(runs, 0, 1);
  Insert(6);

  window_.Forget(kStart + absl::Hours(14), kAll);
  EXPECT_TRUE(Knows(1));
  window_.Forget(kStart + absl::Hours(15), kAll);
  EXPECT_FALSE(Knows(1));
  EXPECT_TRUE(Knows(6));
}

TEST_F(RequestIdWindowTest, KeepsEveryIdForTheWindowAndForgetsItInTheEnd) {
  for (int hour = 0; hour < 100; ++hour) {
    Insert(hour);
    window_.Forget(kStart + absl::Hours(hour), kAll);
    for (int young = std::max(0, hour - 8); young <= hour; ++young) {
      EXPECT_TRUE(Knows(young)) << young << " at " << hour;
    }
    for (int old = 0; old < hour - 20; ++old) EXPECT_FALSE(Knows(old)) << old << " at " << hour;
  }
  EXPECT_LT(window_.size(), size_t{21});
}

TEST_F(RequestIdWindowTest, KeepsWhatTheJournalDoesNotKnowYet) {
  for (int hour = 0; hour < 100; ++hour) Insert(hour);

  window_.Forget(kStart + absl::Hours(100), 0);
  EXPECT_TRUE(Knows(0));
  window_.Forget(kStart + absl::Hours(100), 50);
  for (int hour = 51; hour < 100; ++hour) EXPECT_TRUE(Knows(hour)) << hour;
  EXPECT_FALSE(Knows(0));
}

TEST_F(RequestIdWindowTest, NewestGenerationStays) {
  Insert(0);

  window_.Forget(kStart + absl::Hours(1000), kAll);

  EXPECT_TRUE(Knows(0));
}

// ---- ExpiryQueue

using Kind = ExpiryQueue::Kind;

ExpiryQueue::Item ItemAt(int seconds, EntryId hold, Kind kind = Kind::kExpire) {
  return {.due = kStart + absl::Seconds(seconds), .hold = hold, .account = 1, .kind = kind};
}

TEST(ExpiryQueueTest, GivesWhatIsDueInTheOrderOfTime) {
  ExpiryQueue queue;
  EXPECT_EQ(queue.NextDue(), absl::InfiniteFuture());
  for (const int seconds : {5, 1, 4, 2, 3}) queue.Add(ItemAt(seconds, seconds));

  EXPECT_EQ(queue.NextDue(), kStart + absl::Seconds(1));
  std::vector<EntryId> taken;
  while (const auto item = queue.TakeDue(kStart + absl::Seconds(3))) taken.push_back(item->hold);

  EXPECT_THAT(taken, ::testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(queue.NextDue(), kStart + absl::Seconds(4));
}

TEST(ExpiryQueueTest, KeepsTheOrderHoweverFarASweepHasCome) {
  const auto is_odd = [](const ExpiryQueue::Item& item) { return item.hold % 2 == 1; };
  for (const size_t looks : {0, 1, 2, 3, 4}) {
    ExpiryQueue queue;
    for (const int seconds : {5, 1, 4, 2, 3}) queue.Add(ItemAt(seconds, seconds));

    queue.BeginSweep();
    queue.Sweep(looks, is_odd);
    queue.Add(ItemAt(3, 6));

    EXPECT_TRUE(queue.is_sweeping());
    std::vector<EntryId> even;
    while (const auto item = queue.TakeDue(kStart + absl::Seconds(9))) {
      if (!is_odd(*item)) even.push_back(item->hold);
    }
    EXPECT_THAT(even, ::testing::ElementsAre(2, 6, 4)) << looks;
    EXPECT_EQ(queue.NextDue(), absl::InfiniteFuture());
  }
}

TEST(ExpiryQueueTest, ASweepTakesOutWhatIsNeedless) {
  ExpiryQueue queue;
  for (const int seconds : {5, 1, 4, 2, 3}) queue.Add(ItemAt(seconds, seconds));

  queue.BeginSweep();
  queue.Sweep(5, [](const ExpiryQueue::Item& item) { return item.hold % 2 == 1; });

  EXPECT_FALSE(queue.is_sweeping());
  EXPECT_EQ(queue.size(), 2);
  EXPECT_EQ(queue.TakeDue(kStart + absl::Seconds(9))->hold, 2);
  EXPECT_EQ(queue.TakeDue(kStart + absl::Seconds(9))->hold, 4);
  EXPECT_EQ(queue.NextDue(), absl::InfiniteFuture());
}

TEST(ExpiryQueueTest, ItemAddedAgainDuringASweepIsTakenOnce) {
  ExpiryQueue queue;
  queue.Add(ItemAt(1, 1));
  queue.BeginSweep();
  queue.Add(ItemAt(1, 1));

  EXPECT_EQ(queue.TakeDue(kStart + absl::Seconds(1))->hold, 1);
  EXPECT_EQ(queue.TakeDue(kStart + absl::Seconds(1)), std::nullopt);
}

TEST(ExpiryQueueTest, WarnsBeforeItExpires) {
  ExpiryQueue queue;
  queue.Add(ItemAt(1, 1, Kind::kExpire));
  queue.Add(ItemAt(1, 1, Kind::kWarn));

  EXPECT_EQ(queue.TakeDue(kStart + absl::Seconds(1))->kind, Kind::kWarn);
  EXPECT_EQ(queue.TakeDue(kStart + absl::Seconds(1))->kind, Kind::kExpire);
}

TEST(ExpiryQueueTest, ItemAddedTwiceIsTakenOnce) {
  ExpiryQueue queue;
  queue.Add(ItemAt(1, 1));
  queue.Add(ItemAt(1, 2));
  queue.Add(ItemAt(1, 1));

  EXPECT_EQ(queue.TakeDue(kStart + absl::Seconds(1))->hold, 1);
  EXPECT_EQ(queue.TakeDue(kStart + absl::Seconds(1))->hold, 2);
  EXPECT_EQ(queue.TakeDue(kStart + absl::Seconds(1)), std::nullopt);
}

}  // namespace
}  // namespace farebox
