// The program itself: how it starts, what it says when it cannot, and how it ends.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "farebox/v1/account.grpc.pb.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "google/protobuf/text_format.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "server/exit_codes.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "tests/server/answer.h"
#include "tests/support/disk_faults.h"
#include "tests/support/read_file.h"
#include "tests/support/server_process.h"

namespace farebox::server {
namespace {

using testing::ServerProcess;

class Process : public ::testing::Test {
 protected:
  struct Ended {
    int exit_code = 0;
    std::string output;
  };

  // What is in the directory, byte by byte, but for the lock.
  std::map<std::string, std::string> Files() const {
    std::map<std::string, std::string> files;
    for (const auto& file : std::filesystem::directory_iterator(data_)) {
      files[file.path().filename()] = testing::ReadFile(file.path());
    }
    files.erase("lock");
    return files;
  }

  // Makes a ledger and writes a number into the header of its journal.
  void MakeLedger(int64_t offset, char last_byte) {
    ServerProcess server({.binary = kBinary, .data_directory = data_});
    ASSERT_TRUE(server.Start().ok());
    ASSERT_EQ(server.Terminate(), kExitOk);
    std::fstream journal(absl::StrCat(data_, "/journal.db"),
                         std::ios::in | std::ios::out | std::ios::binary);
    journal.seekp(offset + 3);
    journal.put(last_byte);
  }

  void ExpectLeftAlone(absl::string_view message) {
    const std::map<std::string, std::string> before = Files();

    const Ended ended = Run(absl::StrCat("--data ", data_, " --listen 127.0.0.1:0"));

    EXPECT_EQ(ended.exit_code, kExitData) << ended.output;
    EXPECT_TRUE(absl::StrContains(ended.output, message)) << ended.output;
    EXPECT_EQ(Files(), before);
  }

