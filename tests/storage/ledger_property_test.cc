// The engine against a naive model: thousands of random operations, in random batches, with
// repetitions, restarts and time that jumps. FAREBOX_TEST_SEED=n runs one seed,
// FAREBOX_TEST_SEEDS=n that many.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/storage/ledger_fixture.h"
#include "tests/storage/naive_ledger.h"

namespace farebox {
namespace {

using Kind = Operation::Kind;

constexpr int kBatches = 300;
constexpr int kBatchSizeMax = 16;
const std::vector<std::string>& Accounts() {
  static const auto* const kAccounts = new std::vector<std::string>{"alice", "bob", "carol"};
  return *kAccounts;
}

// Makes operations that are often right and often not.
class OperationMaker {
 public:
  explicit OperationMaker(uint64_t seed) : random_(seed) {}

  // 0 to `below` - 1.
  int64_t Draw(int64_t below) {
    return std::uniform_int_distribution<int64_t>(0, below - 1)(random_);
  }
  bool OneIn(int64_t n) { return Draw(n) == 0; }

  Operation Next() {
    if (!made_.empty() && OneIn(8)) {
      Operation again = made_[static_cast<size_t>(Draw(static_cast<int64_t>(made_.size())))];
      if (OneIn(3)) ++again.micros;  // Other content under the same id.
      return again;
    }
    Operation operation;
    operation.kind = DrawKind();
    operation.account = Accounts()[static_cast<size_t>(Draw(3))];
    operation.micros = 1 + Draw(operation.kind == Kind::kCredit ? 500 : 200);
    if (OneIn(15) && operation.kind != Kind::kCredit && operation.kind != Kind::kRefund) {
      operation.micros = 0;
    }
    operation.lifetime = absl::Seconds(1 + Draw(120));
    operation.request_id = absl::StrCat("operation-", made_.size());
    PointToSubject(&operation);
    made_.push_back(operation);
    return operation;
  }

  // Tells what came of an operation, so that later ones can be about it.
  void Remember(const Operation& operation, const NaiveLedger::Answer& answer) {
    if (answer.error != Reason::kNone || answer.declined != Reason::kNone) return;
    if (answer.kind == EntryKind::kHold) holds_.push_back({answer.id, operation.account});
    if (answer.amount < 0) debits_.push_back({answer.id, operation.account});
  }

 private:
  struct Subject {
    EntryId id;
    std::string account;
  };

  Kind DrawKind() {
    static constexpr Kind kKinds[] = {Kind::kDebit,  Kind::kDebit,  Kind::kCredit, Kind::kCredit,
                                      Kind::kRefund, Kind::kHold,   Kind::kHold,   Kind::kHold,
                                      Kind::kExtend, Kind::kExtend, Kind::kCharge, Kind::kCharge,
                                      Kind::kSettle, Kind::kSettle, Kind::kRelease};
    if (OneIn(40)) return Kind::kSuspend;
    if (OneIn(15)) return Kind::kResume;
    if (OneIn(60)) return Kind::kTakeBack;
    return kKinds[Draw(std::size(kKinds))];
  }

  // Mostly one of the newest, of the account it belongs to.
  void PointToSubject(Operation* operation) {
    const bool of_debit = operation->kind == Kind::kRefund;
    const bool of_hold = operation->kind == Kind::kExtend || operation->kind == Kind::kCharge ||
                         operation->kind == Kind::kSettle || operation->kind == Kind::kRelease;
    if (!of_debit && !of_hold) return;
    operation->subject = Draw(50);
    const std::vector<Subject>& subjects = of_debit ? debits_ : holds_;
    if (subjects.empty() || OneIn(20)) return;
    const int64_t back = Draw(std::min<int64_t>(12, static_cast<int64_t>(subjects.size())));
    const Subject& subject = subjects[subjects.size() - 1 - static_cast<size_t>(back)];
    operation->subject = subject.id;
    if (!OneIn(20)) operation->account = subject.account;
  }

  std::mt19937_64 random_;
  std::vector<Operation> made_;
  std::vector<Subject> holds_;
  std::vector<Subject> debits_;
};

class LedgerPropertyTest : public LedgerContract {
 protected:
  LedgerPropertyTest() { options_.request_window = absl::Hours(2); }

