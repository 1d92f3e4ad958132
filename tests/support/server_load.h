#ifndef FAREBOX_TESTS_SUPPORT_SERVER_LOAD_H_
#define FAREBOX_TESTS_SUPPORT_SERVER_LOAD_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "tests/support/caller.h"
#include "tests/support/history_check.h"

namespace farebox::testing {

// Callers that keep a server busy while something is done to it, and the judgement afterwards:
// whether all that they were told and all that the journal says can be true. Thread-compatible.
class ServerLoad {
 public:
  struct Options {
    std::string address;
    int callers = 6;
    int accounts = 8;
    int64_t opening_micros = 1'000'000;
    uint64_t seed = 1;
    // How long a caller waits for one answer before it asks again.
    absl::Duration patience = absl::Seconds(2);
  };

  explicit ServerLoad(Options options);
  // Abandons what is not answered.
  ~ServerLoad();
  ServerLoad(const ServerLoad&) = delete;
  ServerLoad& operator=(const ServerLoad&) = delete;

  // Opens the accounts and pays money in. Once.
  absl::Status Prepare();
  // Opens one more account, like theirs, for the test's own use. Returns the entry of its credit.
  absl::StatusOr<int64_t> OpenAccount(const std::string& account_id);

  // Has the callers begin.
  void Start();
  // Has them end, each when its last request is answered: somebody must be there to answer.
  void Stop();

  // Reads all balances once, into the history.
  void ReadBalances();
  // Reads the journal: what is in it now must be there in the end.
  absl::Status RememberJournal();

  // With the callers stopped: everything that cannot be true. Empty where nothing was lost, doubled
  // or overspent and the journal verifies.
  std::vector<history::Violation> FindViolations();

  CallLog& log() { return log_; }
  const std::vector<std::string>& account_ids() const { return account_ids_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // Entries of these accounts that FindViolations has read.
  int64_t entries_checked() const { return entries_checked_; }

 private:
  absl::Status ImportDeck();
  absl::Status ReadJournal(std::vector<history::Entry>* entries);
  absl::Status ReadJournalOf(const std::string& account_id, std::vector<history::Entry>* entries);
  absl::Status ReadEndBalances();
  absl::Status Verify();
  Caller::Options CallerOptions(int number) const;

  const Options options_;
  const std::shared_ptr<grpc::Channel> channel_;
  std::vector<std::string> account_ids_;
  std::map<std::string, history::Account> accounts_;
  std::vector<history::Entry> earlier_entries_;
  int64_t entries_checked_ = 0;
  // What the callers of the next Start are numbered from: request ids are not used twice.
  int next_caller_ = 0;

  CallLog log_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_abandoned_{false};
  std::vector<std::thread> threads_;
};

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_SUPPORT_SERVER_LOAD_H_
