#include "tests/client/fake_server.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "farebox/v1/access.grpc.pb.h"
#include "farebox/v1/account.grpc.pb.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "farebox/v1/number.grpc.pb.h"
#include "farebox/v1/operations.grpc.pb.h"
#include "farebox/v1/rate.grpc.pb.h"
#include "farebox/v1/recharge.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "storage/check.h"

namespace farebox::testing {
namespace {

// As the real one.
constexpr size_t kStreamMessageBytesMax = 512 * 1024;

Reaction Refuses(grpc::StatusCode code, absl::string_view message) {
  Reaction reaction;
  reaction.status.set_code(code);
  reaction.status.set_message(std::string(message));
  return reaction;
}

google::rpc::ErrorInfo Info(absl::string_view reason) {
  google::rpc::ErrorInfo info;
  info.set_domain("farebox");
  info.set_reason(std::string(reason));
  (*info.mutable_metadata())["account_id"] = "acme";
  return info;
}

}  // namespace

Reaction Answers() { return {}; }

Reaction IsSilent() { return {.is_silent = true}; }

Reaction IsUnavailable() { return Refuses(grpc::StatusCode::UNAVAILABLE, "away"); }

Reaction IsCancelled() { return Refuses(grpc::StatusCode::CANCELLED, "cut"); }

Reaction IsOverloaded(absl::Duration retry_after) {
  Reaction reaction = Refuses(grpc::StatusCode::RESOURCE_EXHAUSTED, "the queue is full");
  reaction.status.add_details()->PackFrom(Info("OVERLOADED"));
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(retry_after)));
  reaction.status.add_details()->PackFrom(retry);
  return reaction;
}

Reaction FindsMessageTooLarge() {
  Reaction reaction = Refuses(grpc::StatusCode::RESOURCE_EXHAUSTED, "the message is too large");
  reaction.status.add_details()->PackFrom(Info("MESSAGE_TOO_LARGE"));
  return reaction;
}

Reaction IsFaulty() {
  Reaction reaction = Refuses(grpc::StatusCode::INTERNAL, "the server failed to answer");
  reaction.status.add_details()->PackFrom(Info("INTERNAL"));
  return reaction;
}

Reaction IsUnknown() { return Refuses(grpc::StatusCode::UNKNOWN, "status: 500"); }

Reaction FindsRequestIdReused() {
  Reaction reaction = Refuses(grpc::StatusCode::ALREADY_EXISTS, "came before with other content");
  reaction.status.add_details()->PackFrom(Info("REQUEST_ID_REUSED"));
  return reaction;
}

Reaction FindsFieldInvalid() {
  Reaction reaction = Refuses(grpc::StatusCode::INVALID_ARGUMENT, "usage.call.to: is empty");
  reaction.status.add_details()->PackFrom(Info("FIELD_INVALID"));
  google::rpc::BadRequest bad_request;
  auto* const violation = bad_request.add_field_violations();
  violation->set_field("usage.call.to");
  violation->set_description("is empty");
  reaction.status.add_details()->PackFrom(bad_request);
  return reaction;
}

Reaction FindsInsufficientBalance() {
  Reaction reaction =
      Refuses(grpc::StatusCode::FAILED_PRECONDITION, "0.10 available, 4.99 required");
  reaction.status.add_details()->PackFrom(Info("INSUFFICIENT_BALANCE"));
  return reaction;
}

Reaction FindsPaymentPending() {
  Reaction reaction = Refuses(grpc::StatusCode::UNAVAILABLE, "payment p-1 waits");
  google::rpc::ErrorInfo info = Info("PAYMENT_PENDING");
  (*info.mutable_metadata())["action_url"] = "https://bank.example/confirm";
  reaction.status.add_details()->PackFrom(info);
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(1'000'000);
  reaction.status.add_details()->PackFrom(retry);
  return reaction;
}

