// One server leaves the ledger to the next while callers are busy.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "tests/end_to_end/busy_callers.h"
#include "tests/support/await.h"
#include "tests/support/server_load.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace farebox {
namespace {

using testing::ServerLoad;
using testing::ServerProcess;

constexpr char kAccount[] = "busy";

class HandOverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteSettings("");
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    // Callers wait for as long as a busy machine needs.
    load_ = std::make_unique<ServerLoad>(
        ServerLoad::Options{.address = server_.address(), .patience = absl::Seconds(20)});
    ASSERT_EQ(load_->Prepare(), absl::OkStatus());
    ASSERT_TRUE(load_->OpenAccount(kAccount).ok());
    load_->Start();
  }

  // Read by every process that starts.
  void WriteSettings(const std::string& settings) { std::ofstream(settings_path_) << settings; }

  int CountInLog(absl::string_view event) const {
    const std::string log = server_.Log();
    const std::vector<absl::string_view> parts = absl::StrSplit(log, event);
    return static_cast<int>(parts.size()) - 1;
  }

  ::testing::AssertionResult AwaitInLog(absl::string_view event, int count = 1) const {
    const bool is_there = testing::Await([&] { return CountInLog(event) >= count; });
    if (!is_there) return ::testing::AssertionFailure() << server_.Log();
    return ::testing::AssertionSuccess();
  }

  // Nothing is lost, doubled or overspent, and the server stops well.
  void ExpectAllWell() {
    ASSERT_EQ(server_.AwaitConnection(), absl::OkStatus());
    load_->Stop();
    for (const history::Violation& violation : load_->FindViolations()) {
      ADD_FAILURE() << violation.sentence;
    }
    EXPECT_GT(load_->log().tally().acknowledged, 0);
    // A connection that nobody looks at would be waited for.
    load_.reset();
    EXPECT_EQ(server_.Terminate(), 0) << server_.Log();
  }

  const testing::TemporaryDirectory directory_;
  const std::string settings_path_ = absl::StrCat(directory_.path(), "/settings.toml");
  ServerProcess server_{{.binary = FAREBOX_SERVER_BINARY,
                         .data_directory = absl::StrCat(directory_.path(), "/data"),
                         .more_arguments = {"--config", settings_path_}}};
  std::unique_ptr<ServerLoad> load_;
};

TEST_F(HandOverTest, CallersWaitAMomentAndNothingFails) {
  constexpr int kHandOvers = 5;
  std::optional<BusyCallers> callers;
  callers.emplace(BusyCallers::Options{.address = server_.address(),
                                       .account_ids = {kAccount},
                                       .callers = 50,
                                       .timeout = absl::Seconds(20),
                                       .pause_max = absl::Milliseconds(500)});

  for (int i = 0; i < kHandOvers; ++i) {
    ASSERT_EQ(server_.HandOver(), absl::OkStatus());
    ASSERT_EQ(server_.AwaitConnection(), absl::OkStatus());
    ASSERT_EQ(load_->RememberJournal(), absl::OkStatus());
    callers->AwaitCalls(100);
    const BusyCallers::Report report = callers->TakeReport();
    EXPECT_EQ(report.failures, 0) << report.first_failure;
    EXPECT_LT(report.longest_silence, absl::Seconds(1));
    std::cout << "the longest of " << report.calls << " calls: " << report.longest
              << ", nobody was answered for " << report.longest_silence << "\n";
  }

  callers.reset();
  ExpectAllWell();
  EXPECT_EQ(CountInLog("handed_over"), kHandOvers);
  EXPECT_EQ(CountInLog("read_beforehand=yes"), kHandOvers);
}

TEST_F(HandOverTest, ARequestIsTakenOnceOverTheChange) {
  auto client = std::make_unique<client::Client>(
      client::ClientOptions{.target = server_.address(), .timeout = absl::Seconds(20)});
  v1::DebitRequest request;
  request.set_account_id(kAccount);
  request.set_request_id("before-and-after");
  request.set_amount_micros(1);
  request.set_item(v1::ITEM_ADJUSTMENT);
  const auto before = client->Debit(request);
  ASSERT_EQ(before.status(), absl::OkStatus());

  ASSERT_EQ(server_.HandOver(), absl::OkStatus());
  const auto after = client->Debit(request);

  ASSERT_EQ(after.status(), absl::OkStatus());
  EXPECT_TRUE(after->replayed());
  EXPECT_EQ(after->entry().entry_id(), before->entry().entry_id());
  client.reset();
  ExpectAllWell();
}

