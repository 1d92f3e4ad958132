#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "farebox/v1/account.grpc.pb.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "farebox/v1/rate.grpc.pb.h"
#include "storage/clock.h"
#include "tools/benchmark/latency.h"
#include "tools/benchmark/load.h"
#include "tools/benchmark/requests.h"

namespace farebox::benchmark {
namespace {

using Stub = v1::BillingService::Stub;

// How each kind of call is begun, filled and counted.
struct DebitCall {
  using Request = v1::DebitRequest;
  using Response = v1::DebitResponse;
  static constexpr auto kPrepare = &Stub::PrepareAsyncDebit;
  static void Fill(const LoadOptions&, RequestMaker* maker, Request* request) {
    maker->Fill(request);
  }
  static int64_t Count(const Response&) { return 1; }
};

struct AuthorizeCall {
  using Request = v1::AuthorizeRequest;
  using Response = v1::AuthorizeResponse;
  static constexpr auto kPrepare = &Stub::PrepareAsyncAuthorize;
  static void Fill(const LoadOptions&, RequestMaker* maker, Request* request) {
    maker->Fill(request);
  }
  static int64_t Count(const Response& response) {
    return response.decision() == v1::DECISION_GRANTED ? 1 : 0;
  }
};

struct BalanceCall {
  using Request = v1::GetBalanceRequest;
  using Response = v1::GetBalanceResponse;
  static constexpr auto kPrepare = &Stub::PrepareAsyncGetBalance;
  static void Fill(const LoadOptions&, RequestMaker* maker, Request* request) {
    maker->Fill(request);
  }
  static int64_t Count(const Response&) { return 1; }
};

struct BatchCall {
  using Request = v1::ApplyBatchRequest;
  using Response = v1::ApplyBatchResponse;
  static constexpr auto kPrepare = &Stub::PrepareAsyncApplyBatch;
  static void Fill(const LoadOptions& options, RequestMaker* maker, Request* request) {
    if (request->operations_size() == 0) {
      for (int i = 0; i < options.batch_size; ++i) request->add_operations();
    }
    for (v1::Operation& operation : *request->mutable_operations()) {
      maker->Fill(operation.mutable_debit());
    }
  }
  static int64_t Count(const Response& response) {
    return std::count_if(response.results().begin(), response.results().end(),
                         [](const v1::OperationResult& result) { return result.has_debit(); });
  }
};

// One call in flight, used again and again.
template <typename Kind>
struct Slot {
  std::optional<grpc::ClientContext> context;
  typename Kind::Request request;
  typename Kind::Response response;
  grpc::Status status;
  absl::Time start;
  std::unique_ptr<grpc::ClientAsyncResponseReader<typename Kind::Response>> reader;
};

template <typename Kind>
class UnaryLoad {
 public:
  explicit UnaryLoad(const LoadOptions& options) : options_(options), maker_(options.accounts) {
    for (int i = 0; i < options.channels; ++i) {
      grpc::ChannelArguments arguments;
      arguments.SetInt("benchmark_channel", i);  // Otherwise channels share a connection.
      arguments.SetMaxReceiveMessageSize(-1);
      stubs_.push_back(v1::BillingService::NewStub(grpc::CreateCustomChannel(
          options.server, grpc::InsecureChannelCredentials(), arguments)));
    }
  }

  absl::StatusOr<LoadResult> Run() {
    std::vector<Slot<Kind>> slots(static_cast<size_t>(options_.outstanding));
    const absl::Time begin = clock_.Now() + absl::Seconds(options_.warmup_seconds);
    const absl::Time end = begin + absl::Seconds(options_.seconds);
    for (Slot<Kind>& slot : slots) Start(&slot);

    LatencyRecorder latencies;
    LoadResult result;
    int64_t counted = 0;
    size_t in_flight = slots.size();
    void* tag = nullptr;
    bool ok = false;
    while (in_flight > 0 && queue_.Next(&tag, &ok)) {
      Slot<Kind>* const slot = static_cast<Slot<Kind>*>(tag);
      const absl::Time now = clock_.Now();
      const int64_t count = slot->status.ok() ? Kind::Count(slot->response) : 0;
      if (now >= begin && now < end) {
        counted += count;
        latencies.Add(now - slot->start);
        if (count == 0) ++result.errors;
      }
      if (count == 0 && first_error_.ok()) first_error_ = slot->status;
      if (now < end) {
        Start(slot);
      } else {
        --in_flight;
      }
    }
    if (counted == 0) {
      return absl::UnavailableError(
          absl::StrCat("no call succeeded: ", first_error_.error_message()));
    }
    result.operations_per_second = static_cast<double>(counted) / options_.seconds;
    result.p50_micros = latencies.Percentile(50);
    result.p99_micros = latencies.Percentile(99);
    return result;
  }

 private:
  void Start(Slot<Kind>* slot) {
    Kind::Fill(options_, &maker_, &slot->request);
    slot->context.emplace();
    slot->start = clock_.Now();
    Stub* const stub = stubs_[next_stub_++ % stubs_.size()].get();
    slot->reader = (stub->*Kind::kPrepare)(&*slot->context, slot->request, &queue_);
    slot->reader->StartCall();
    slot->reader->Finish(&slot->response, &slot->status, slot);
  }

  const LoadOptions options_;
  const SystemClock clock_;
  RequestMaker maker_;
  std::vector<std::unique_ptr<Stub>> stubs_;
  size_t next_stub_ = 0;
  grpc::CompletionQueue queue_;
  grpc::Status first_error_;
};

absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

absl::Status ImportDeck(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  v1::ImportRatesResponse response;
  const auto writer = v1::RateService::NewStub(channel)->ImportRates(&context, &response);
  v1::ImportRatesRequest request;
  request.set_deck(kDeckName);
  request.set_csv(kDeckCsv);
  writer->Write(request);
  writer->WritesDone();
  return ToAbsl(writer->Finish());
}

}  // namespace

absl::Status PrepareAccounts(const LoadOptions& options) {
  const auto channel = grpc::CreateChannel(options.server, grpc::InsecureChannelCredentials());
  if (absl::Status imported = ImportDeck(channel); !imported.ok()) return imported;

  const auto accounts = v1::AccountService::NewStub(channel);
  const auto billing = v1::BillingService::NewStub(channel);
  RequestMaker maker(options.accounts);
  v1::ApplyBatchRequest credits;
  for (int i = 0; i < options.accounts; ++i) {
    grpc::ClientContext context;
    v1::CreateAccountRequest request;
    v1::CreateAccountResponse response;
    maker.FillCreate(i, &request);
    const grpc::Status created = accounts->CreateAccount(&context, request, &response);
    if (!created.ok()) return ToAbsl(created);
    maker.FillCredit(i, credits.add_operations()->mutable_credit());
  }
  grpc::ClientContext context;
  v1::ApplyBatchResponse response;
  return ToAbsl(billing->ApplyBatch(&context, credits, &response));
}

absl::StatusOr<LoadResult> RunUnaryLoad(const LoadOptions& options) {
  if (options.operation == "debit") return UnaryLoad<DebitCall>(options).Run();
  if (options.operation == "authorize") return UnaryLoad<AuthorizeCall>(options).Run();
  if (options.operation == "balance") return UnaryLoad<BalanceCall>(options).Run();
  if (options.operation == "batch") return UnaryLoad<BatchCall>(options).Run();
  return absl::InvalidArgumentError(absl::StrCat("unknown operation ", options.operation));
}

}  // namespace farebox::benchmark
