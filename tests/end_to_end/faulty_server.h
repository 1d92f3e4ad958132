#ifndef FAREBOX_TESTS_END_TO_END_FAULTY_SERVER_H_
#define FAREBOX_TESTS_END_TO_END_FAULTY_SERVER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/support/disk_faults.h"
#include "tests/support/server_load.h"
#include "tests/support/server_process.h"

namespace farebox {

// The real server, busy, on a disk that fails when it is told to. When a test is over, all that its
// callers were told is judged by the journal.
class FaultyServer : public ::testing::Test {
 protected:
  // What callers see of a batch whose outcome is not known, of one that did not fit on the disk,
  // and of a queue that is full.
  static constexpr char kStorageFailed[] = "14 STORAGE_FAILED with RetryInfo";
  static constexpr char kStorageFull[] = "14 STORAGE_FULL with RetryInfo";
  static constexpr char kOverloaded[] = "8 OVERLOADED with RetryInfo";
  // What those see who call while a server ends.
  static constexpr char kShuttingDown[] = "14 SHUTTING_DOWN with RetryInfo";
  static constexpr char kNoConnection[] = "14";

  struct Setting {
    std::vector<std::string> arguments;
    int callers = 6;
    // Below directory(), where it is not there itself.
    std::string place;
    // Of a caller, before it asks again.
    absl::Duration patience = absl::Seconds(2);
  };

  // Starts a server and callers.
  void Begin(const Setting& setting);
  void Begin() { Begin(Setting()); }

  void TearDown() override;

  // Acknowledged so far, for the first time or again.
  int64_t Acknowledged() { return load_->log().tally().acknowledged + Replayed(); }
  int64_t Replayed() { return load_->log().tally().replayed; }
  int64_t CountOf(const std::string& error) { return load_->log().tally().errors[error]; }
  // The errors that callers saw and that are not one of these.
  std::vector<std::string> ErrorsBut(const std::vector<std::string>& expected);

  // Waits until the callers have so many more acknowledgements.
  bool AwaitAcknowledged(int64_t more);
  // Within which time four in five of some 200 reads of balances are answered: one in eight opens a
  // connection first. All of them must be answered.
  absl::Duration ReadTimeP80();

  const testing::TemporaryDirectory directory_;
  testing::DiskFaults disk_{FAREBOX_FAILING_DISK, directory_.path()};
  std::unique_ptr<testing::ServerProcess> server_;
  std::unique_ptr<testing::ServerLoad> load_;
};

}  // namespace farebox

#endif  // FAREBOX_TESTS_END_TO_END_FAULTY_SERVER_H_
