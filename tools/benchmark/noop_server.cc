// The baseline of the benchmark: the same framework, threads and how they run, parsing, checks of
// size and metrics as farebox-server, and answers of the same fields, but no ledger behind them.

#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <iostream>
#include <memory>
#include <string>

#include "farebox/v1/billing.grpc.pb.h"
#include "server/base/rpc_metrics.h"
#include "server/base/tuning.h"
#include "server/security/access_control.h"
#include "server/security/audit_log.h"
#include "server/services/pending_call.h"
#include "server/services/rpc_method.h"
#include "server/services/unary_call.h"
#include "server/transport/acceptor.h"
#include "server/transport/connection_table.h"
#include "storage/clock.h"
#include "storage/status_macros.h"
#include "tools/benchmark/noop_stream.h"
#include "tools/benchmark/sync_first.h"

namespace farebox::benchmark {
namespace {

using server::UnaryCall;
using Raw = v1::BillingService;

constexpr size_t kConnectionsMax = 1000;

void FillEntry(const v1::DebitRequest& request, v1::Entry* entry) {
  entry->set_entry_id(1'234'567);
  entry->mutable_time()->set_seconds(1'800'000'000);
  entry->set_kind(v1::ENTRY_KIND_DEBIT);
  entry->set_item(request.item());
  entry->set_amount_micros(-request.amount_micros());
  entry->set_balance_after_micros(999'999'000'000);
  entry->set_request_id(request.request_id());
  entry->set_account_id(request.account_id());
}

void FillDebit(const v1::Operation& operation, v1::OperationResult* result) {
  FillEntry(operation.debit(), result->mutable_debit()->mutable_entry());
}

class NoopBilling final
    : public Raw::WithRawCallbackMethod_Debit<Raw::WithRawCallbackMethod_Authorize<
          Raw::WithRawCallbackMethod_GetBalance<Raw::WithRawCallbackMethod_ApplyBatch<
              Raw::WithRawCallbackMethod_ApplyStream<Raw::Service>>>>> {
 public:
  // `sync` is null where nothing waits for the disk.
  NoopBilling(const server::RpcEnvironment& environment, SyncFirst* sync)
      : sync_(sync),
        debit_(environment, "farebox.v1.BillingService/Debit"),
        authorize_(environment, "farebox.v1.BillingService/Authorize"),
        get_balance_(environment, "farebox.v1.BillingService/GetBalance"),
        apply_batch_(environment, "farebox.v1.BillingService/ApplyBatch"),
        apply_stream_(environment, "farebox.v1.BillingService/ApplyStream") {}

  grpc::ServerUnaryReactor* Debit(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* response) override {
    using Call = UnaryCall<v1::DebitRequest, v1::DebitResponse>;
    return Call::Serve(debit_, *context, *request, response, [this](Call* call) {
      FillEntry(call->request(), call->response()->mutable_entry());
      call->response()->set_available_micros(999'999'000'000);
      FinishDurably(call);
    });
  }

  grpc::ServerUnaryReactor* Authorize(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override {
    using Call = UnaryCall<v1::AuthorizeRequest, v1::AuthorizeResponse>;
    return Call::Serve(authorize_, *context, *request, response, [this](Call* call) {
      v1::AuthorizeResponse* const answer = call->response();
      answer->set_decision(v1::DECISION_GRANTED);
      answer->set_hold_id(1'234'567);
      answer->set_granted_seconds(call->request().requested_seconds());
      answer->set_reauthorize_after_seconds(50);
      answer->set_held_micros(10'000);
      answer->set_available_micros(999'999'000'000);
      answer->mutable_expire_time()->set_seconds(absl::ToUnixSeconds(call->start_time()));
      v1::Price* const price = answer->mutable_price();
      price->set_prefix("44");
      price->set_tariff_id("benchmark@1:2");
      price->set_rate_nanos_per_minute(10'000'000);
      price->set_initial_increment_seconds(1);
      price->set_increment_seconds(1);
      answer->set_failure_handling(v1::FAILURE_HANDLING_TERMINATE);
      FinishDurably(call);
    });
  }

  grpc::ServerUnaryReactor* GetBalance(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override {
    using Call = UnaryCall<v1::GetBalanceRequest, v1::GetBalanceResponse>;
    return Call::Serve(get_balance_, *context, *request, response, [](Call* call) {
      call->response()->set_balance_micros(999'999'000'000);
      call->response()->set_available_micros(999'999'000'000);
      call->response()->set_currency_code("USD");
      call->response()->set_state(v1::ACCOUNT_STATE_OPEN);
      call->response()->set_as_of_entry(1'234'567);
      call->Finish(absl::OkStatus());
    });
  }

  grpc::ServerUnaryReactor* ApplyBatch(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override {
    using Call = UnaryCall<v1::ApplyBatchRequest, v1::ApplyBatchResponse>;
    return Call::Serve(apply_batch_, *context, *request, response, [](Call* call) {
      for (const v1::Operation& operation : call->request().operations()) {
        FillDebit(operation, call->response()->add_results());
      }
      call->Finish(absl::OkStatus());
    });
  }

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ApplyStream(
      grpc::CallbackServerContext* context) override {
    return ServeNoopStream(apply_stream_, context, FillDebit);
  }

 private:
  template <typename Call>
  void FinishDurably(Call* call) {
    if (sync_ == nullptr) return call->Finish(absl::OkStatus());
    sync_->Then([pending = server::PendingCall<Call>(call)]() mutable {
      pending.Take()->Finish(absl::OkStatus());
    });
  }

  SyncFirst* const sync_;
  const server::RpcMethod debit_;
  const server::RpcMethod authorize_;
  const server::RpcMethod get_balance_;
  const server::RpcMethod apply_batch_;
  const server::RpcMethod apply_stream_;
};

struct Options {
  std::string listen = "127.0.0.1:50052";
  // At once on a connection; 0: as many as gRPC takes by itself.
  int calls_max = 0;
  // Where given, Debit and Authorize are answered once it is synced, as connections are then those
  // of farebox-server.
  std::string sync_file;
};

absl::Status Run(const Options& options) {
  server::TuneThreads();
  const SystemClock clock;
  server::RpcMetrics metrics;
  server::ConnectionTable connections;
  const std::atomic<bool> is_closing = false;
  const server::AccessControl open_to_all(server::AccessOptions(), /*keys=*/nullptr,
                                          /*sessions=*/nullptr);
  server::AuditLog unused_log(/*documents=*/nullptr, /*ledger=*/nullptr, &clock);
  server::CallLog call_log(server::CallLogOptions(), &clock);
  server::BlockedHandlers handlers;
  std::unique_ptr<SyncFirst> sync;
  std::unique_ptr<server::Acceptor> acceptor;
  grpc::ServerBuilder builder;
  if (options.sync_file.empty()) {
    builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials());
  } else {
    FAREBOX_ASSIGN_OR_RETURN(sync, SyncFirst::Start(options.sync_file));
    FAREBOX_ASSIGN_OR_RETURN(server::ListeningSockets sockets,
                             server::ListeningSockets::Bind(options.listen));
    FAREBOX_ASSIGN_OR_RETURN(
        acceptor, server::Acceptor::Make(std::move(sockets),
                                         {.connections = {.connections_max = kConnectionsMax},
                                          .calls_per_connection_max = options.calls_max},
                                         &connections, metrics.registry().get()));
    acceptor->AddTo(&builder, grpc::InsecureServerCredentials());
  }
  NoopBilling billing({.clock = &clock,
                       .metrics = &metrics,
                       .is_closing = &is_closing,
                       .access = &open_to_all,
                       .audit = &unused_log,
                       .call_log = &call_log,
                       .connections = &connections,
                       .handlers = &handlers},
                      sync.get());
  builder.SetMaxReceiveMessageSize(16 << 20);
  if (options.calls_max > 0) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.calls_max);
  }
  builder.RegisterService(&billing);
  const std::unique_ptr<grpc::Server> running = builder.BuildAndStart();
  if (running == nullptr) return absl::UnavailableError("gRPC does not start");
  if (acceptor != nullptr) acceptor->Start();
  running->Wait();
  return absl::OkStatus();
}

}  // namespace
}  // namespace farebox::benchmark

int main(int argc, char** argv) {
  farebox::benchmark::Options options;
  CLI::App app{"Answers BillingService without a ledger: the benchmark's baseline."};
  app.add_option("--listen", options.listen, "host:port")->capture_default_str();
  app.add_option("--calls-per-connection-max", options.calls_max,
                 "Calls at once on a connection; 0: as many as gRPC takes by itself")
      ->capture_default_str();
  app.add_option("--sync-file", options.sync_file,
                 "Answer Debit and Authorize only once this file is synced");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = farebox::benchmark::Run(options);
  if (status.ok()) return 0;
  std::cerr << status << "\n";
  return 1;
}