struct FakeServer::Services final : public v1::BillingService::Service,
                                    public v1::AccessService::Service,
                                    public v1::AccountService::Service,
                                    public v1::RateService::Service,
                                    public v1::RechargeService::Service,
                                    public v1::NumberService::Service,
                                    public v1::OperationsService::Service {
  using Context = grpc::ServerContext;

  Services() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(static_cast<v1::BillingService::Service*>(this));
    builder.RegisterService(static_cast<v1::AccessService::Service*>(this));
    builder.RegisterService(static_cast<v1::AccountService::Service*>(this));
    builder.RegisterService(static_cast<v1::RateService::Service*>(this));
    builder.RegisterService(static_cast<v1::RechargeService::Service*>(this));
    builder.RegisterService(static_cast<v1::NumberService::Service*>(this));
    builder.RegisterService(static_cast<v1::OperationsService::Service*>(this));
    server = builder.BuildAndStart();
    FAREBOX_CHECK(server != nullptr);
    address = absl::StrCat("127.0.0.1:", port);
  }

  ~Services() override {
    is_over.Notify();
    server->Shutdown(std::chrono::system_clock::now());
    server->Wait();
  }

  // Takes the next reaction.
  grpc::Status Meet(const std::string& request_id) {
    Reaction reaction;
    {
      const absl::MutexLock lock(&mu);
      request_ids.push_back(request_id);
      if (!reactions.empty()) {
        reaction = std::move(reactions.front());
        reactions.pop_front();
      }
    }
    if (reaction.is_silent) is_over.WaitForNotification();
    return StatusOf(reaction);
  }

  static grpc::Status StatusOf(const Reaction& reaction) {
    if (reaction.status.code() == 0) return grpc::Status::OK;
    return {static_cast<grpc::StatusCode>(reaction.status.code()), reaction.status.message(),
            reaction.status.SerializeAsString()};
  }

  // What the caller has sent under this name, empty where it has not.
  static std::string SentAs(const char* name, const Context& context) {
    const auto sent = context.client_metadata().find(name);
    const bool is_there = sent != context.client_metadata().end();
    return is_there ? std::string(sent->second.data(), sent->second.size()) : "";
  }

  // Tells it back, as the server does.
  void NoteTrace(Context* context) {
    std::string header = SentAs("traceparent", *context);
    if (!header.empty()) context->AddTrailingMetadata("traceresponse", header);
    const absl::MutexLock lock(&mu);
    traceparents.push_back(std::move(header));
  }

  grpc::Status Authorize(Context*, const v1::AuthorizeRequest* request,
                         v1::AuthorizeResponse* response) override {
    response->set_decision(v1::DECISION_GRANTED);
    response->set_hold_id(7);
    return Meet(request->request_id());
  }
  grpc::Status Debit(Context*, const v1::DebitRequest* request,
                     v1::DebitResponse* response) override {
    {
      const absl::MutexLock lock(&mu);
      debit = *request;
    }
    response->mutable_entry()->set_entry_id(42);
    response->mutable_entry()->set_amount_micros(-request->amount_micros());
    return Meet(request->request_id());
  }
  grpc::Status Credit(Context*, const v1::CreditRequest* request, v1::CreditResponse*) override {
    {
      const absl::MutexLock lock(&mu);
      credit = *request;
    }
    return Meet(request->request_id());
  }
  grpc::Status GetBalance(Context* context, const v1::GetBalanceRequest*,
                          v1::GetBalanceResponse* response) override {
    NoteTrace(context);
    {
      const absl::MutexLock lock(&mu);
      authorizations.push_back(SentAs("authorization", *context));
    }
    response->set_balance_micros(12'500'000);
    response->set_currency_code("USD");
    return Meet("");
  }
  grpc::Status ApplyBatch(Context*, const v1::ApplyBatchRequest* request,
                          v1::ApplyBatchResponse* response) override {
    for (const v1::Operation& operation : request->operations()) {
      Answer(operation, response->add_results());
    }
    return Meet(request->operations(0).debit().request_id());
  }
  grpc::Status CreateApiKey(Context*, const v1::CreateApiKeyRequest*,
                            v1::CreateApiKeyResponse*) override {
    return Meet("");
  }
  grpc::Status CreateAccount(Context*, const v1::CreateAccountRequest* request,
                             v1::CreateAccountResponse*) override {
    return Meet(request->request_id());
  }
  grpc::Status Verify(Context*, const v1::VerifyRequest*, v1::VerifyResponse* response) override {
    const grpc::Status status = Meet("");
    const absl::MutexLock lock(&mu);
    *response = verification;
    return status;
  }

  grpc::Status Pay(Context*, const v1::PayRequest* request, v1::PayResponse* response) override {
    response->mutable_recharge()->set_account_id(request->account_id());
    response->mutable_recharge()->set_state(v1::RECHARGE_STATE_CREDITED);
    response->mutable_recharge()->set_amount_micros(request->amount_micros());
    response->mutable_recharge()->set_currency_code("USD");
    return Meet(request->request_id());
  }

  grpc::Status GetAutoRecharge(Context*, const v1::GetAutoRechargeRequest*,
                               v1::GetAutoRechargeResponse* response) override {
    const absl::MutexLock lock(&mu);
    *response->mutable_auto_recharge() = auto_recharge;
    return grpc::Status::OK;
  }
  grpc::Status UpdateAutoRecharge(Context*, const v1::UpdateAutoRechargeRequest* request,
                                  v1::UpdateAutoRechargeResponse* response) override {
    const absl::MutexLock lock(&mu);
    *response->mutable_auto_recharge() = auto_recharge = request->auto_recharge();
    return grpc::Status::OK;
  }

  grpc::Status ReconcileRecharges(Context*, const v1::ReconcileRechargesRequest*,
                                  v1::ReconcileRechargesResponse* response) override {
    const grpc::Status status = Meet("");
    const absl::MutexLock lock(&mu);
    *response = reconciliation;
    return status;
  }

  grpc::Status GetStatus(Context*, const v1::GetStatusRequest*, v1::GetStatusResponse*) override {
    return Meet("");
  }

  grpc::Status ListNumbers(Context*, const v1::ListNumbersRequest*,
                           v1::ListNumbersResponse* response) override {
    const absl::MutexLock lock(&mu);
    *response = numbers;
    return grpc::Status::OK;
  }

  grpc::Status ListActivity(Context*, const v1::ListActivityRequest*,
                            v1::ListActivityResponse* response) override {
    response->add_entries()->mutable_time()->set_seconds(86'400);
    return Meet("");
  }
  grpc::Status ExportActivity(Context* context, const v1::ExportActivityRequest*,
                              grpc::ServerWriter<v1::ExportActivityResponse>*) override {
    NoteTrace(context);
    return Meet("");
  }
  grpc::Status ExportRates(Context* context, const v1::ExportRatesRequest*,
                           grpc::ServerWriter<v1::ExportRatesResponse>*) override {
    NoteTrace(context);
    return Meet("");
  }
  grpc::Status Backup(Context* context, const v1::BackupRequest*,
                      grpc::ServerWriter<v1::BackupResponse>*) override {
    NoteTrace(context);
    return Meet("");
  }

  grpc::Status ApplyStream(
      Context*,
      grpc::ServerReaderWriter<v1::ApplyStreamResponse, v1::ApplyStreamRequest>* stream) override {
    v1::ApplyStreamRequest request;
    int results = 0;
    while (stream->Read(&request)) {
      if (request.ByteSizeLong() > kStreamMessageBytesMax) {
        return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too large"};
      }
      v1::ApplyStreamResponse response;
      if (!CountResult(&results)) return {grpc::StatusCode::UNAVAILABLE, "away"};
      response.set_correlation_id(request.correlation_id());
      Answer(request.operation(), response.mutable_result());
      for (const v1::StreamOperation& further : request.more()) {
        if (!CountResult(&results)) break;
        v1::StreamResult* const result = response.add_more();
        result->set_correlation_id(further.correlation_id());
        Answer(further.operation(), result->mutable_result());
      }
      stream->Write(response);
      if (response.more_size() < request.more_size()) {
        return {grpc::StatusCode::UNAVAILABLE, "away"};
      }
    }
    return grpc::Status::OK;
  }

  // False where the stream is to break instead.
  bool CountResult(int* results) {
    const absl::MutexLock lock(&mu);
    if (*results == results_max) return false;
    ++*results;
    return true;
  }

  grpc::Status WatchAccount(Context*, const v1::WatchAccountRequest* request,
                            grpc::ServerWriter<v1::WatchAccountResponse>* writer) override {
    int64_t first = request->from_entry_id() + 1;
    int64_t last = 0;
    bool is_breaking = false;
    Reaction reaction;
    {
      const absl::MutexLock lock(&mu);
      watched_from.push_back(request->from_entry_id());
      if (!watch_reactions.empty()) {
        reaction = std::move(watch_reactions.front());
        watch_reactions.pop_front();
      }
      last = std::min(journal_last, request->from_entry_id() + entries_per_stream);
      is_breaking = last < journal_last;
    }
    if (reaction.status.code() != 0) return StatusOf(reaction);
    if (request->account_id() == "nobody") return {grpc::StatusCode::NOT_FOUND, "no such account"};
    for (; first <= last; ++first) {
      v1::WatchAccountResponse event;
      event.mutable_entry()->set_entry_id(first);
      writer->Write(event);
    }
    if (is_breaking) return {grpc::StatusCode::UNAVAILABLE, "away"};
    is_over.WaitForNotification();
    return grpc::Status::OK;
  }

  grpc::Status ImportRates(Context* context, grpc::ServerReader<v1::ImportRatesRequest>* reader,
                           v1::ImportRatesResponse* response) override {
    NoteTrace(context);
    v1::ImportRatesRequest piece;
    std::string csv;
    while (reader->Read(&piece)) {
      if (!piece.deck().empty()) response->mutable_rate_deck()->set_deck(piece.deck());
      csv += piece.csv();
    }
    {
      const absl::MutexLock lock(&mu);
      imported_csv = csv;
    }
    return Meet("");
  }

  static void Answer(const v1::Operation& operation, v1::OperationResult* result) {
    if (operation.debit().account_id() == "poor") {
      *result->mutable_error() = FindsInsufficientBalance().status;
    } else {
      result->mutable_debit()->mutable_entry()->set_request_id(operation.debit().request_id());
    }
  }

  // Constant after construction.
  std::unique_ptr<grpc::Server> server;
  std::string address;

  absl::Notification is_over;  // Lets those go who are silent.

  absl::Mutex mu;
  std::deque<Reaction> reactions ABSL_GUARDED_BY(mu);
  v1::VerifyResponse verification ABSL_GUARDED_BY(mu);
  v1::ReconcileRechargesResponse reconciliation ABSL_GUARDED_BY(mu);
  v1::AutoRecharge auto_recharge ABSL_GUARDED_BY(mu);
  v1::ListNumbersResponse numbers ABSL_GUARDED_BY(mu);
  int results_max ABSL_GUARDED_BY(mu) = -1;
  std::deque<Reaction> watch_reactions ABSL_GUARDED_BY(mu);
  int64_t journal_last ABSL_GUARDED_BY(mu) = 0;
  int64_t entries_per_stream ABSL_GUARDED_BY(mu) = 0;
  std::vector<std::string> request_ids ABSL_GUARDED_BY(mu);
  v1::DebitRequest debit ABSL_GUARDED_BY(mu);
  v1::CreditRequest credit ABSL_GUARDED_BY(mu);
  std::vector<std::string> traceparents ABSL_GUARDED_BY(mu);
  std::vector<std::string> authorizations ABSL_GUARDED_BY(mu);
  std::vector<int64_t> watched_from ABSL_GUARDED_BY(mu);
  std::string imported_csv ABSL_GUARDED_BY(mu);
};

