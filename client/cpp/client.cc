#include "client/cpp/client.h"

#include <grpcpp/channel.h>

#include <algorithm>
#include <string>
#include <utility>

#include "client/cpp/calls.h"
#include "client/cpp/channel.h"
#include "client/cpp/retry.h"
#include "client/cpp/streams.h"
#include "farebox/v1/access.grpc.pb.h"
#include "farebox/v1/account.grpc.pb.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "farebox/v1/number.grpc.pb.h"
#include "farebox/v1/operations.grpc.pb.h"
#include "farebox/v1/rate.grpc.pb.h"
#include "farebox/v1/recharge.grpc.pb.h"

namespace farebox::client {
namespace {

// The server takes pieces of 60,000 bytes at most.
constexpr size_t kImportPieceBytes = 32 * 1024;

// Of a call that asks the payment provider.
constexpr int kProviderAttemptsMax = 3;

using AccessRpcs = v1::AccessService::Stub;
using Accounts = v1::AccountService::Stub;
using Billing = v1::BillingService::Stub;
using BillingAsync = v1::BillingService::StubInterface::async_interface;
using Numbers = v1::NumberService::Stub;
using Operations = v1::OperationsService::Stub;
using Rates = v1::RateService::Stub;
using Recharges = v1::RechargeService::Stub;

}  // namespace

struct Client::Connection {
  explicit Connection(ClientOptions client_options)
      : options(std::move(client_options)), channel(Connect(options)) {}

  CallPlan Plan(const CallOptions& call) const {
    return {RetryPlan(options.retry, call.timeout.value_or(options.timeout)), call.traceparent,
            channel.get()};
  }

  // One attempt: for a change without a request id.
  CallPlan OncePlan(const CallOptions& call) const {
    RetryOptions retry = options.retry;
    retry.attempt_timeout = call.timeout.value_or(options.timeout);
    retry.attempts_max = 1;
    return {RetryPlan(retry, retry.attempt_timeout), call.traceparent, channel.get()};
  }

  // For what takes as long as there is data.
  absl::Duration BulkTimeout(const CallOptions& call) const {
    return call.timeout.value_or(options.bulk_timeout);
  }

  // An attempt may take all the time there is: what is slow is not lost.
  CallPlan BulkPlan(const CallOptions& call) const {
    RetryOptions retry = options.retry;
    retry.attempt_timeout = BulkTimeout(call);
    return {RetryPlan(retry, retry.attempt_timeout), call.traceparent, channel.get()};
  }

  // The same where a payment provider is asked, who is not to be asked often.
  CallPlan ProviderPlan(const CallOptions& call) const {
    RetryOptions retry = options.retry;
    retry.attempt_timeout = call.timeout.value_or(options.provider_timeout);
    retry.attempts_max = std::min(retry.attempts_max, kProviderAttemptsMax);
    return {RetryPlan(retry, retry.attempt_timeout), call.traceparent, channel.get()};
  }

  // One attempt of a stream that takes as long as there is data. `run` opens it, reads or writes
  // all of it, and returns how it finished.
  absl::Status Stream(const CallOptions& call,
                      absl::FunctionRef<grpc::Status(grpc::ClientContext*)> run) const {
    grpc::ClientContext context;
    SetTimeout(BulkTimeout(call), &context);
    SetTraceparent(call.traceparent, &context);
    absl::Status status = FromGrpc(run(&context));
    return status.ok() ? status : WithTraceId(context, std::move(status));
  }

  template <typename Request, typename Response>
  void StartAsync(ReportingMethod<BillingAsync, Request, Response> method, Request request,
                  const CallOptions& call, std::function<void(absl::StatusOr<Response>)> done) {
    AsyncCall<BillingAsync, Request, Response>::Start(billing.async(), method, std::move(request),
                                                      Plan(call), &open_calls, options.calls_max,
                                                      std::move(done));
  }

  // Constant after construction.
  const ClientOptions options;

