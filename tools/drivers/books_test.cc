#include "tools/drivers/books.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace farebox::drivers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Alice began with 1000 and made one call of 30, on hold 5, that request "authorize" got.
class BooksTest : public ::testing::Test {
 protected:
  BooksTest() {
    reading().account = {.start_entry_id = 4, .start_balance_micros = 1000};
    Add(5, v1::ENTRY_KIND_HOLD, 0, "authorize", 5);
    Add(6, v1::ENTRY_KIND_HOLD_SETTLED, -30, "settle", 5);
    reading().account.end_balance_micros = 970;
  }

  AccountReading& reading() { return readings_["alice"]; }

  void Add(int64_t entry_id, v1::EntryKind kind, int64_t amount_micros,
           const std::string& request_id, int64_t hold_id) {
    v1::Entry entry;
    entry.set_entry_id(entry_id);
    entry.set_kind(kind);
    entry.set_amount_micros(amount_micros);
    entry.set_request_id(request_id);
    entry.set_hold_id(hold_id);
    reading().entries.push_back(entry);
  }

  void AddOpenHold(int64_t hold_id) {
    v1::Hold hold;
    hold.set_hold_id(hold_id);
    reading().holds.push_back(hold);
  }

  Books books_;
  std::map<std::string, AccountReading> readings_;
};

TEST_F(BooksTest, RightPriceBalances) {
  books_.Charge("alice", UseKey(5, ""), 30);

  const Balancing balancing = books_.Balance(readings_);

  EXPECT_THAT(balancing.problems, IsEmpty());
  EXPECT_EQ(balancing.charged_micros, 30);
  EXPECT_EQ(balancing.expected_micros, 30);
}

TEST_F(BooksTest, WrongPriceIsFound) {
  books_.Charge("alice", UseKey(5, ""), 31);

  EXPECT_THAT(books_.Balance(readings_).problems,
              ElementsAre(HasSubstr("hold 5: 30 micros were charged, the price is 31"),
                          HasSubstr("has 970 micros")));
}

TEST_F(BooksTest, ChargeForNothingIsFound) {
  EXPECT_THAT(
      books_.Balance(readings_).problems,
      ElementsAre(HasSubstr("30 micros were charged for nothing"), HasSubstr("has 970 micros")));
}

TEST_F(BooksTest, MissingChargeIsFound) {
  books_.Charge("alice", UseKey(5, ""), 30);
  books_.Charge("alice", UseKey(0, "text"), 8);

  EXPECT_THAT(books_.Balance(readings_).problems,
              ElementsAre(HasSubstr("request text: 0 micros"), HasSubstr("and used 38")));
}

TEST_F(BooksTest, WrongBalanceIsFound) {
  books_.Charge("alice", UseKey(5, ""), 30);
  reading().account.end_balance_micros = 971;

  EXPECT_THAT(books_.Balance(readings_).problems, ElementsAre(HasSubstr("has 971 micros")));
}

TEST_F(BooksTest, UnansweredChargeCountsWhereTheJournalHasIt) {
  books_.ChargeIfKept("alice", UseKey(5, ""), "settle", 30);
  books_.ChargeIfKept("alice", UseKey(0, "lost"), "lost", 8);

  EXPECT_THAT(books_.Balance(readings_).problems, IsEmpty());
}

TEST_F(BooksTest, LaterPriceOfOneUseCounts) {
  books_.Charge("alice", UseKey(5, ""), 20);
  books_.Charge("alice", UseKey(5, ""), 30);

  EXPECT_THAT(books_.Balance(readings_).problems, IsEmpty());
}

TEST_F(BooksTest, OpenHoldOfACallThatIsOverIsFound) {
  books_.Charge("alice", UseKey(5, ""), 30);
  AddOpenHold(5);

  EXPECT_THAT(books_.Balance(readings_).problems, ElementsAre(HasSubstr("hold 5 is still open")));
}

TEST_F(BooksTest, OpenHoldFromBeforeTheRunIsLeftAlone) {
  books_.Charge("alice", UseKey(5, ""), 30);
  AddOpenHold(4);

  EXPECT_THAT(books_.Balance(readings_).problems, IsEmpty());
}

TEST_F(BooksTest, ForgottenHoldMayBeOpenOrExpired) {
  books_.Charge("alice", UseKey(5, ""), 30);
  Add(7, v1::ENTRY_KIND_HOLD, 0, "open", 7);
  Add(8, v1::ENTRY_KIND_HOLD, 0, "expired", 8);
  Add(9, v1::ENTRY_KIND_HOLD_EXPIRED, 0, "", 8);
  AddOpenHold(7);
  books_.ForgetHold("alice", "open");
  books_.ForgetHold("alice", "expired");
  books_.ForgetHold("alice", "never granted");

  const Balancing balancing = books_.Balance(readings_);

  EXPECT_THAT(balancing.problems, IsEmpty());
  EXPECT_EQ(balancing.holds_forgotten, 2);
  EXPECT_EQ(balancing.holds_expired, 1);
  EXPECT_EQ(balancing.holds_still_open, 1);
}

TEST_F(BooksTest, ChargedAccountThatWasNotReadIsFound) {
  books_.Charge("alice", UseKey(5, ""), 30);
  books_.Charge("bob", UseKey(7, ""), 0);

  EXPECT_THAT(books_.Balance(readings_).problems, ElementsAre(HasSubstr("bob was not read back")));
}

}  // namespace
}  // namespace farebox::drivers