  // Opens accounts of its own for a run.
  void OpenAccounts() {
    for (size_t i = 0; i < Accounts().size(); ++i) {
      const Micros credit_limit(100 * static_cast<int64_t>(i));
      OpenAccount(Accounts()[i], Micros(), {.credit_limit = credit_limit});
      naive_.Open(Accounts()[i], credit_limit.value());
    }
  }

  void RunBatch(OperationMaker* maker) {
    naive_.ExpireDue(clock_.Now());
    std::vector<Operation> operations;
    std::vector<Command> commands;
    std::vector<NaiveLedger::Answer> expected;
    const int64_t size = 1 + maker->Draw(kBatchSizeMax);
    for (int64_t i = 0; i < size; ++i) {
      operations.push_back(maker->Next());
      commands.push_back(CommandOf(operations.back()));
      expected.push_back(naive_.Apply(operations.back(), clock_.Now()));
      maker->Remember(operations.back(), expected.back());
    }

    const std::vector<Outcome> outcomes = ApplyTogether(std::move(commands));

    ASSERT_EQ(outcomes.size(), expected.size());
    for (size_t i = 0; i < outcomes.size(); ++i) {
      ASSERT_EQ(NaiveLedger::AnswerOf(outcomes[i]), expected[i])
          << "operation " << i << " of the batch: kind " << static_cast<int>(operations[i].kind)
          << " subject " << operations[i].subject << " micros " << operations[i].micros;
    }
    operation_count_ += size;
  }

  void CompareBooks() {
    for (const auto& [id, account] : naive_.accounts()) {
      const AccountState state = Facts(id).state;
      ASSERT_EQ(state.balance.value(), account.balance) << id;
      ASSERT_EQ(state.held.value(), account.held) << id;
      std::map<EntryId, std::pair<int64_t, int64_t>> open;
      const std::vector<Hold> holds = *ledger().ListHolds(id, INT64_MAX, 10'000);
      for (const Hold& hold : holds) {
        open[hold.id] = {hold.amount.value(), hold.charged.value()};
      }
      std::map<EntryId, std::pair<int64_t, int64_t>> expected;
      for (const auto& [hold_id, hold] : naive_.holds()) {
        const bool is_open = hold.account == id && !hold.expired && !hold.ended;
        if (is_open) expected[hold_id] = {hold.held, hold.charged};
      }
      ASSERT_EQ(open, expected) << id;
      ASSERT_EQ(state.open_holds, static_cast<int32_t>(expected.size())) << id;
    }
  }

  void Run(uint64_t seed) {
    OperationMaker maker(seed);
    for (int batch = 0; batch < kBatches && !HasFatalFailure(); ++batch) {
      SCOPED_TRACE(absl::StrCat("FAREBOX_TEST_SEED=", seed, " batch ", batch));
      if (maker.OneIn(2)) clock_.Advance(absl::Milliseconds(maker.Draw(30'000)));
      if (maker.OneIn(40)) clock_.Advance(absl::Hours(maker.Draw(50)));
      if (maker.OneIn(60)) clock_.Advance(absl::Hours(24 * 8));
      if (maker.OneIn(25)) Reopen();
      RunBatch(&maker);
      if (!HasFatalFailure()) CompareBooks();
    }
  }

  NaiveLedger naive_;
  int64_t operation_count_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Journals, LedgerPropertyTest, ::testing::ValuesIn(JournalKinds()),
                         NameOfKind);

int64_t NumberOf(const char* variable, int64_t otherwise) {
  const char* const text = std::getenv(variable);
  int64_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : otherwise;
}

TEST_P(LedgerPropertyTest, AgreesWithTheNaiveLedgerOnEveryAnswer) {
  const int64_t first = NumberOf("FAREBOX_TEST_SEED", 1);
  const bool one_seed = std::getenv("FAREBOX_TEST_SEED") != nullptr;
  const int64_t count = one_seed ? 1 : NumberOf("FAREBOX_TEST_SEEDS", 2);

  for (int64_t seed = first; seed < first + count && !HasFatalFailure(); ++seed) {
    naive_ = NaiveLedger();
    StartOver();
    OpenAccounts();
    Run(static_cast<uint64_t>(seed));
    EXPECT_GT(operation_count_, kBatches);
  }
}

}  // namespace
}  // namespace farebox