  // Synchronise themselves.
  const std::shared_ptr<grpc::Channel> channel;
  AccessRpcs access{channel};
  Accounts accounts{channel};
  Billing billing{channel};
  Numbers numbers{channel};
  Operations operations{channel};
  Rates rates{channel};
  Recharges recharges{channel};
  OpenCalls open_calls;
};

Client::Client(ClientOptions options)
    : connection_(std::make_unique<Connection>(std::move(options))) {}

Client::~Client() { connection_->open_calls.Close(); }

absl::StatusOr<v1::AuthorizeResponse> Client::Authorize(v1::AuthorizeRequest request,
                                                        const CallOptions& options) {
  return Call(&connection_->billing, &Billing::Authorize, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ReauthorizeResponse> Client::Reauthorize(v1::ReauthorizeRequest request,
                                                            const CallOptions& options) {
  return Call(&connection_->billing, &Billing::Reauthorize, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::DebitResponse> Client::Debit(v1::DebitRequest request,
                                                const CallOptions& options) {
  return Call(&connection_->billing, &Billing::Debit, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ReleaseResponse> Client::Release(v1::ReleaseRequest request,
                                                    const CallOptions& options) {
  return Call(&connection_->billing, &Billing::Release, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::CreditResponse> Client::Credit(v1::CreditRequest request,
                                                  const CallOptions& options) {
  return Call(&connection_->billing, &Billing::Credit, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::GetBalanceResponse> Client::GetBalance(v1::GetBalanceRequest request,
                                                          const CallOptions& options) {
  return Call(&connection_->billing, &Billing::GetBalance, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::QuoteResponse> Client::Quote(v1::QuoteRequest request,
                                                const CallOptions& options) {
  return Call(&connection_->billing, &Billing::Quote, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ListHoldsResponse> Client::ListHolds(v1::ListHoldsRequest request,
                                                        const CallOptions& options) {
  return Call(&connection_->billing, &Billing::ListHolds, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ApplyBatchResponse> Client::ApplyBatch(v1::ApplyBatchRequest request,
                                                          const CallOptions& options) {
  return Call(&connection_->billing, &Billing::ApplyBatch, std::move(request),
              connection_->Plan(options));
}

void Client::AuthorizeAsync(v1::AuthorizeRequest request, Done<v1::AuthorizeResponse> done,
                            const CallOptions& options) {
  connection_->StartAsync(&BillingAsync::Authorize, std::move(request), options, std::move(done));
}

void Client::ReauthorizeAsync(v1::ReauthorizeRequest request, Done<v1::ReauthorizeResponse> done,
                              const CallOptions& options) {
  connection_->StartAsync(&BillingAsync::Reauthorize, std::move(request), options, std::move(done));
}

void Client::DebitAsync(v1::DebitRequest request, Done<v1::DebitResponse> done,
                        const CallOptions& options) {
  connection_->StartAsync(&BillingAsync::Debit, std::move(request), options, std::move(done));
}

void Client::ReleaseAsync(v1::ReleaseRequest request, Done<v1::ReleaseResponse> done,
                          const CallOptions& options) {
  connection_->StartAsync(&BillingAsync::Release, std::move(request), options, std::move(done));
}

void Client::CreditAsync(v1::CreditRequest request, Done<v1::CreditResponse> done,
                         const CallOptions& options) {
  connection_->StartAsync(&BillingAsync::Credit, std::move(request), options, std::move(done));
}

void Client::GetBalanceAsync(v1::GetBalanceRequest request, Done<v1::GetBalanceResponse> done,
                             const CallOptions& options) {
  connection_->StartAsync(&BillingAsync::GetBalance, std::move(request), options, std::move(done));
}

void Client::ApplyBatchAsync(v1::ApplyBatchRequest request, Done<v1::ApplyBatchResponse> done,
                             const CallOptions& options) {
  connection_->StartAsync(&BillingAsync::ApplyBatch, std::move(request), options, std::move(done));
}

std::unique_ptr<ApplyStream> Client::OpenApplyStream(ApplyStream::OnResult on_result,
                                                     ApplyStreamOptions options) {
  return StartApplyStream(&connection_->billing, std::move(on_result), options);
}

std::unique_ptr<Watch> Client::WatchAccount(v1::WatchAccountRequest request,
                                            Watch::OnEvent on_event, WatchOptions options) {
  return StartWatch(&connection_->billing, std::move(request), std::move(on_event), options,
                    connection_->options.retry);
}

absl::StatusOr<v1::CreateAccountResponse> Client::CreateAccount(v1::CreateAccountRequest request,
                                                                const CallOptions& options) {
  return Call(&connection_->accounts, &Accounts::CreateAccount, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::GetAccountResponse> Client::GetAccount(v1::GetAccountRequest request,
                                                          const CallOptions& options) {
  return Call(&connection_->accounts, &Accounts::GetAccount, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::UpdateAccountResponse> Client::UpdateAccount(v1::UpdateAccountRequest request,
                                                                const CallOptions& options) {
  return Call(&connection_->accounts, &Accounts::UpdateAccount, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ListAccountsResponse> Client::ListAccounts(v1::ListAccountsRequest request,
                                                              const CallOptions& options) {
  return Call(&connection_->accounts, &Accounts::ListAccounts, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::SuspendAccountResponse> Client::SuspendAccount(v1::SuspendAccountRequest request,
                                                                  const CallOptions& options) {
  return Call(&connection_->accounts, &Accounts::SuspendAccount, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ResumeAccountResponse> Client::ResumeAccount(v1::ResumeAccountRequest request,
                                                                const CallOptions& options) {
  return Call(&connection_->accounts, &Accounts::ResumeAccount, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::CloseAccountResponse> Client::CloseAccount(v1::CloseAccountRequest request,
                                                              const CallOptions& options) {
  return Call(&connection_->accounts, &Accounts::CloseAccount, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ListActivityResponse> Client::ListActivity(v1::ListActivityRequest request,
                                                              const CallOptions& options) {
  return Call(&connection_->accounts, &Accounts::ListActivity, std::move(request),
              connection_->Plan(options));
}

absl::Status Client::ExportActivity(v1::ExportActivityRequest request,
                                    absl::FunctionRef<void(const v1::ExportActivityResponse&)> take,
                                    const CallOptions& options) {
  return connection_->Stream(options, [&](grpc::ClientContext* context) {
    const auto stream = connection_->accounts.ExportActivity(context, request);
    v1::ExportActivityResponse piece;
    while (stream->Read(&piece)) take(piece);
    return stream->Finish();
  });
}

absl::StatusOr<v1::GetSummaryResponse> Client::GetSummary(v1::GetSummaryRequest request,
                                                          const CallOptions& options) {
  return Call(&connection_->accounts, &Accounts::GetSummary, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ImportRatesResponse> Client::ImportRates(absl::string_view deck,
                                                            absl::string_view csv,
                                                            const CallOptions& options) {
  v1::ImportRatesResponse response;
  const absl::Status ended = connection_->Stream(options, [&](grpc::ClientContext* context) {
    const auto stream = connection_->rates.ImportRates(context, &response);
    v1::ImportRatesRequest piece;
    piece.set_deck(std::string(deck));
    // One piece at least: it names the deck. A piece that is not taken ends the stream; Finish says
    // why.
    do {
      piece.set_csv(std::string(csv.substr(0, kImportPieceBytes)));
      csv.remove_prefix(piece.csv().size());
      if (!stream->Write(piece)) break;
      piece.clear_deck();
    } while (!csv.empty());
    stream->WritesDone();
    return stream->Finish();
  });
  if (!ended.ok()) return ended;
  return response;
}

absl::StatusOr<v1::ListRateDecksResponse> Client::ListRateDecks(v1::ListRateDecksRequest request,
                                                                const CallOptions& options) {
  return Call(&connection_->rates, &Rates::ListRateDecks, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ListRatesResponse> Client::ListRates(v1::ListRatesRequest request,
                                                        const CallOptions& options) {
  return Call(&connection_->rates, &Rates::ListRates, std::move(request),
              connection_->Plan(options));
}

absl::Status Client::ExportRates(v1::ExportRatesRequest request,
                                 absl::FunctionRef<void(absl::string_view)> take,
                                 const CallOptions& options) {
  return connection_->Stream(options, [&](grpc::ClientContext* context) {
    const auto stream = connection_->rates.ExportRates(context, request);
    v1::ExportRatesResponse piece;
    while (stream->Read(&piece)) take(piece.csv());
    return stream->Finish();
  });
}

absl::StatusOr<v1::CreateApiKeyResponse> Client::CreateApiKey(v1::CreateApiKeyRequest request,
                                                              const CallOptions& options) {
  return Call(&connection_->access, &AccessRpcs::CreateApiKey, std::move(request),
              connection_->OncePlan(options));
}

absl::StatusOr<v1::CreateSignInLinkResponse> Client::CreateSignInLink(
    v1::CreateSignInLinkRequest request, const CallOptions& options) {
  return Call(&connection_->access, &AccessRpcs::CreateSignInLink, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::RevokeApiKeyResponse> Client::RevokeApiKey(v1::RevokeApiKeyRequest request,
                                                              const CallOptions& options) {
  return Call(&connection_->access, &AccessRpcs::RevokeApiKey, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ListApiKeysResponse> Client::ListApiKeys(v1::ListApiKeysRequest request,
                                                            const CallOptions& options) {
  return Call(&connection_->access, &AccessRpcs::ListApiKeys, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ListAuditLogResponse> Client::ListAuditLog(v1::ListAuditLogRequest request,
                                                              const CallOptions& options) {
  return Call(&connection_->access, &AccessRpcs::ListAuditLog, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::PayResponse> Client::Pay(v1::PayRequest request, const CallOptions& options) {
  return Call(&connection_->recharges, &Recharges::Pay, std::move(request),
              connection_->ProviderPlan(options));
}

absl::StatusOr<v1::GetAutoRechargeResponse> Client::GetAutoRecharge(
    v1::GetAutoRechargeRequest request, const CallOptions& options) {
  return Call(&connection_->recharges, &Recharges::GetAutoRecharge, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::UpdateAutoRechargeResponse> Client::UpdateAutoRecharge(
    v1::UpdateAutoRechargeRequest request, const CallOptions& options) {
  return Call(&connection_->recharges, &Recharges::UpdateAutoRecharge, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::RetryRechargeResponse> Client::RetryRecharge(v1::RetryRechargeRequest request,
                                                                const CallOptions& options) {
  return Call(&connection_->recharges, &Recharges::RetryRecharge, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::StartCardSetupResponse> Client::StartCardSetup(v1::StartCardSetupRequest request,
                                                                  const CallOptions& options) {
  return Call(&connection_->recharges, &Recharges::StartCardSetup, std::move(request),
              connection_->ProviderPlan(options));
}

absl::StatusOr<v1::CompleteCardSetupResponse> Client::CompleteCardSetup(
    v1::CompleteCardSetupRequest request, const CallOptions& options) {
  return Call(&connection_->recharges, &Recharges::CompleteCardSetup, std::move(request),
              connection_->ProviderPlan(options));
}

absl::StatusOr<v1::GetCardResponse> Client::GetCard(v1::GetCardRequest request,
                                                    const CallOptions& options) {
  return Call(&connection_->recharges, &Recharges::GetCard, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::DeleteCardResponse> Client::DeleteCard(v1::DeleteCardRequest request,
                                                          const CallOptions& options) {
  return Call(&connection_->recharges, &Recharges::DeleteCard, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ListRechargesResponse> Client::ListRecharges(v1::ListRechargesRequest request,
                                                                const CallOptions& options) {
  return Call(&connection_->recharges, &Recharges::ListRecharges, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ReconcileRechargesResponse> Client::ReconcileRecharges(
    v1::ReconcileRechargesRequest request, const CallOptions& options) {
  return Call(&connection_->recharges, &Recharges::ReconcileRecharges, std::move(request),
              connection_->BulkPlan(options));
}

absl::StatusOr<v1::PurchaseNumberResponse> Client::PurchaseNumber(v1::PurchaseNumberRequest request,
                                                                  const CallOptions& options) {
  return Call(&connection_->numbers, &Numbers::PurchaseNumber, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ReleaseNumberResponse> Client::ReleaseNumber(v1::ReleaseNumberRequest request,
                                                                const CallOptions& options) {
  return Call(&connection_->numbers, &Numbers::ReleaseNumber, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::ListNumbersResponse> Client::ListNumbers(v1::ListNumbersRequest request,
                                                            const CallOptions& options) {
  return Call(&connection_->numbers, &Numbers::ListNumbers, std::move(request),
              connection_->Plan(options));
}

absl::StatusOr<v1::VerifyResponse> Client::Verify(v1::VerifyRequest request,
                                                  const CallOptions& options) {
  return Call(&connection_->operations, &Operations::Verify, std::move(request),
              connection_->BulkPlan(options));
}

absl::StatusOr<v1::BackupResult> Client::Backup(
    v1::BackupRequest request, absl::FunctionRef<void(const v1::BackupProgress&)> take_progress,
    const CallOptions& options) {
  v1::BackupResult result;
  const absl::Status ended = connection_->Stream(options, [&](grpc::ClientContext* context) {
    const auto stream = connection_->operations.Backup(context, request);
    v1::BackupResponse told;
    while (stream->Read(&told)) {
      if (told.has_progress()) take_progress(told.progress());
      if (told.has_result()) result = told.result();
    }
    return stream->Finish();
  });
  if (!ended.ok()) return ended;
  return result;
}

absl::StatusOr<v1::GetStatusResponse> Client::GetStatus(v1::GetStatusRequest request,
                                                        const CallOptions& options) {
  return Call(&connection_->operations, &Operations::GetStatus, std::move(request),
              connection_->Plan(options));
}

}  // namespace farebox::client
