// How many plain debits a second the embedded journal makes durable, by entries a commit, number
// of accounts and with or without the derived file; and how fast it is read.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "storage/account_terms.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "storage/sqlite/sqlite_journal.h"
#include "tests/support/temporary_directory.h"

namespace farebox::sqlite {
namespace {

// BENCH_DIR chooses the disk.
std::string ChosenParent() {
  const char* const chosen = std::getenv("BENCH_DIR");
  return chosen != nullptr ? chosen : std::filesystem::temp_directory_path().string();
}

// A journal in a directory of its own, with as many accounts as asked for.
class BenchmarkJournal {
 public:
  BenchmarkJournal(int accounts, bool derive) : previous_(accounts + 1), balance_(accounts + 1) {
    auto journal =
        SqliteJournal::Open({.directory = directory_.path(), .derive = derive, .clock = &clock_});
    FAREBOX_CHECK(journal.ok());
    journal_ = *std::move(journal);
    OpenAccounts(accounts);
  }

  // The next debit of the batch at hand: what one by the server looks like, with a UUIDv7 and the
  // tariff that was matched.
  void Debit(AccountNumber account, Entry* entry) {
    const int64_t amount = 4'500 + account % 1'000;
    balance_[account] -= amount;
    entry->id = ++last_;
    entry->account = account;
    entry->previous = std::exchange(previous_[account], entry->id);
    entry->time = now_;
    entry->kind = EntryKind::kDebit;
    entry->item = 2;
    entry->amount = Micros(-amount);
    entry->balance = Micros(balance_[account]);
    entry->request_id = absl::StrFormat("018c2b3a-%04x-7%03x-8%03x-%012x", last_ >> 16 & 0xffff,
                                        last_ & 0xfff, last_ >> 4 & 0xfff, last_);
    entry->fingerprint = static_cast<uint64_t>(last_) * 0x9e3779b97f4a7c15;
    entry->detail.clear();
  }

  absl::Status Append(const std::vector<Entry>& entries) {
    BatchHead head = journal_->Head();
    ++head.number;
    head.first = entries.front().id;
    head.last = entries.back().id;
    head.time = now_;
    now_ += absl::Microseconds(100);
    journal_->WaitForDerived();
    return journal_->Append(head, entries);
  }

  SqliteJournal& journal() { return *journal_; }
  EntryId last() const { return last_; }
  EntryId newest_of(AccountNumber account) const { return previous_[account]; }