TEST_F(HandOverTest, ASuccessorThatCannotStartChangesNothing) {
  const struct {
    std::string settings;
    std::string said;
  } kMistakes[] = {
      {"no-such-setting = 1\n", "parse no-such-setting"},
      {"payments = \"stripe\"\nstripe-key-file = \"/no/such/file\"\n", "/no/such/file"},
      {"backup-directory = \"/no/such/directory\"\n", "/no/such/directory"},
      {"access = \"keys\"\n", "no key of an admin"},
      {"access = \"keys\"\nadmin-key-file = \"/no/such/file\"\n", "/no/such/file: No such"},
      {"http-listen = \"203.0.113.1:1\"\ninsecure-listen-anywhere = true\n",
       "cannot listen on 203.0.113.1:1"},
  };
  int failed = 0;
  for (const auto& mistake : kMistakes) {
    SCOPED_TRACE(mistake.settings);
    WriteSettings(mistake.settings);
    server_.AskToHandOver();
    ASSERT_TRUE(AwaitInLog("hand_over_failed", ++failed));
    EXPECT_EQ(CountInLog(mistake.said), 1) << server_.Log();
  }
  EXPECT_EQ(CountInLog("ready_to_take_over"), 0);

  // And once it can, it does.
  WriteSettings("");
  ASSERT_EQ(server_.HandOver(), absl::OkStatus());

  ExpectAllWell();
}

// The successor has the sockets already, and comes to own the ledger as after any crash.
TEST_F(HandOverTest, AServerThatIsKilledMeanwhileLosesNothing) {
  server_.AskToHandOver();
  ASSERT_NE(server_.AwaitSuccessor(), 0);

  kill(server_.process_id(), SIGKILL);

  ASSERT_EQ(server_.GoOnWithSuccessor(), absl::OkStatus());
  ExpectAllWell();
}

TEST_F(HandOverTest, AServerThatIsKilledWhileItLeavesLosesNothing) {
  server_.AskToHandOver();
  ASSERT_NE(server_.AwaitSuccessor(), 0);
  ASSERT_TRUE(AwaitInLog("ready_to_take_over"));

  kill(server_.process_id(), SIGKILL);

  ASSERT_EQ(server_.GoOnWithSuccessor(), absl::OkStatus());
  ExpectAllWell();
}

TEST_F(HandOverTest, ASuccessorThatIsKilledBeforeItIsReadyChangesNothing) {
  server_.AskToHandOver();
  const pid_t successor = server_.AwaitSuccessor();
  ASSERT_NE(successor, 0);

  kill(successor, SIGKILL);

  ASSERT_TRUE(AwaitInLog("hand_over_failed"));
  ExpectAllWell();
}

// The old one serves no more by then, and starts another.
TEST_F(HandOverTest, ASuccessorThatIsKilledWhileItWaitsIsReplaced) {
  server_.AskToHandOver();
  const pid_t successor = server_.AwaitSuccessor();
  ASSERT_NE(successor, 0);
  ASSERT_TRUE(AwaitInLog("ready_to_take_over"));

  kill(successor, SIGKILL);

  ASSERT_EQ(server_.GoOnWithSuccessor(), absl::OkStatus());
  EXPECT_NE(server_.process_id(), successor);
  EXPECT_EQ(CountInLog("successor_lost"), 1);
  ExpectAllWell();
}

// What is to stop is not taken over.
TEST_F(HandOverTest, AStopEndsBoth) {
  server_.AskToHandOver();
  ASSERT_NE(server_.AwaitSuccessor(), 0);
  EXPECT_EQ(server_.Terminate(), 0);

  ASSERT_EQ(server_.Start(), absl::OkStatus());
  ExpectAllWell();
}

TEST_F(HandOverTest, AStopWhileItLeavesEndsBoth) {
  server_.AskToHandOver();
  ASSERT_TRUE(AwaitInLog("ready_to_take_over"));
  EXPECT_EQ(server_.Terminate(), 0);
  EXPECT_EQ(CountInLog("handed_over"), 0);

  ASSERT_EQ(server_.Start(), absl::OkStatus());
  ExpectAllWell();
}

}  // namespace
}  // namespace farebox