  // Runs the program to its end.
  Ended Run(const std::string& arguments) {
    Ended ended;
    FILE* const pipe = popen(absl::StrCat(kBinary, " ", arguments, " 2>&1").c_str(), "r");
    FAREBOX_CHECK(pipe != nullptr);
    std::array<char, 4096> buffer;
    size_t size = 0;
    while ((size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
      ended.output.append(buffer.data(), size);
    }
    const int status = pclose(pipe);
    ended.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ended;
  }

  Answer<v1::CreditResponse> Credit(const std::string& address, absl::string_view request_id) {
    const auto stub = v1::BillingService::NewStub(
        grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    return Call(request_id, [&](grpc::ClientContext* context, const v1::CreditRequest& request,
                                v1::CreditResponse* response) {
      return stub->Credit(context, request, response);
    });
  }

  void OpenAccount(const std::string& address) {
    const auto stub = v1::AccountService::NewStub(
        grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    v1::CreateAccountRequest request;
    request.mutable_account()->set_account_id("alice");
    request.mutable_account()->set_currency_code("USD");
    request.set_request_id("open");
    v1::CreateAccountResponse response;
    grpc::ClientContext context;
    SetDeadline(&context);
    ASSERT_TRUE(stub->CreateAccount(&context, request, &response).ok());
  }

  static constexpr char kBinary[] = FAREBOX_SERVER_BINARY;
  const testing::TemporaryDirectory directory_;
  const std::string data_ = absl::StrCat(directory_.path(), "/data");

 private:
  static void SetDeadline(grpc::ClientContext* context) {
    context->set_wait_for_ready(true);
    context->set_deadline(absl::ToChronoTime(SystemClock().Now() + absl::Seconds(30)));
  }

  template <typename Method>
  Answer<v1::CreditResponse> Call(absl::string_view request_id, const Method& method) {
    v1::CreditRequest request;
    request.set_account_id("alice");
    request.set_request_id(std::string(request_id));
    request.set_amount_micros(5);
    request.set_reason(v1::CREDIT_REASON_PAYMENT);
    grpc::ClientContext context;
    SetDeadline(&context);
    Answer<v1::CreditResponse> answer;
    answer.status = method(&context, request, &answer.value);
    return answer;
  }
};

TEST_F(Process, AWrongFlagIsAUsageError) {
  const Ended ended = Run("--no-such-flag");
  EXPECT_EQ(ended.exit_code, kExitUsage);
  EXPECT_TRUE(absl::StrContains(ended.output, "--help")) << ended.output;
}

TEST_F(Process, AnAddressThatOthersReachIsRefused) {
  const Ended ended = Run(absl::StrCat("--data ", data_, " --listen 0.0.0.0:0"));
  EXPECT_EQ(ended.exit_code, kExitUsage);
  EXPECT_TRUE(absl::StrContains(ended.output, "--insecure-listen-anywhere")) << ended.output;
  EXPECT_FALSE(std::filesystem::exists(data_));
}

TEST_F(Process, ForeignFilesAreLeftAsTheyAre) {
  std::filesystem::create_directory(data_);
  std::ofstream(absl::StrCat(data_, "/journal.db")) << "these are somebody's notes\n";

  ExpectLeftAlone("journal.db is not a ledger of Farebox: it is not an SQLite database");
}

// Offsets as in SQLite's file format.
TEST_F(Process, AnotherProgramsDatabaseIsLeftAsItIs) {
  constexpr int64_t kApplicationIdAt = 68;
  ASSERT_NO_FATAL_FAILURE(MakeLedger(kApplicationIdAt, 'x'));

  ExpectLeftAlone("journal.db is not a ledger of Farebox: another program");
}

TEST_F(Process, ANewerLedgerIsLeftAsItIs) {
  constexpr int64_t kUserVersionAt = 60;
  ASSERT_NO_FATAL_FAILURE(MakeLedger(kUserVersionAt, 99));

  ExpectLeftAlone("journal.db was written by a newer Farebox: schema 99");
}

TEST_F(Process, TheSecondOneOnTheSameFilesIsToldToWait) {
  ServerProcess first({.binary = kBinary, .data_directory = data_});
  ASSERT_TRUE(first.Start().ok());

  const SystemClock clock;
  const absl::Time start = clock.Now();
  const Ended second = Run(absl::StrCat("--data ", data_, " --listen ", first.address()));

  EXPECT_EQ(second.exit_code, kExitTemporary) << second.output;
  EXPECT_TRUE(absl::StrContains(second.output, "another process owns this ledger"));
  // It does not wait for the lock.
  EXPECT_LT(clock.Now() - start, absl::Milliseconds(2'500));
  EXPECT_EQ(first.Terminate(), kExitOk);
}

TEST_F(Process, ThePortIsInItsFileWhenCallsAreTaken) {
  const std::string path = absl::StrCat(directory_.path(), "/port");
  ServerProcess server(
      {.binary = kBinary, .data_directory = data_, .more_arguments = {"--port-file", path}});
  ASSERT_TRUE(server.Start().ok());
  OpenAccount(server.address());

  std::string port;
  std::getline(std::ifstream(path), port);

  EXPECT_TRUE(absl::EndsWith(server.address(), absl::StrCat(":", port))) << port;
  EXPECT_EQ(server.Terminate(), kExitOk);
}

TEST_F(Process, ADiskThatFailsEndsItAndARetryIsAppliedOnce) {
  testing::DiskFaults disk(FAREBOX_FAILING_DISK, directory_.path());
  ServerProcess server(
      {.binary = kBinary, .data_directory = data_, .environment = disk.environment()});
  ASSERT_TRUE(server.Start().ok());
  OpenAccount(server.address());
  EXPECT_THAT(Credit(server.address(), "before"), Answers("available_micros: 5"));

  disk.FailSyncs({.count = testing::DiskFaults::kForEver, .error = EIO});
  const auto failed = Credit(server.address(), "during");

  EXPECT_THAT(failed, FailsWith(grpc::StatusCode::UNAVAILABLE, "STORAGE_FAILED"));
  EXPECT_TRUE(DetailsOf(failed.status).has_retry_info);
  EXPECT_THAT(server.AwaitExit(), ::testing::Optional(kExitSoftware));
  disk.Heal();
  ASSERT_TRUE(server.Start().ok());
  EXPECT_THAT(Credit(server.address(), "during"), Answers("available_micros: 10"));
  EXPECT_THAT(Credit(server.address(), "before"),
              Answers("replayed: true entry { balance_after_micros: 5 }"));
  EXPECT_EQ(server.Terminate(), kExitOk);
}

// As where `2>&1 | logger` is used, and the logger dies.
TEST_F(Process, GoesOnWhereNobodyReadsItsLog) {
  const std::string script = absl::StrCat(directory_.path(), "/unheard");
  std::ofstream(script) << "#!/bin/sh\nmkfifo $0.pipe\n: <$0.pipe &\nexec " << kBinary
                        << " \"$@\" 2>$0.pipe\n";
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  ServerProcess server({.binary = script, .data_directory = data_});

  ASSERT_TRUE(server.Start().ok());

  OpenAccount(server.address());
  EXPECT_EQ(server.Terminate(), kExitOk);
}

// A start that waits for somebody to write its certificate.
class SlowStart : public Process {
 protected:
  void SetUp() override { ASSERT_EQ(mkfifo(pipe_.c_str(), 0600), 0); }
  void TearDown() override { close(writer_); }

  // Returns when it waits.
  void Launch(const std::string& binary) {
    server_.emplace(
        ServerProcess::Options{.binary = binary,
                               .data_directory = data_,
                               .more_arguments = {"--tls-cert", pipe_, "--tls-key", pipe_}});
    server_->Launch();
    // Open for writing, where it is being read.
    while ((writer_ = open(pipe_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0) {
      ASSERT_EQ(server_->AwaitExit(absl::Milliseconds(10)), std::nullopt) << server_->Log();
    }
  }

  std::optional<ServerProcess> server_;

 private:
  const std::string pipe_ = absl::StrCat(directory_.path(), "/certificate");
  int writer_ = -1;
};

TEST_F(SlowStart, IsKilledByASecondSignal) {
  ASSERT_NO_FATAL_FAILURE(Launch(kBinary));

  kill(server_->process_id(), SIGTERM);
  kill(server_->process_id(), SIGINT);

  EXPECT_EQ(server_->AwaitExit(absl::Seconds(20)), -1);
}

// As in a container, where the kernel keeps from the first process what it has no handler for.
TEST_F(SlowStart, IsEndedByASecondSignalAsTheFirstProcessToo) {
  const std::string first = "unshare --pid --fork --kill-child";
  if (std::system(absl::StrCat(first, " true").c_str()) != 0) GTEST_SKIP() << "may not unshare";
  const std::string script = absl::StrCat(directory_.path(), "/contained");
  std::ofstream(script) << "#!/bin/sh\nexec " << first << " " << kBinary << " \"$@\"\n";
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  ASSERT_NO_FATAL_FAILURE(Launch(script));
  const std::string unshare = absl::StrCat("/proc/", server_->process_id());
  pid_t contained = 0;
  std::ifstream(absl::StrCat(unshare, "/task/", server_->process_id(), "/children")) >> contained;

  kill(contained, SIGTERM);
  kill(contained, SIGINT);

  // Whichever it has seen last.
  EXPECT_THAT(server_->AwaitExit(absl::Seconds(20)),
              ::testing::Optional(::testing::AnyOf(128 + SIGTERM, 128 + SIGINT)));
}

// How each thread of a process is scheduled.
std::set<int> PoliciesOf(pid_t process) {
  std::set<int> policies;
  for (const auto& task :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", process, "/task"))) {
    policies.insert(sched_getscheduler(std::stoi(task.path().filename())));
  }
  return policies;
}

TEST_F(Process, ItsThreadsLetEachOtherFinish) {
  ServerProcess server({.binary = kBinary, .data_directory = data_});
  ASSERT_TRUE(server.Start().ok());

  EXPECT_EQ(PoliciesOf(server.process_id()), std::set<int>{SCHED_BATCH});
}

TEST_F(Process, APolicyThatItIsStartedWithStays) {
  const sched_param param = {};
  ASSERT_EQ(sched_setscheduler(0, SCHED_IDLE, &param), 0);
  ServerProcess server({.binary = kBinary, .data_directory = data_});
  ASSERT_TRUE(server.Start().ok());

  EXPECT_EQ(PoliciesOf(server.process_id()), std::set<int>{SCHED_IDLE});
  ASSERT_EQ(sched_setscheduler(0, SCHED_OTHER, &param), 0);
}

}  // namespace
}  // namespace farebox::server