FakeServer::FakeServer() : services_(std::make_unique<Services>()) {}
FakeServer::~FakeServer() = default;

const std::string& FakeServer::address() const { return services_->address; }

void FakeServer::React(std::vector<Reaction> reactions) {
  const absl::MutexLock lock(&services_->mu);
  services_->reactions.assign(reactions.begin(), reactions.end());
}

void FakeServer::SetVerification(const v1::VerifyResponse& response) {
  const absl::MutexLock lock(&services_->mu);
  services_->verification = response;
}

void FakeServer::SetReconciliation(const v1::ReconcileRechargesResponse& response) {
  const absl::MutexLock lock(&services_->mu);
  services_->reconciliation = response;
}

void FakeServer::SetAutoRecharge(const v1::AutoRecharge& settings) {
  const absl::MutexLock lock(&services_->mu);
  services_->auto_recharge = settings;
}

void FakeServer::SetNumbers(const v1::ListNumbersResponse& response) {
  const absl::MutexLock lock(&services_->mu);
  services_->numbers = response;
}

void FakeServer::BreakApplyStreamAfter(int results) {
  const absl::MutexLock lock(&services_->mu);
  services_->results_max = results;
}

void FakeServer::SetJournal(int64_t last, int64_t per_stream) {
  const absl::MutexLock lock(&services_->mu);
  services_->journal_last = last;
  services_->entries_per_stream = per_stream;
}

