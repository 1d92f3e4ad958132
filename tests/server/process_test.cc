// The program itself: how it starts, what it says when it cannot, and how it ends.

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
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
  const std::string path = absl::StrCat(data_, "/journal.db");
  const std::string text = "these are somebody's notes\n";
  std::ofstream(path) << text;

  const Ended ended = Run(absl::StrCat("--data ", data_, " --listen 127.0.0.1:0"));

  EXPECT_EQ(ended.exit_code, kExitData) << ended.output;
  EXPECT_TRUE(absl::StrContains(ended.output, "journal.db")) << ended.output;
  std::string after;
  std::getline(std::ifstream(path), after, '\0');
  EXPECT_EQ(after, text);
}

TEST_F(Process, TheSecondOneOnTheSameFilesIsToldToWait) {
  ServerProcess first({.binary = kBinary, .data_directory = data_});
  ASSERT_TRUE(first.Start().ok());

  const Ended second = Run(absl::StrCat("--data ", data_, " --listen 127.0.0.1:0"));

  EXPECT_EQ(second.exit_code, kExitTemporary) << second.output;
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
  const std::string trigger = absl::StrCat(directory_.path(), "/the disk is dead");
  setenv("LD_PRELOAD", FAREBOX_FAILING_SYNC, 1);
  setenv("FAREBOX_FAIL_SYNC", trigger.c_str(), 1);
  // A sanitized server would rather be preloaded with nothing before its sanitizer.
  setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
  ServerProcess server({.binary = kBinary, .data_directory = data_});
  ASSERT_TRUE(server.Start().ok());
  unsetenv("LD_PRELOAD");
  unsetenv("FAREBOX_FAIL_SYNC");
  unsetenv("ASAN_OPTIONS");
  OpenAccount(server.address());
  EXPECT_THAT(Credit(server.address(), "before"), Answers("available_micros: 5"));

  std::ofstream(trigger) << "now";
  const auto failed = Credit(server.address(), "during");

  EXPECT_THAT(failed, FailsWith(grpc::StatusCode::UNAVAILABLE, "STORAGE_FAILED"));
  EXPECT_TRUE(DetailsOf(failed.status).has_retry_info);
  EXPECT_EQ(server.Terminate(), kExitSoftware);
  ASSERT_TRUE(server.Start().ok());
  EXPECT_THAT(Credit(server.address(), "during"), Answers("available_micros: 10"));
  EXPECT_THAT(Credit(server.address(), "before"),
              Answers("replayed: true entry { balance_after_micros: 5 }"));
  EXPECT_EQ(server.Terminate(), kExitOk);
}

}  // namespace
}  // namespace farebox::server
