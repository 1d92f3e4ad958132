#include "tests/end_to_end/faulty_server.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/support/await.h"

namespace farebox {

void FaultyServer::Begin(const Setting& setting) {
  server_ = std::make_unique<testing::ServerProcess>(testing::ServerProcess::Options{
      .binary = FAREBOX_SERVER_BINARY,
      .data_directory = absl::StrCat(directory_.path(), "/", setting.place, "ledger"),
      .more_arguments = setting.arguments,
      .environment = disk_.environment()});
  ASSERT_EQ(server_->Start(), absl::OkStatus());
  load_ = std::make_unique<testing::ServerLoad>(testing::ServerLoad::Options{
      .address = server_->address(), .callers = setting.callers, .patience = setting.patience});
  ASSERT_EQ(load_->Prepare(), absl::OkStatus());
  load_->Start();
  ASSERT_TRUE(AwaitAcknowledged(100));
}

void FaultyServer::TearDown() {
  if (load_ == nullptr) return;
  disk_.Heal();
  if (!server_->is_running()) {
    ASSERT_EQ(server_->Start(), absl::OkStatus());
  }
  load_->Stop();
  for (const history::Violation& violation : load_->FindViolations()) {
    ADD_FAILURE() << violation.sentence;
  }
  EXPECT_GT(load_->entries_checked(), 100);
}

std::vector<std::string> FaultyServer::ErrorsBut(const std::vector<std::string>& expected) {
  std::vector<std::string> others;
  for (const auto& [error, count] : load_->log().tally().errors) {
    // What is refused for good has nothing to do with the disk.
    if (error == "9 INSUFFICIENT_BALANCE") continue;
    if (std::find(expected.begin(), expected.end(), error) == expected.end()) {
      others.push_back(error);
    }
  }
  return others;
}

bool FaultyServer::AwaitAcknowledged(int64_t more) {
  const int64_t enough = Acknowledged() + more;
  return testing::Await([&] { return Acknowledged() >= enough; });
}

absl::Duration FaultyServer::ReadTimeP80() {
  constexpr size_t kRounds = 25;
  load_->log().ResetTally();
  for (size_t i = 0; i < kRounds; ++i) load_->ReadBalances();
  std::vector<absl::Duration> times = load_->log().tally().read_times;
  // The callers read now and then, too.
  EXPECT_GE(times.size(), kRounds * load_->account_ids().size());
  if (times.empty()) return absl::InfiniteDuration();
  std::sort(times.begin(), times.end());
  return times[times.size() * 4 / 5];
}

}  // namespace farebox
