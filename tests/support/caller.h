#ifndef FAREBOX_TESTS_SUPPORT_CALLER_H_
#define FAREBOX_TESTS_SUPPORT_CALLER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "storage/mutex.h"
#include "tests/support/history_check.h"

namespace farebox::testing {

// What callers were told, in numbers.
struct CallTally {
  int64_t sent = 0;
  // Changes that were acknowledged, without those that were `replayed`.
  int64_t acknowledged = 0;
  int64_t replayed = 0;
  // Refused for good, such as for want of money.
  int64_t refused = 0;
  // No answer, or only one that says to try again.
  int64_t unanswered = 0;
  // How often each error was seen, as "14 STORAGE_FAILED with RetryInfo"; one without details is
  // the transport's: "14".
  std::map<std::string, int64_t> errors;
  // The shortest that any change took from being sent to being acknowledged for the first time.
  absl::Duration quickest = absl::InfiniteDuration();
  // How long each read took that was answered.
  std::vector<absl::Duration> read_times;
};

// What all callers saw. Thread-safe.
class CallLog {
 public:
  void Add(history::Operation operation);
  void Add(history::Read read);
  void CountError(const std::string& error);

  CallTally tally() const;
  // Forgets the figures, not the history.
  void ResetTally();
  // Everything seen so far.
  history::History history() const;

 private:
  mutable Mutex mu_;
  CallTally tally_ ABSL_GUARDED_BY(mu_);
  std::vector<history::Operation> operations_ ABSL_GUARDED_BY(mu_);
  std::vector<history::Read> reads_ ABSL_GUARDED_BY(mu_);
};

// A call router and SMS gateway in one: debits, credits, whole calls (Authorize, Reauthorize,
// interim settlements, Debit or Release) and batches of them, one after the other, each repeated
// under its request ids until it is answered for good. Used by one thread.
class Caller {
 public:
  struct Options {
    std::string address;
    // Told apart from other callers by this.
    int number = 0;
    uint64_t seed = 0;
    std::vector<std::string> account_ids;
    // How long it waits for one answer before it asks again.
    absl::Duration patience = absl::Seconds(2);
  };
  // Both outlive it. What is asked when `is_abandoned` is set is not asked again.
  Caller(Options options, CallLog* log, const std::atomic<bool>* is_abandoned);

  // One debit, credit, call or batch, to its end.
  void Act();

  // One balance.
  void Read(const std::string& account_id);

 private:
  v1::Operation MakeDebit();
  v1::Operation MakeCredit();
  v1::Operation MakeAuthorize();
  v1::Operation MakeReauthorize(const std::string& account_id, int64_t hold_id);
  v1::Operation MakeSettle(const std::string& account_id, int64_t hold_id, bool is_final);
  v1::Operation MakeRelease(const std::string& account_id, int64_t hold_id);
  v1::Operation MakeEnd(const std::string& account_id, int64_t hold_id);

  void MakeCall();
  void MakeBatch();

  // Sends until every operation has an answer for good; one alone as a call of its own, several as
  // a batch. Nothing where it was abandoned.
  std::vector<v1::OperationResult> Ask(const std::vector<v1::Operation>& operations);
  std::vector<v1::OperationResult> Send(const std::vector<v1::Operation>& operations);
  v1::OperationResult SendAlone(const v1::Operation& operation);
  // Logs one sending and returns whether it was answered for good.
  bool Note(const v1::Operation& operation, const v1::OperationResult& result, int64_t sent_at,
            int64_t answered_at);

  uint64_t Draw(uint64_t below) { return random_() % below; }
  const std::string& AnyAccount();
  std::string NextRequestId();

  const Options options_;
  CallLog& log_;
  const std::atomic<bool>& is_abandoned_;
  std::mt19937_64 random_;
  const std::unique_ptr<v1::BillingService::Stub> stub_;
  int64_t next_request_ = 0;
};

// A connection of its own, which comes back quickly when the server does.
std::shared_ptr<grpc::Channel> ConnectTo(const std::string& address);

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_SUPPORT_CALLER_H_
