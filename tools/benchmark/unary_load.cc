#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "farebox/v1/rate.grpc.pb.h"
#include "storage/clock.h"
#include "tools/benchmark/calls.h"
#include "tools/benchmark/identity.h"
#include "tools/benchmark/latency.h"
#include "tools/benchmark/load.h"
#include "tools/benchmark/requests.h"

namespace farebox::benchmark {
namespace {

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
  using Stub = typename Kind::Stub;

  explicit UnaryLoad(const LoadOptions& options) : options_(options), maker_(options.accounts) {
    for (int i = 0; i < options.channels; ++i) {
      grpc::ChannelArguments arguments;
      arguments.SetInt("benchmark_channel", i);  // Otherwise channels share a connection.
      arguments.SetMaxReceiveMessageSize(-1);
      stubs_.push_back(std::make_unique<Stub>(
          grpc::CreateCustomChannel(options.server, Credentials(options), arguments)));
    }
  }

  absl::StatusOr<LoadResult> Run() {
    std::vector<Slot<Kind>> slots(static_cast<size_t>(options_.outstanding));
    begin_ = clock_.Now();
    if (!is_counted()) begin_ += absl::Seconds(options_.warmup_seconds);
    for (Slot<Kind>& slot : slots) Start(&slot);

    size_t in_flight = slots.size();
    void* tag = nullptr;
    bool ok = false;
    while (in_flight > 0 && queue_.Next(&tag, &ok)) {
      Slot<Kind>* const slot = static_cast<Slot<Kind>*>(tag);
      const absl::Time now = clock_.Now();
      Count(*slot, now);
      if (IsOver(now)) {
        --in_flight;
      } else {
        Start(slot);
      }
    }
    if (counted_ == 0) {
      return absl::UnavailableError(
          absl::StrCat("no call succeeded: ", first_error_.error_message()));
    }
    const double seconds =
        is_counted() ? absl::ToDoubleSeconds(clock_.Now() - begin_) : options_.seconds;
    result_.operations_per_second = static_cast<double>(counted_) / seconds;
    result_.p50_micros = latencies_.Percentile(50);
    result_.p99_micros = latencies_.Percentile(99);
    result_.max_micros = latencies_.Percentile(100);
    return result_;
  }

 private:
  bool is_counted() const { return options_.operations > 0; }

  bool IsOver(absl::Time now) const {
    if (is_counted()) return started_ * PerCall() >= options_.operations;
    return now >= begin_ + absl::Seconds(options_.seconds);
  }

  int64_t PerCall() const { return Kind::kIsBatch ? options_.batch_size : 1; }

  void Count(const Slot<Kind>& slot, absl::Time now) {
    const int64_t count = slot.status.ok() ? Kind::Count(slot.response) : 0;
    if (count == 0 && first_error_.ok()) first_error_ = slot.status;
    if (!is_counted() && (now < begin_ || IsOver(now))) return;
    counted_ += count;
    latencies_.Add(now - slot.start);
    if (count == 0) ++result_.errors;
  }

  void Start(Slot<Kind>* slot) {
    Kind::Fill(options_, &maker_, &slot->request);
    ++started_;
    slot->context.emplace();
    AddHeaders(options_, &*slot->context);
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

  absl::Time begin_;
  int64_t started_ = 0;
  int64_t counted_ = 0;
  LatencyRecorder latencies_;
  LoadResult result_;
  grpc::Status first_error_;
};

absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

absl::Status ImportDeck(const LoadOptions& options, const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  AddHeaders(options, &context);
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
  const auto channel = grpc::CreateChannel(options.server, Credentials(options));
  if (absl::Status imported = ImportDeck(options, channel); !imported.ok()) return imported;

  LoadOptions each = options;
  each.operations = options.accounts;
  each.outstanding = std::min(options.outstanding, options.accounts);
  if (const auto created = UnaryLoad<CreateCall>(each).Run(); !created.ok()) {
    return created.status();
  }
  each.outstanding = 1;
  each.batch_size = std::min(options.batch_size, options.accounts);
  return UnaryLoad<BatchCall<v1::CreditRequest>>(each).Run().status();
}

absl::StatusOr<LoadResult> RunUnaryLoad(const LoadOptions& options) {
  if (options.operation == "debit") return UnaryLoad<DebitCall>(options).Run();
  if (options.operation == "authorize") return UnaryLoad<AuthorizeCall>(options).Run();
  if (options.operation == "balance") return UnaryLoad<BalanceCall>(options).Run();
  if (options.operation == "activity") return UnaryLoad<ActivityCall>(options).Run();
  if (options.operation == "batch") return UnaryLoad<BatchCall<v1::DebitRequest>>(options).Run();
  return absl::InvalidArgumentError(absl::StrCat("unknown operation ", options.operation));
}

}  // namespace farebox::benchmark
