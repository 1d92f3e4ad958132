// Every order in which the requests of three clients of one account can come, and in each of them a
// crash after any request, before it is answered. What a seed does at random is complete here.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/verify.h"
#include "tests/simulation/comparison.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/model.h"
#include "tests/simulation/operation.h"

namespace farebox::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using OnCrash = std::function<void(MemoryDisk* disk)>;

constexpr char kFirstOrder[] = "AAABBBCCC";
constexpr size_t kClients = 3;
constexpr size_t kRequests = 9;
// 9! / (3! 3! 3!)
constexpr int kOrders = 1'680;
#ifdef FAREBOX_IN_FULL
constexpr size_t kCrashesOfAnOrder = kRequests;
#else
constexpr size_t kCrashesOfAnOrder = 1;
#endif

Operation ToSend(Operation::Kind kind, const std::string& request_id, int64_t micros) {
  Operation operation;
  operation.kind = kind;
  operation.account = "shared";
  operation.request_id = request_id;
  operation.micros = micros;
  operation.lifetime = absl::Minutes(5);
  return operation;
}

// What each client sends, one after the other. There are 100 on the account: not enough for all.
std::vector<Operation> ScriptOf(size_t client) {
  using Kind = Operation::Kind;
  switch (client) {
    case 0:
      // A call, the end of which is reported twice.
      return {ToSend(Kind::kHold, "call-1", 60), ToSend(Kind::kSettle, "end-1", 45),
              ToSend(Kind::kSettle, "end-1", 45)};
    case 1:
      // A call that is charged on the way, and given up.
      return {ToSend(Kind::kHold, "call-2", 50), ToSend(Kind::kCharge, "part-2", 20),
              ToSend(Kind::kRelease, "end-2", 0)};
    default:
      // A text that is sent twice, and another.
      return {ToSend(Kind::kDebit, "text-1", 30), ToSend(Kind::kDebit, "text-1", 30),
              ToSend(Kind::kDebit, "text-2", 25)};
  }
}

// One order, with one crash.
class OrderedRun {
 public:
  explicit OrderedRun(OnCrash on_crash)
      : on_crash_(std::move(on_crash)),
        model_(absl::Hours(1)),
        machine_({.request_window = absl::Hours(1), .expiry_warning = absl::Seconds(10)},
                 absl::FromUnixSeconds(1'767'225'600)) {}

  // Returns what is wrong; empty where nothing is.
  std::string Run(const std::string& order, size_t crash_after) {
    Start();
    Send(ToSend(Operation::Kind::kOpen, "open", 0));
    Send(ToSend(Operation::Kind::kCredit, "paid", 100));
    std::array<std::vector<Operation>, kClients> left;
    std::array<EntryId, kClients> holds{};
    for (size_t client = 0; client < kClients; ++client) left[client] = ScriptOf(client);

    for (size_t step = 1; step <= order.size(); ++step) {
      const auto client = static_cast<size_t>(order[step - 1] - 'A');
      Operation operation = left[client].front();
      left[client].erase(left[client].begin());
      operation.subject = holds[client];
      EntryId answered = Send(operation);
      if (step == crash_after) {
        Crash();
        const EntryId again = Send(operation);
        if (again != answered) Fail("is answered with another entry after the crash");
        answered = again;
      }
      // A refused one as well: the client goes on with what there is not.
      if (operation.kind == Operation::Kind::kHold) holds[client] = answered;
    }
    Verify();
    if (problem_.empty()) return "";
    return absl::StrCat(order, ", crash after ", crash_after, ": ", problem_);
  }

  int64_t balance() const { return model_.FindAccount("shared")->balance; }

 private:
  // The entry of the answer; 0 where there is none.
  EntryId Send(const Operation& operation) {
    if (!problem_.empty()) return 0;
    machine_.clock().Advance(absl::Seconds(1));
    model_.BeginBatch(machine_.clock().Now());
    const Model::Answer expected = model_.Apply(operation);
    const Command command = CommandOf(operation);
    const absl::Span<const Command> submission(&command, 1);
    CommitResult result = machine_.Commit({submission});
    if (!result.status.ok()) Fail(result.status.ToString());
    Fail(CompareBatch(result.entries, model_));
    Fail(CheckTaken(result.entries));
    const std::vector<Outcome> outcomes = result.TakeOutcomes(1);
    Fail(CompareOutcome(outcomes[0], expected));
    Fail(CompareBooks(machine_.engine().books(), model_));
    return outcomes[0].entry.id;
  }

  void Crash() {
    machine_.Crash();
    on_crash_(&machine_.disk());
    Start();
  }

  void Start() {
    model_.Start(machine_.clock().Now());
    const absl::Status status = machine_.Restart({});
    if (!status.ok()) return Fail(absl::StrCat("does not start: ", status.ToString()));
    Fail(CompareBooks(machine_.engine().books(), model_));
    Verify();
  }

  void Verify() {
    if (!problem_.empty()) return;
    const absl::StatusOr<std::unique_ptr<JournalReader>> reader = machine_.journal().NewReader();
    const absl::StatusOr<VerifyReport> report = VerifyJournal(reader->get());
    if (!report.ok()) return Fail(report.status().ToString());
    Fail(CompareReport(*report, model_));
    if (report->head != machine_.engine().head()) Fail("the chain ends in another batch");
  }

  // The first problem is kept.
  void Fail(const std::string& problem) {
    if (problem_.empty()) problem_ = problem;
  }

  const OnCrash on_crash_;
  Model model_;
  Machine machine_;
  std::string problem_;
};

struct OrdersReport {
  int cases = 0;
  std::vector<std::string> problems;
  // What is left at the end.
  std::set<int64_t> balances;
};

OrdersReport RunAllOrders(size_t crashes_of_an_order, const OnCrash& on_crash) {
  OrdersReport report;
  std::string order = kFirstOrder;
  size_t number = 0;
  do {
    for (size_t i = 0; i < crashes_of_an_order; ++i) {
      OrderedRun run(on_crash);
      // In turn, where an order has fewer crashes than requests.
      std::string problem = run.Run(order, 1 + (number + i) % kRequests);
      ++report.cases;
      if (problem.empty()) {
        report.balances.insert(run.balance());
      } else {
        report.problems.push_back(std::move(problem));
      }
    }
    ++number;
  } while (std::next_permutation(order.begin(), order.end()));
  return report;
}

TEST(RequestOrders, AllEndAsTheModelSaysWhereverACrashComes) {
  const OrdersReport report = RunAllOrders(kCrashesOfAnOrder, [](MemoryDisk*) {});

  EXPECT_EQ(report.cases, kOrders * static_cast<int>(kCrashesOfAnOrder));
  EXPECT_THAT(report.problems, IsEmpty());
  // Who comes first gets the money: all that can be left, as counted by hand.
  EXPECT_THAT(report.balances, ElementsAre(0, 5, 10, 25, 35, 45, 50));
}

// The orders have teeth: in each a batch that was written and is lost is noticed.
TEST(RequestOrders, NoticeALostBatch) {
  const auto lose_newest = [](MemoryDisk* disk) {
    const std::vector<BatchHead> heads = disk->heads();
    const BatchHead& newest = heads.back();
    for (EntryId id = newest.first; id <= newest.last; ++id) disk->EraseEntry(id);
    disk->EraseHead(newest.number);
  };

  const OrdersReport report = RunAllOrders(1, lose_newest);

  EXPECT_EQ(report.cases, kOrders);
  EXPECT_THAT(report.problems, SizeIs(kOrders));
}

}  // namespace
}  // namespace farebox::simulation