 private:
  void OpenAccounts(int accounts) {
    constexpr int kBatch = 10'000;
    std::vector<Entry> entries;
    for (int number = 1; number <= accounts; ++number) {
      Entry& entry = entries.emplace_back();
      entry.id = ++last_;
      entry.account = number;
      entry.time = now_;
      entry.kind = EntryKind::kAccountOpened;
      entry.detail =
          EncodeAccountRecord({.account_id = absl::StrCat("account-", number), .open_time = now_});
      entry.balance = Micros(balance_[number] = 1'000'000'000);
      previous_[number] = entry.id;
      if (entries.size() < kBatch && number < accounts) continue;
      FAREBOX_CHECK(Append(entries).ok());
      entries.clear();
    }
  }

  const SystemClock clock_;
  const testing::TemporaryDirectory directory_{ChosenParent()};
  std::unique_ptr<SqliteJournal> journal_;
  EntryId last_ = 0;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::vector<EntryId> previous_;
  std::vector<int64_t> balance_;
};

// range(0): entries a commit; range(1): accounts; range(2): with the derived file.
void BM_Append(benchmark::State& state) {
  const auto accounts = static_cast<int>(state.range(1));
  BenchmarkJournal bench(accounts, state.range(2) != 0);
  std::mt19937 random(1);
  std::uniform_int_distribution<AccountNumber> any_account(1, accounts);
  std::vector<Entry> entries(static_cast<size_t>(state.range(0)));
  const int64_t bytes_before = bench.journal().Stats().journal_bytes;
  const EntryId last_before = bench.last();
  std::vector<double> commit_micros;
  for (auto _ : state) {
    state.PauseTiming();
    for (Entry& entry : entries) bench.Debit(any_account(random), &entry);
    state.ResumeTiming();
    const absl::Time start = absl::Now();
    FAREBOX_CHECK(bench.Append(entries).ok());
    commit_micros.push_back(absl::ToDoubleMicroseconds(absl::Now() - start));
  }
  const JournalStats stats = bench.journal().Stats();
  const auto appended = static_cast<double>(bench.last() - last_before);
  std::sort(commit_micros.begin(), commit_micros.end());
  state.SetItemsProcessed(static_cast<int64_t>(appended));
  state.counters["bytes/entry"] =
      static_cast<double>(stats.journal_bytes - bytes_before) / appended;
  state.counters["p99_us"] = commit_micros[commit_micros.size() * 99 / 100];
  state.counters["max_us"] = commit_micros.back();
  state.counters["lag"] = static_cast<double>(bench.last() - stats.derived_through);
  state.counters["derived_MB"] = static_cast<double>(stats.derived_bytes) / 1e6;
}
BENCHMARK(BM_Append)
    ->ArgNames({"commit", "accounts", "derive"})
    ->ArgsProduct({{1, 16, 64, 256, 512, 1000, 4096}, {100'000}, {0}})
    ->ArgsProduct({{256, 1000}, {100'000, 1'000'000}, {1}})
    ->MinTime(3)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

constexpr int kReadAccounts = 100'000;
constexpr int kReadEntries = 2'000'000;

// One journal for all that only read.
BenchmarkJournal& ReadJournal() {
  static BenchmarkJournal* const bench = [] {
    auto* const made = new BenchmarkJournal(kReadAccounts, true);
    std::mt19937 random(1);
    std::uniform_int_distribution<AccountNumber> any_account(1, kReadAccounts);
    std::vector<Entry> entries(10'000);
    while (made->last() < kReadEntries) {
      for (Entry& entry : entries) made->Debit(any_account(random), &entry);
      FAREBOX_CHECK(made->Append(entries).ok());
    }
    return made;
  }();
  return *bench;
}

void BM_ScanAll(benchmark::State& state) {
  BenchmarkJournal& bench = ReadJournal();
  const auto reader = *bench.journal().NewReader();
  int64_t count = 0;
  for (auto _ : state) {
    const auto visit = [&count](const Entry&) { return ++count != 0; };
    FAREBOX_CHECK(reader->Scan(1, std::numeric_limits<EntryId>::max(), visit).ok());
  }
  state.SetItemsProcessed(count);
}
BENCHMARK(BM_ScanAll)->Unit(benchmark::kMillisecond);

// A page of 20 entries of some account, from the newest or from the middle of the journal.
void BM_AccountPage(benchmark::State& state) {
  BenchmarkJournal& bench = ReadJournal();
  const auto reader = *bench.journal().NewReader();
  std::mt19937 random(2);
  std::uniform_int_distribution<AccountNumber> any_account(1, kReadAccounts);
  for (auto _ : state) {
    const AccountNumber account = any_account(random);
    const EntryId newest = bench.newest_of(account);
    int count = 0;
    const auto visit = [&count](const Entry&) { return ++count < 20; };
    FAREBOX_CHECK(reader
                      ->ScanAccount({.account = account,
                                     .newest = newest,
                                     .from = state.range(0) != 0 ? kReadEntries / 2 : newest},
                                    visit)
                      .ok());
  }
}
BENCHMARK(BM_AccountPage)->ArgName("from_middle")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void BM_ReadOne(benchmark::State& state) {
  BenchmarkJournal& bench = ReadJournal();
  const auto reader = *bench.journal().NewReader();
  std::mt19937 random(3);
  std::uniform_int_distribution<EntryId> any_entry(1, kReadEntries);
  for (auto _ : state) benchmark::DoNotOptimize(reader->Read(any_entry(random)));
}
BENCHMARK(BM_ReadOne);

}  // namespace
}  // namespace farebox::sqlite

BENCHMARK_MAIN();
