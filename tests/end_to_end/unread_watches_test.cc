// Watches that nobody reads, on the real server: what they keep of its memory.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "farebox/v1/operations.grpc.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "tests/support/server_load.h"
#include "tests/support/server_process.h"

namespace farebox {
namespace {

constexpr int kConnections = 10;
constexpr int kWatchesOfEach = 100;
constexpr int kBatches = 10;
constexpr int kBatchSize = 1'000;
// A watch has a turn's entries, and what waits in gRPC. All the entries would be a megabyte each.
constexpr int64_t kBytesOfAWatchMax = 200 << 10;

void SetDeadline(grpc::ClientContext* context) {
  context->set_wait_for_ready(true);
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(4));
}

// One of all accounts.
class Watch {
 public:
  explicit Watch(v1::BillingService::Stub* stub) {
    SetDeadline(&context_);
    reader_ = stub->WatchAccount(&context_, v1::WatchAccountRequest());
    // The server says so when it has begun to watch.
    reader_->WaitForInitialMetadata();
  }
  ~Watch() { context_.TryCancel(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Reads so many entries, and returns how many came.
  int Read(int entries) {
    v1::WatchAccountResponse event;
    int count = 0;
    while (count < entries && reader_->Read(&event)) {
      if (event.has_entry()) ++count;
    }
    return count;
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchAccountResponse>> reader_;
};

class UnreadWatchesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    ASSERT_EQ(load_.Prepare(), absl::OkStatus());
    ASSERT_TRUE(load_.OpenAccount("alice").ok());
  }

  // A connection of its own, on which what is not read is waited for after 64 KiB.
  std::unique_ptr<v1::BillingService::Stub> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return v1::BillingService::NewStub(grpc::CreateCustomChannel(
        server_.address(), grpc::InsecureChannelCredentials(), arguments));
  }

  void Debit(int batches) {
    const auto stub = v1::BillingService::NewStub(load_.channel());
    for (int i = 0; i < batches; ++i) {
      v1::ApplyBatchRequest batch;
      for (int j = 0; j < kBatchSize; ++j) {
        v1::DebitRequest* const debit = batch.add_operations()->mutable_debit();
        debit->set_account_id("alice");
        debit->set_request_id(absl::StrCat("debit-", next_debit_++));
        debit->set_amount_micros(1);
        debit->set_item(v1::ITEM_ADJUSTMENT);
      }
      grpc::ClientContext context;
      SetDeadline(&context);
      v1::ApplyBatchResponse response;
      const grpc::Status status = stub->ApplyBatch(&context, batch, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
    }
  }

  int64_t Watchers() const {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::GetStatusResponse response;
    const auto stub = v1::OperationsService::NewStub(load_.channel());
    EXPECT_TRUE(stub->GetStatus(&context, v1::GetStatusRequest(), &response).ok());
    return response.watchers();
  }

  const testing::TemporaryDirectory directory_;
  testing::ServerProcess server_{{.binary = FAREBOX_SERVER_BINARY,
                                  .data_directory = absl::StrCat(directory_.path(), "/data")}};
  testing::ServerLoad load_{{.address = server_.address()}};
  int next_debit_ = 0;
};

TEST_F(UnreadWatchesTest, KeepNoMoreInMemoryThanATurnsEntries) {
  // What the server keeps of a batch that it has seen once.
  ASSERT_NO_FATAL_FAILURE(Debit(1));
  const int64_t before = server_.ResidentBytes();
  std::vector<std::unique_ptr<v1::BillingService::Stub>> stubs;
  std::vector<std::unique_ptr<Watch>> unread;
  for (int i = 0; i < kConnections; ++i) {
    stubs.push_back(Connect());
    for (int j = 0; j < kWatchesOfEach; ++j) {
      unread.push_back(std::make_unique<Watch>(stubs.back().get()));
    }
  }
  stubs.push_back(Connect());
  Watch heard(stubs.back().get());
  ASSERT_EQ(Watchers(), kConnections * kWatchesOfEach + 1);

  ASSERT_NO_FATAL_FAILURE(Debit(kBatches));

  // The others are no reason to be late.
  EXPECT_EQ(heard.Read(kBatches * kBatchSize), kBatches * kBatchSize);
  const int64_t grown = server_.ResidentBytes() - before;
  EXPECT_LT(grown, testing::MemoryAtMost(kConnections * kWatchesOfEach * kBytesOfAWatchMax));
  RecordProperty("grown_kib", static_cast<int>(grown >> 10));
  // None was cut off to spare it.
  EXPECT_EQ(Watchers(), kConnections * kWatchesOfEach + 1);
}

}  // namespace
}  // namespace farebox
