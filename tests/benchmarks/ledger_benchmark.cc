// How many durable commands a second the engine takes on the embedded journal, without any RPC.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "storage/ledger.h"
#include "storage/mutex.h"
#include "storage/sqlite/sqlite_journal.h"
#include "tests/support/temporary_directory.h"

namespace farebox {
namespace {

constexpr int kAccounts = 10'000;

// A ledger in a directory of its own, with rich accounts.
class BenchmarkLedger {
 public:
  explicit BenchmarkLedger(int accounts) {
    auto journal = sqlite::SqliteJournal::Open({.directory = directory_.path(), .clock = &clock_});
    FAREBOX_CHECK(journal.ok());
    journal_ = *std::move(journal);
    auto ledger = Ledger::Open({}, journal_.get(), &clock_);
    FAREBOX_CHECK(ledger.ok());
    ledger_ = *std::move(ledger);
    for (int i = 0; i < accounts; i += 1000) Open(i, std::min(accounts, i + 1000));
  }

  // Submits and waits.
  std::vector<Outcome> Apply(std::vector<Command> commands) {
    Mutex mu;
    CondVar answered;
    bool done = false;
    std::vector<Outcome> answer;
    ledger_->Submit(std::move(commands), [&](std::vector<Outcome> outcomes) {
      MutexLock lock(&mu);
      answer = std::move(outcomes);
      done = true;
      answered.SignalOne();
    });
    MutexLock lock(&mu);
    while (!done) answered.Wait(&mu);
    return answer;
  }

  Ledger& ledger() { return *ledger_; }

 private:
  void Open(int from, int to) {
    std::vector<Command> opens;
    std::vector<Command> credits;
    for (int i = from; i < to; ++i) {
      const std::string id = absl::StrCat("account-", i);
      opens.push_back({.account_id = id, .request_id = "open", .action = OpenAccount{}});
      credits.push_back({.account_id = id,
                         .request_id = "credit",
                         .action = Credit{.amount = Micros(1'000'000'000'000)}});
    }
    Apply(std::move(opens));
    Apply(std::move(credits));
  }

  const SystemClock clock_;
  const testing::TemporaryDirectory directory_;
  std::unique_ptr<sqlite::SqliteJournal> journal_;
  std::unique_ptr<Ledger> ledger_;
};

std::vector<Command> MakeDebits(int count, int64_t* next) {
  std::vector<Command> debits(static_cast<size_t>(count));
  for (Command& debit : debits) {
    const int64_t index = (*next)++;
    debit.account_id = absl::StrCat("account-", (index * 7919) % kAccounts);
    debit.request_id = absl::StrCat("01890000-0000-7000-8000-", absl::Dec(index, absl::kZeroPad12));
    debit.fingerprint = static_cast<uint64_t>(index);
    debit.action = Debit{.item = 6, .charge = {.amount = Micros(7500)}};
  }
  return debits;
}

// Batches of range(0) debits; two are in flight, so that one is decided while one is answered.
void BM_DurableDebits(benchmark::State& state) {
  BenchmarkLedger ledger(kAccounts);
  const int count = static_cast<int>(state.range(0));
  int64_t next = 0;
  Mutex mu;
  CondVar answered;
  int in_flight = 0;
  for (auto _ : state) {
    std::vector<Command> debits = MakeDebits(count, &next);
    {
      MutexLock lock(&mu);
      while (in_flight == 2) answered.Wait(&mu);
      ++in_flight;
    }
    ledger.ledger().Submit(std::move(debits), [&](std::vector<Outcome> outcomes) {
      FAREBOX_CHECK(outcomes[0].status.ok());
      MutexLock lock(&mu);
      --in_flight;
      answered.SignalOne();
    });
  }
  MutexLock lock(&mu);
  while (in_flight > 0) answered.Wait(&mu);
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(BM_DurableDebits)->Arg(1)->Arg(64)->Arg(256)->Arg(1000)->UseRealTime();

}  // namespace
}  // namespace farebox

BENCHMARK_MAIN();
