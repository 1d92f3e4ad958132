// Any bytes as the request of any RPC, through the real server: an answer or an error that says
// what is wrong with them, never one that says that the server is.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/account.pb.h"
#include "farebox/v1/billing.pb.h"
#include "farebox/v1/operations.grpc.pb.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "server/base/log.h"
#include "server/server.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "tests/support/server_process.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace farebox::server {
namespace {

constexpr std::array kMethods = {
    "BillingService/Authorize",      "BillingService/Reauthorize",
    "BillingService/Debit",          "BillingService/Release",
    "BillingService/Credit",         "BillingService/GetBalance",
    "BillingService/Quote",          "BillingService/ListHolds",
    "BillingService/ApplyBatch",     "AccountService/CreateAccount",
    "AccountService/GetAccount",     "AccountService/UpdateAccount",
    "AccountService/SuspendAccount", "AccountService/ResumeAccount",
    "AccountService/CloseAccount",   "AccountService/ListAccounts",
    "AccountService/ListActivity",   "AccountService/ExportActivity",
    "AccountService/GetSummary",     "RateService/ListRateDecks",
    "RateService/ListRates",         "OperationsService/GetStatus",
};

constexpr int64_t kVerifyEvery = 10'000;

// One server for all inputs, with an account that they may hit upon.
class FuzzedServer {
 public:
  FuzzedServer() {
    ConfigureLog(LogFormat::kText, LogLevel::kError);
    Config config;
    config.data_directory = absl::StrCat(directory_.path(), "/data");
    config.listen = absl::StrCat("unix:", directory_.path(), "/socket");
    config.drain_grace = absl::ZeroDuration();
    auto server = Server::Start(config, &clock_, [](const absl::Status&) { FAREBOX_CHECK(false); });
    FAREBOX_CHECK(server.ok());
    server_ = *std::move(server);
    channel_ = server_->InProcessChannel();
    OpenAccount();
  }

  ~FuzzedServer() { Verify(); }

  grpc::Status Call(absl::string_view method, absl::string_view bytes) {
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    const grpc::Slice slice(bytes.data(), bytes.size());
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    const auto call =
        stub.PrepareUnaryCall(&context, absl::StrCat("/farebox.v1.", method), request, &queue);
    call->StartCall();
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    FAREBOX_CHECK(queue.Next(&tag, &ok));
    if (++calls_ % kVerifyEvery == 0) Verify();
    return status;
  }

 private:
  void OpenAccount() {
    v1::CreateAccountRequest open;
    open.mutable_account()->set_account_id("alice");
    open.mutable_account()->set_currency_code("USD");
    open.set_request_id("opened");
    FAREBOX_CHECK(Call("AccountService/CreateAccount", open.SerializeAsString()).ok());
    v1::CreditRequest credit;
    credit.set_account_id("alice");
    credit.set_request_id("paid");
    credit.set_amount_micros(100'000'000);
    credit.set_reason(v1::CREDIT_REASON_PAYMENT);
    FAREBOX_CHECK(Call("BillingService/Credit", credit.SerializeAsString()).ok());
  }

  void Verify() {
    grpc::ClientContext context;
    v1::VerifyResponse report;
    const auto stub = v1::OperationsService::NewStub(channel_);
    FAREBOX_CHECK(stub->Verify(&context, {}, &report).ok() && report.ok());
  }

  testing::TemporaryDirectory directory_;
  SystemClock clock_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  int64_t calls_ = 0;
};

// Of a server that is well, whatever it is asked.
bool IsAnswer(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return true;
    default:
      return false;
  }
}

// The first byte says which RPC.
void SendRequest(absl::string_view input) {
  static FuzzedServer server;
  if (input.empty()) return;
  const size_t method = static_cast<uint8_t>(input[0]) % kMethods.size();
  const grpc::Status status = server.Call(kMethods.at(method), input.substr(1));
  FAREBOX_CHECK(IsAnswer(status));
}

}  // namespace
}  // namespace farebox::server

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  farebox::server::SendRequest({reinterpret_cast<const char*>(data), size});
  return 0;
}
