// Purchases that meet a ledger which turns changes away: a disk that stands still, and a queue with
// room for one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "farebox/stored/v1/stored.pb.h"
#include "server/numbers/number_rental.h"
#include "storage/errors.h"
#include "tests/storage/commands.h"
#include "tests/support/await.h"
#include "tests/support/fault_journal.h"
#include "tests/support/memory_journal.h"
#include "tests/support/status_matchers.h"

namespace farebox::server {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kNumber[] = "+12025550123";

// The process ends here.
struct Killed {};

class NumberPurchaseTest : public ::testing::Test {
 protected:
  NumberPurchaseTest() {
    Restart();
    for (const char* const account : {"alice", "bob"}) {
      EXPECT_THAT(ledger_->Apply(ToOpen(account, {}, Settings())).status, IsOk());
      EXPECT_THAT(ledger_->Apply(ToCredit(account, Cents(10'00))).status, IsOk());
    }
  }

  ~NumberPurchaseTest() override {
    if (disk_again_.joinable()) disk_again_.join();
  }

  static std::string Settings() {
    stored::v1::AccountSettings settings;
    settings.set_currency_code("USD");
    return settings.SerializeAsString();
  }

  // What a new process finds.
  void Restart() {
    rental_.reset();
    documents_.reset();
    ledger_.reset();
    faulty_journal_.reset();
    journal_ = std::make_unique<MemoryJournal>(&disk_);
    faulty_journal_ = std::make_unique<FaultJournal>(journal_.get(), &faults_);
    ledger_ = *Ledger::Open({.queued_commands_max = 1}, faulty_journal_.get(), &clock_);
    documents_ = std::make_unique<DocumentStore>(ledger_.get(), faulty_journal_.get());
    rental_ = std::make_unique<NumberRental>(
        NumberRental::Parts{.ledger = ledger_.get(),
                            .documents = documents_.get(),
                            .stationery = &stationery_,
                            .clock = &clock_,
                            .make_debit = &Price,
                            .grace = absl::Hours(24),
                            .is_held = [] { return false; },
                            .reached = [this](absl::string_view point) { Reach(point); }});
  }

  static absl::StatusOr<Command> Price(const v1::DebitRequest& request) {
    return Command{.account_id = request.account_id(),
                   .request_id = request.request_id(),
                   .action = Debit{.item = 1, .charge = Charge{.amount = Cents(1'50)}}};
  }

  void Reach(absl::string_view point) {
    if (point == stand_still_at_) StandStill();
    // tidy: allow(throw): unwinds what a kill would leave behind
    if (point == kill_at_) throw Killed();
  }

  // The disk stands still until a change was turned away.
  void StandStill() {
    faults_.CloseGate();
    ledger_->Submit({ToCredit("bob", Cents(1'00))}, [this](const auto&) { moved_.Notify(); });
    faults_.WaitUntilBlocked();
    disk_again_ = std::thread([this] {
      testing::Await([this] { return Refused() > 0; });
      faults_.OpenGate();
    });
  }

  void AwaitDisk() { moved_.WaitForNotification(); }

  int64_t Refused() const {
    const auto refused = ledger_->Stats().refused;
    return std::accumulate(refused.begin(), refused.end(), int64_t{0});
  }

  absl::Status Buy(const std::string& account = "alice") {
    return rental_->Buy(account, "r1", kNumber).status();
  }

  std::vector<RentalRecord> Rentals() {
    RentalRecords records(documents_.get());
    return records.List(0, std::numeric_limits<int64_t>::max(), 1000).value();
  }

  Micros Balance() { return ledger_->FindAccount("alice")->state.balance; }

  ManualClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  const Stationery stationery_{{}};
  MemoryDisk disk_;
  JournalFaults faults_;
  std::unique_ptr<MemoryJournal> journal_;
  std::unique_ptr<FaultJournal> faulty_journal_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<DocumentStore> documents_;
  std::unique_ptr<NumberRental> rental_;
  std::string kill_at_;
  std::string stand_still_at_;
  absl::Notification moved_;
  std::thread disk_again_;
};

// Once, the ledger's OVERLOADED was taken for "not paid", and the number was free again.
TEST_F(NumberPurchaseTest, ANumberThatWasPaidBeforeAKillIsKeptWhileTheLedgerIsBusy) {
  kill_at_ = "charged";
  EXPECT_THROW((void)Buy(), Killed);
  kill_at_.clear();
  Restart();
  const std::string rental_id = Rentals().at(0).rental.rental_id();
  StandStill();

  const absl::Status worked = rental_->Work(rental_id);
  AwaitDisk();

  EXPECT_THAT(worked, FailsWith(Reason::kOverloaded));
  EXPECT_THAT(Rentals(), SizeIs(1));
  EXPECT_THAT(Buy("bob"), FailsWith(Reason::kNumberTaken));
  ASSERT_THAT(rental_->Work(rental_id), IsOk());
  EXPECT_EQ(Rentals().at(0).rental.state(), v1::NUMBER_STATE_ACTIVE);
  EXPECT_EQ(Balance(), Cents(8'50));
}

TEST_F(NumberPurchaseTest, APurchaseThatABusyLedgerTurnsAwayLeavesTheNumberFree) {
  stand_still_at_ = "begun";

  const absl::Status bought = Buy();
  AwaitDisk();

  EXPECT_THAT(bought, FailsWith(Reason::kOverloaded));
  EXPECT_THAT(Rentals(), IsEmpty());
  EXPECT_EQ(Balance(), Cents(10'00));
}

// It would release numbers on a restored ledger that have been paid for.
TEST(NumberRentalDeathTest, NobodyForgetsToSayHowToSeeARestore) {
  DocumentStore documents(nullptr, nullptr);
  const NumberRental::Parts parts = {.documents = &documents};

  EXPECT_DEATH({ NumberRental rental(parts); }, "is_held");
}

}  // namespace
}  // namespace farebox::server
