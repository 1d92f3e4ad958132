#include "storage/document_store.h"

#include <gmock/gmock.h>

#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

using ::testing::Each;
using ::testing::SizeIs;

constexpr DocumentKind kKind = 1;
constexpr int64_t kFromNewest = std::numeric_limits<int64_t>::max();

class DocumentStoreTest : public LedgerContract {
 protected:
  void SetUp() override {
    LedgerContract::SetUp();
    store_ = std::make_unique<DocumentStore>(&ledger(), &journal());
  }

  std::unique_ptr<DocumentStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Journals, DocumentStoreTest, ::testing::ValuesIn(JournalKinds()),
                         NameOfKind);

TEST_P(DocumentStoreTest, WhatWasPutIsRead) {
  ASSERT_THAT(store_->Put({{.kind = kKind, .key = "a", .slot = "s", .due = Start()}}), IsOk());

  EXPECT_EQ(store_->Find(kKind, "a").value()->slot, "s");
  EXPECT_EQ(store_->FindInSlot(kKind, "s").value()->key, "a");
  EXPECT_THAT(store_->List(kKind, 0, kFromNewest, 10).value(), SizeIs(1));
  EXPECT_THAT(store_->ListDue(kKind, Start(), 10).value(), SizeIs(0));
  EXPECT_THAT(store_->ListDue(kKind, absl::InfiniteFuture(), 10).value(), SizeIs(1));
}

TEST_P(DocumentStoreTest, EachOfManyThreadsIsToldWhatBecameOfItsOwn) {
  ASSERT_THAT(store_->Put({{.kind = kKind, .key = "taken"}}), IsOk());
  constexpr int kThreads = 32;
  std::vector<absl::Status> good(kThreads);
  std::vector<absl::Status> bad(kThreads);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      good[i] = store_->Put({{.kind = kKind, .key = absl::StrCat("key-", i)}});
      bad[i] = store_->Put(
          {{.kind = kKind, .key = absl::StrCat("lost-", i)}, {.kind = kKind, .key = "taken"}});
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_THAT(good, Each(IsOk()));
  for (const absl::Status& status : bad) EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_THAT(store_->List(kKind, 0, kFromNewest, 100).value(), SizeIs(kThreads + 1));
}

TEST_P(DocumentStoreTest, OfThoseWhoWantOneSlotOneGetsIt) {
  constexpr int kThreads = 16;
  std::vector<absl::Status> statuses(kThreads);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      statuses[i] = store_->Put({{.kind = kKind, .key = absl::StrCat(i), .slot = "one"}});
    });
  }
  for (std::thread& thread : threads) thread.join();

  int taken = 0;
  for (const absl::Status& status : statuses) taken += status.ok() ? 1 : 0;
  EXPECT_EQ(taken, 1);
}

TEST_P(DocumentStoreTest, ALedgerThatHasEndedTakesNothing) {
  ledger().Drain();

  EXPECT_THAT(store_->Put({{.kind = kKind, .key = "a"}}), FailsWith(Reason::kShuttingDown));

  EXPECT_EQ(store_->Find(kKind, "a").value(), std::nullopt);
}

TEST_P(DocumentStoreTest, AFullDiskIsTold) {
  faults_.SetDiskFull(true);

  EXPECT_THAT(store_->Put({{.kind = kKind, .key = "a"}}), FailsWith(Reason::kStorageFull));

  faults_.SetDiskFull(false);
  EXPECT_THAT(store_->Put({{.kind = kKind, .key = "a"}}), IsOk());
}

}  // namespace
}  // namespace farebox
