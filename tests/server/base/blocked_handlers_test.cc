#include "server/base/blocked_handlers.h"

#include <atomic>
#include <memory>
#include <thread>

#include "farebox/v1/billing.grpc.pb.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/server_builder.h"
#include "server/base/limits.h"
#include "server/services/rpc_method.h"
#include "server/services/unary_call.h"
#include "storage/clock.h"
#include "tests/server/thread_gate.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::string_view kMethod = "farebox.v1.BillingService/GetBalance";

class BlockedHandlersTest : public ::testing::Test {
 protected:
  // The methods that the last of so many looks tells of.
  std::vector<absl::string_view> LookTimes(int64_t times) {
    std::vector<absl::string_view> blocked;
    for (int64_t i = 0; i < times; ++i) blocked = handlers_.Look();
    return blocked;
  }

  BlockedHandlers handlers_;
};

TEST_F(BlockedHandlersTest, AHandlerThatRunsTooLongIsToldOnce) {
  const BlockedHandlers::Scope running(&handlers_, &kMethod);

  EXPECT_THAT(LookTimes(limits::kBlockedLooks), IsEmpty());
  EXPECT_THAT(handlers_.Look(), ElementsAre(kMethod));
  EXPECT_THAT(LookTimes(100), IsEmpty());
}

TEST_F(BlockedHandlersTest, AHandlerThatEndsInTimeIsNot) {
  for (int i = 0; i < 100; ++i) {
    const BlockedHandlers::Scope running(&handlers_, &kMethod);
    EXPECT_THAT(LookTimes(limits::kBlockedLooks), IsEmpty());
  }
  EXPECT_THAT(LookTimes(100), IsEmpty());
}

TEST_F(BlockedHandlersTest, TheNextOneOfTheThreadIsToldAgain) {
  for (int i = 0; i < 3; ++i) {
    const BlockedHandlers::Scope running(&handlers_, &kMethod);
    EXPECT_THAT(LookTimes(limits::kBlockedLooks + 1), ElementsAre(kMethod));
  }
}

TEST_F(BlockedHandlersTest, OfTwoWithinEachOtherTheOuterOneIsSeen) {
  static constexpr absl::string_view kInner = "inner";
  const BlockedHandlers::Scope outer(&handlers_, &kMethod);
  { const BlockedHandlers::Scope inner(&handlers_, &kInner); }

  EXPECT_THAT(LookTimes(limits::kBlockedLooks + 1), ElementsAre(kMethod));
}

// A service that does what none may: its handler waits on gRPC's thread.
class BlockingService final
    : public v1::BillingService::WithRawCallbackMethod_GetBalance<v1::BillingService::Service> {
 public:
  BlockingService(const RpcEnvironment& environment, ThreadGate* gate)
      : get_balance_(environment, kMethod), gate_(gate) {}

  grpc::ServerUnaryReactor* GetBalance(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override {
    using Call = UnaryCall<v1::GetBalanceRequest, v1::GetBalanceResponse>;
    return Call::Serve(get_balance_, *context, *request, response, [this](Call* call) {
      gate_->Wait();
      call->Finish(absl::OkStatus());
    });
  }

 private:
  const RpcMethod get_balance_;
  ThreadGate* const gate_;
};

TEST_F(BlockedHandlersTest, AHandlerThatBlocksAThreadOfGrpcsIsFound) {
  const SystemClock clock;
  RpcMetrics metrics;
  const std::atomic<bool> is_closing = false;
  const AccessControl open_to_all(AccessOptions(), /*keys=*/nullptr, /*sessions=*/nullptr);
  AuditLog unused_log(/*documents=*/nullptr, /*ledger=*/nullptr, &clock);
  CallLog call_log(CallLogOptions(), &clock);
  ThreadGate gate;
  BlockingService service({.clock = &clock,
                           .metrics = &metrics,
                           .is_closing = &is_closing,
                           .access = &open_to_all,
                           .audit = &unused_log,
                           .call_log = &call_log,
                           .handlers = &handlers_},
                          &gate);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  const auto stub = v1::BillingService::NewStub(
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  std::thread caller([&] {
    grpc::ClientContext context;
    v1::GetBalanceResponse response;
    EXPECT_TRUE(stub->GetBalance(&context, v1::GetBalanceRequest(), &response).ok());
  });
  gate.AwaitReached();

  EXPECT_THAT(LookTimes(limits::kBlockedLooks), IsEmpty());
  EXPECT_THAT(handlers_.Look(), ElementsAre(kMethod));

  gate.Open();
  caller.join();
  server->Shutdown();
}

}  // namespace
}  // namespace farebox::server
