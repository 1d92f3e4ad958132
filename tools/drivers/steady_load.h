#ifndef FAREBOX_TOOLS_DRIVERS_STEADY_LOAD_H_
#define FAREBOX_TOOLS_DRIVERS_STEADY_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "client/cpp/retry.h"
#include "farebox/v1/billing.pb.h"
#include "storage/clock.h"
#include "tools/drivers/client_billing.h"
#include "tools/drivers/inbox.h"

namespace farebox::drivers {

struct SteadyOptions {
  int accounts = 1000;
  // Calls to the server a second; 0: a new one for each that has ended, `calls_at_once`.
  double rate = 0;
  size_t calls_at_once = 256;
  absl::Duration duration = absl::Seconds(10);
  // How long a call is repeated under its request id before it counts as never answered.
  absl::Duration patience = absl::Seconds(60);
  // Of the changes: asked for once more after the answer, which must be the same.
  int repeat_per_mille = 10;
  // Holds are settled or released after this time, on average.
  absl::Duration talk = absl::Seconds(2);
};

// What is asked for.
enum class SteadyKind {
  kAuthorize,
  kReauthorize,
  kSettle,
  kRelease,
  kText,
  kTexts,  // Some of them, as ApplyBatch.
  kCredit,
  kBalance,
};
inline constexpr size_t kSteadyKinds = 8;
const char* NameOf(SteadyKind kind);

// How often something took how long: buckets that are each 2 % wider than the one before.
struct LatencyCounts {
  std::map<int, int64_t> buckets;  // Number n ends at 2^((n + 1) / 32) microseconds.
  int64_t max_micros = 0;

  void Add(absl::Duration latency);
};

// What a run saw.
struct SteadyResult {
  // By kind and what was said: "OK", "denied NO_RATE", "refused HOLD_ENDED", "never answered".
  std::map<std::pair<SteadyKind, std::string>, int64_t> outcomes;
  // Attempts that failed and were followed by another, or were the last: by tenths of a Unix
  // second, kind and code.
  std::map<std::tuple<int64_t, SteadyKind, std::string>, int64_t> errors;
  // Of the calls that began in a Unix second, from when they were due to their answer.
  std::map<std::pair<int64_t, SteadyKind>, LatencyCounts> latencies;
  int64_t answered = 0;
  int64_t repeated_after_errors = 0;  // Changes, each however often it was repeated.
  int64_t repeated_on_purpose = 0;
  int64_t replayed = 0;
  // Answers to a repeated request that were not the first answer again.
  std::vector<std::string> different_answers;
  double seconds = 0;
  // Answered a second while calls were begun, without what ended after that.
  double per_second = 0;

  int64_t opening_micros = 0;  // All balances before the run.
  int64_t credited_micros = 0;
  int64_t charged_micros = 0;
  int64_t end_micros = 0;  // All balances after it.
  // Accounts that have another balance than what was told of them adds up to, or a hold.
  std::vector<std::string> problems;
};

// Calls, texts, credits and reads at a steady rate, on accounts of its own, while the server may be
// stopped, killed and started: whatever has no answer is repeated under its request id until it has
// one. Then every account must have what its callers were told. All decisions are taken on the
// thread that calls it. Thread-compatible.
class SteadyLoad {
 public:
  // Who makes what; all outlive it. None of them repeats anything by itself but `admin`.
  struct Clients {
    client::Client* router = nullptr;
    client::Client* gateway = nullptr;
    client::Client* support = nullptr;
    client::Client* admin = nullptr;
  };

  SteadyLoad(SteadyOptions options, const Clients& clients, const Clock* clock);

  // Makes the deck and the accounts, where they are not there.
  absl::Status Prepare();
  // Plays, and checks the books.
  absl::Status Run();
  const SteadyResult& result() const { return result_; }

 private:
  struct Task {
    SteadyKind kind = SteadyKind::kBalance;
    size_t account = 0;
    v1::Operation operation;
    v1::ApplyBatchRequest batch;  // Of kTexts.
    absl::Time due;               // The first time.
    bool has_failed = false;
    bool is_repeated = false;  // On purpose; `first` is set.
    uint64_t first = 0;        // The answer's fingerprint.
    std::optional<client::Backoff> backoff;
  };
  // What came of an attempt.
  struct Answer {
    size_t task = 0;
    absl::Status status;
    v1::OperationResult result;
    v1::ApplyBatchResponse batch;
  };
  struct Due {
    absl::Time at;
    size_t task = 0;
    friend bool operator>(const Due& a, const Due& b) { return a.at > b.at; }
  };

  void Start(absl::Time due);
  size_t Add(Task task);
  void Fill(Task* task);
  void FillText(v1::Operation* operation, size_t account);
  void Send(size_t index);
  void SendReady();
  void Handle(const Answer& answer);
  void Fail(size_t index, const absl::Status& status);
  void Conclude(size_t index, const Answer& answer);
  void ConcludeOperation(const Task& task, const v1::OperationResult& result);
  void GoOn(const Task& task, int64_t hold_id, int64_t granted_seconds, int64_t used_seconds);
  void CompareReplay(const Task& task, const Answer& answer);
  void Book(size_t account, int64_t amount_micros);
  void Count(SteadyKind kind, const std::string& outcome);
  int64_t Random(int64_t below);
  double RandomTime(double mean);
  absl::Status ReadBalance(size_t account, v1::GetBalanceResponse* balance);
  absl::Status ReadStart();
  absl::Status CheckBooks();

  const SteadyOptions options_;
  const Clients clients_;
  const Clock* const clock_;
  UnaryBilling router_;
  UnaryBilling gateway_;
  UnaryBilling support_;
  Inbox<Answer> inbox_;

  std::mt19937_64 random_;
  absl::flat_hash_map<size_t, std::unique_ptr<Task>> tasks_;
  size_t next_task_ = 0;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> waiting_;
  std::deque<size_t> ready_;
  size_t in_flight_ = 0;
  absl::Time end_;
  // By account: what it had, and what it was told since.
  std::vector<int64_t> opening_;
  std::vector<int64_t> told_;
  SteadyResult result_;
};

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_STEADY_LOAD_H_
