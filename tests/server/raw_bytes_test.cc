// What arrives is not always a message.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

class RawBytes : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    OpenAccount("alice", 1'000'000);
  }

  struct RawAnswer {
    grpc::Status status;
  };

  RawAnswer SendRaw(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    SetDeadline(&context);
    grpc::Slice slice(bytes);
    grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    RawAnswer answer;
    const auto call = stub.PrepareUnaryCall(&context, "/farebox.v1." + method, request, &queue);
    call->StartCall();
    call->Finish(&response, &answer.status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return answer;
  }
};

// Every RPC with one request.
constexpr const char* kMethods[] = {
    "BillingService/Authorize",      "BillingService/Reauthorize",   "BillingService/Debit",
    "BillingService/Release",        "BillingService/Credit",        "BillingService/GetBalance",
    "BillingService/Quote",          "BillingService/ListHolds",     "BillingService/ApplyBatch",
    "AccountService/CreateAccount",  "AccountService/GetAccount",    "AccountService/UpdateAccount",
    "AccountService/SuspendAccount", "AccountService/ResumeAccount", "AccountService/CloseAccount",
    "AccountService/ListActivity",   "AccountService/GetSummary",    "RateService/ListRates",
};

TEST_F(RawBytes, WhatIsNoMessageIsAnInvalidArgument) {
  const std::string nested = [] {
    std::string groups;
    for (int i = 0; i < 150; ++i) groups += "\xF3\x7F";  // Group 2046 begins.
    for (int i = 0; i < 150; ++i) groups += "\xF4\x7F";
    return groups;
  }();
  const struct {
    const char* name;
    std::string bytes;
  } kCases[] = {
      {"invalid UTF-8", "\x0A\x02\xC3\x28"},
      {"a truncated string",
       "\x0A\x05"
       "al"},
      {"field number 0", std::string("\x02\x00", 2)},
      {"an unclosed group", "\xF3\x7F"},
      {"150 nested unknown groups", nested},
      {"no bytes at all", ""},
      {"a known field of the wrong type", "\x08\x01"},
      {"text", "account_id: alice"},
  };
  for (const char* method : kMethods) {
    for (const auto& bad : kCases) {
      EXPECT_THAT(SendRaw(method, bad.bytes),
                  FailsWith(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"))
          << method << ": " << bad.name;
    }
  }
}

TEST_F(RawBytes, UnknownFieldsAreDropped) {
  v1::GetBalanceRequest request;
  request.set_account_id("alice");
  // Field 2046, 15 KB of it.
  const std::string unknown = absl::StrCat("\xF2\x7F\x98\x75", std::string(15'000, 'x'));

  EXPECT_TRUE(
      SendRaw("BillingService/GetBalance", request.SerializeAsString() + unknown).status.ok());
}

TEST_F(RawBytes, AMessageThatIsTooLargeIsRefusedByItsRpcsOwnBound) {
  const std::string large = absl::StrCat("\xF2\x7F\xF0\xA2\x04", std::string(70'000, 'x'));

  EXPECT_THAT(SendRaw("BillingService/Debit", large),
              FailsWith(StatusCode::RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE"));
  // The same bytes are not too many for a batch.
  EXPECT_THAT(SendRaw("BillingService/ApplyBatch", large),
              FailsWith(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"));
}

TEST_F(RawBytes, AMessageOfFiveMegabytesIsRefusedByTheTransport) {
  EXPECT_EQ(SendRaw("BillingService/ApplyBatch", std::string(5'000'000, 'x')).status.error_code(),
            StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(RawBytes, UnknownMethodsAreUnimplemented) {
  EXPECT_EQ(SendRaw("BillingService/Nothing", "").status.error_code(), StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(SendRaw("NoService/Debit", "").status.error_code(), StatusCode::UNIMPLEMENTED);
}

TEST_F(RawBytes, StreamsRefuseWhatIsNoMessageToo) {
  EXPECT_THAT(SendRaw("BillingService/WatchAccount",
                      "\x0A\x05"
                      "al"),
              FailsWith(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"));
  EXPECT_THAT(SendRaw("BillingService/ApplyStream",
                      "\x0A\x05"
                      "al"),
              FailsWith(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"));
  EXPECT_THAT(SendRaw("RateService/ImportRates",
                      "\x0A\x05"
                      "al"),
              FailsWith(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"));
  EXPECT_THAT(SendRaw("RateService/ExportRates",
                      "\x0A\x05"
                      "al"),
              FailsWith(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"));
}

}  // namespace
}  // namespace farebox::server