void FakeServer::ReactToWatchers(std::vector<Reaction> reactions) {
  const absl::MutexLock lock(&services_->mu);
  services_->watch_reactions.assign(reactions.begin(), reactions.end());
}

std::vector<std::string> FakeServer::request_ids() const {
  const absl::MutexLock lock(&services_->mu);
  return services_->request_ids;
}

v1::DebitRequest FakeServer::debit() const {
  const absl::MutexLock lock(&services_->mu);
  return services_->debit;
}

v1::CreditRequest FakeServer::credit() const {
  const absl::MutexLock lock(&services_->mu);
  return services_->credit;
}

v1::AutoRecharge FakeServer::auto_recharge() const {
  const absl::MutexLock lock(&services_->mu);
  return services_->auto_recharge;
}

std::vector<std::string> FakeServer::traceparents() const {
  const absl::MutexLock lock(&services_->mu);
  return services_->traceparents;
}

std::vector<std::string> FakeServer::authorizations() const {
  const absl::MutexLock lock(&services_->mu);
  return services_->authorizations;
}

std::vector<int64_t> FakeServer::watched_from() const {
  const absl::MutexLock lock(&services_->mu);
  return services_->watched_from;
}

std::string FakeServer::imported_csv() const {
  const absl::MutexLock lock(&services_->mu);
  return services_->imported_csv;
}

}  // namespace farebox::testing
