// The real server, busy, when there is no more memory.

#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "tests/end_to_end/faulty_server.h"
#include "tests/support/await.h"

namespace farebox {
namespace {

class LowMemoryTest : public FaultyServer {
 protected:
  // From now on the server has no more than it has at present.
  void ForbidMore() {
    const int64_t bytes = DataBytes();
    ASSERT_GT(bytes, 0);
    const rlimit limit = {.rlim_cur = static_cast<rlim_t>(bytes),
                          .rlim_max = static_cast<rlim_t>(bytes)};
    ASSERT_EQ(prlimit(server_->process_id(), RLIMIT_DATA, &limit, nullptr), 0);
  }

  // A batch that needs megabytes, for "alice". Each leaves request ids in memory, too.
  grpc::Status SendBatch() {
    constexpr int kOperations = 5'000;
    v1::ApplyBatchRequest batch;
    for (int i = 0; i < kOperations; ++i) {
      v1::DebitRequest* const debit = batch.add_operations()->mutable_debit();
      debit->set_account_id("alice");
      debit->set_request_id(absl::StrCat("debit-", next_debit_++));
      debit->set_amount_micros(1);
      debit->set_item(v1::ITEM_ADJUSTMENT);
      debit->set_description(std::string(200, 'd'));
    }
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    v1::ApplyBatchResponse response;
    return v1::BillingService::NewStub(load_->channel())->ApplyBatch(&context, batch, &response);
  }

 private:
  // What counts for the limit.
  int64_t DataBytes() const {
    std::ifstream file(absl::StrCat("/proc/", server_->process_id(), "/status"));
    std::string word;
    int64_t kibibytes = 0;
    while (file >> word) {
      if (word == "VmData:") break;
    }
    file >> kibibytes;
    return kibibytes << 10;
  }

  int next_debit_ = 0;
};

// Whether it ends or goes on and refuses is not promised: what was acknowledged is there, see
// TearDown.
TEST_F(LowMemoryTest, AServerThatRunsOutOfMemoryLosesNothing) {
  Begin();
  ASSERT_TRUE(load_->OpenAccount("alice").ok());

  ASSERT_NO_FATAL_FAILURE(ForbidMore());
  ASSERT_TRUE(testing::Await([&] {
    const grpc::StatusCode code = SendBatch().error_code();
    // Turned away by a queue: memory is no matter yet.
    return code != grpc::StatusCode::OK && code != grpc::StatusCode::RESOURCE_EXHAUSTED;
  }));

  const bool has_ended = server_->AwaitExit(absl::Seconds(10)).has_value();
  RecordProperty("has_ended", has_ended ? "yes" : "no");
  if (!has_ended) server_->Kill();
  ASSERT_EQ(server_->Start(), absl::OkStatus());
  EXPECT_TRUE(AwaitAcknowledged(100));
  EXPECT_TRUE(testing::Await([&] { return SendBatch().ok(); }));
}

}  // namespace
}  // namespace farebox
