// What is taken over of a snapshot, and what is not.

#include "storage/books.h"

#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "storage/account_terms.h"
#include "storage/entry.h"

namespace farebox {
namespace {

AccountSnapshot SnapshotOf(AccountNumber number, const std::string& id) {
  return {.number = number, .record = {.account_id = id}, .balance = Micros(500), .last_entry = 9};
}

Entry Opening(AccountNumber number, const std::string& id) {
  Entry entry;
  entry.id = number;
  entry.account = number;
  entry.kind = EntryKind::kAccountOpened;
  entry.detail = EncodeAccountRecord({.account_id = id});
  return entry;
}

class BooksTest : public ::testing::Test {
 protected:
  Books books_{absl::Hours(1)};
  SnapshotVisitor* const snapshot_ = books_.snapshot_visitor();
};

TEST_F(BooksTest, TakeOverASnapshot) {
  snapshot_->OnBegin(2);
  ASSERT_TRUE(snapshot_->OnAccount(SnapshotOf(1, "one")).ok());
  ASSERT_TRUE(snapshot_->OnAccount(SnapshotOf(2, "two")).ok());

  EXPECT_EQ(books_.Find("two")->state.balance, Micros(500));
  EXPECT_EQ(books_.Find("two")->number, 2);
  EXPECT_EQ(books_.account_count(), 2);
}

TEST_F(BooksTest, RefuseAnIdTwiceAndANumberOutOfOrder) {
  snapshot_->OnBegin(2);
  ASSERT_TRUE(snapshot_->OnAccount(SnapshotOf(1, "one")).ok());

  EXPECT_FALSE(snapshot_->OnAccount(SnapshotOf(2, "one")).ok());
  EXPECT_FALSE(snapshot_->OnAccount(SnapshotOf(3, "three")).ok());
  EXPECT_EQ(books_.account_count(), 1);
}

// A derived file that turns out to be damaged half-way: the journal has it all.
TEST_F(BooksTest, NothingOfADiscardedSnapshotStays) {
  snapshot_->OnBegin(2);
  ASSERT_TRUE(snapshot_->OnAccount(SnapshotOf(1, "one")).ok());
  ASSERT_TRUE(snapshot_->OnAccount(SnapshotOf(2, "two")).ok());
  ASSERT_TRUE(snapshot_->OnHold(1, {.id = 3, .amount = Micros(5)}).ok());
  ASSERT_TRUE(snapshot_->OnRefunded(4, Micros(6)).ok());
  snapshot_->OnDiscard();

  ASSERT_TRUE(books_.Fold(Opening(1, "two")).ok());
  EXPECT_EQ(books_.account_count(), 1);
  EXPECT_EQ(books_.Find("two")->number, 1);
  EXPECT_EQ(books_.Find("two")->state.balance, Micros(0));
  EXPECT_FALSE(books_.Find("one").ok());
  EXPECT_TRUE(books_.ListHolds("two", 100, 100)->empty());
  EXPECT_EQ(books_.WriterRefunded(4), Micros(0));
}

}  // namespace
}  // namespace farebox
