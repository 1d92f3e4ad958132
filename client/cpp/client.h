#ifndef FAREBOX_CLIENT_CPP_CLIENT_H_
#define FAREBOX_CLIENT_CPP_CLIENT_H_

#include <cstddef>
#include <functional>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cpp/apply_stream.h"
#include "client/cpp/options.h"
#include "client/cpp/watch.h"
#include "farebox/v1/access.pb.h"
#include "farebox/v1/account.pb.h"
#include "farebox/v1/billing.pb.h"
#include "farebox/v1/number.pb.h"
#include "farebox/v1/operations.pb.h"
#include "farebox/v1/rate.pb.h"
#include "farebox/v1/recharge.pb.h"

namespace farebox::client {

// One connection to Farebox, for as many calls at a time as there are to make.
//
// Definitions: a *call* is what a method of this class does; an *attempt* is one RPC of it.
//
//   - A request id that is empty is filled in, once a call: all its attempts are the same change.
//     A caller that must be able to ask again after its own restart chooses the id itself.
//   - An attempt that ended UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED, or RESOURCE_EXHAUSTED with a
//     time to come back is followed by another after a growing, varied pause, while the call's time
//     lasts.
//     Any other answer is final. A denied Authorize is an OK answer.
//   - A call ends with its answer or with the status of its last attempt; ErrorOf() tells what that
//     carries. A change of which an earlier attempt was lost ends with that one's status, where the
//     last does not tell what became of it. After UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED,
//     INTERNAL or UNKNOWN it is unknown whether the change was made: repeating it under
//     ErrorOf(status).request_id tells, and makes it if it was not. For a batch, that holds of each
//     operation and its place in ErrorOf(status).request_ids.
//
// Connects by itself, when first used and whenever the connection was lost. Thread-safe.
class Client {
 public:
  template <typename Response>
  using Done = std::function<void(absl::StatusOr<Response>)>;

  explicit Client(ClientOptions options);
  // Waits for the outstanding asynchronous calls, whose failed attempts are not repeated any more.
  // The streams that were made here are to be gone before. Not to be called from a `done`.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // BillingService. What each does is said in farebox/v1/billing.proto.
  absl::StatusOr<v1::AuthorizeResponse> Authorize(v1::AuthorizeRequest request,
                                                  const CallOptions& options = {});
  absl::StatusOr<v1::ReauthorizeResponse> Reauthorize(v1::ReauthorizeRequest request,
                                                      const CallOptions& options = {});
  absl::StatusOr<v1::DebitResponse> Debit(v1::DebitRequest request,
                                          const CallOptions& options = {});
  absl::StatusOr<v1::ReleaseResponse> Release(v1::ReleaseRequest request,
                                              const CallOptions& options = {});
  absl::StatusOr<v1::CreditResponse> Credit(v1::CreditRequest request,
                                            const CallOptions& options = {});
  absl::StatusOr<v1::GetBalanceResponse> GetBalance(v1::GetBalanceRequest request,
                                                    const CallOptions& options = {});
  absl::StatusOr<v1::QuoteResponse> Quote(v1::QuoteRequest request,
                                          const CallOptions& options = {});
  absl::StatusOr<v1::ListHoldsResponse> ListHolds(v1::ListHoldsRequest request,
                                                  const CallOptions& options = {});
  // Fills in the id of each operation that has none, in the batch that is sent: to repeat it, fill
  // in ErrorOf(status).request_ids first. StatusFromProto() reads a result's error, and ErrorOf()
  // of that the operation's id, under which it is repeated where its outcome is unknown.
  absl::StatusOr<v1::ApplyBatchResponse> ApplyBatch(v1::ApplyBatchRequest request,
                                                    const CallOptions& options = {});

  // The same for callers with many calls outstanding: up to ClientOptions::calls_max. `done` is
  // called exactly once, possibly before the method returns, on a thread that others need as well:
  // it must not wait for anything, a blocking method of this class included.
  void AuthorizeAsync(v1::AuthorizeRequest request, Done<v1::AuthorizeResponse> done,
                      const CallOptions& options = {});
  void ReauthorizeAsync(v1::ReauthorizeRequest request, Done<v1::ReauthorizeResponse> done,
                        const CallOptions& options = {});
  void DebitAsync(v1::DebitRequest request, Done<v1::DebitResponse> done,
                  const CallOptions& options = {});
  void ReleaseAsync(v1::ReleaseRequest request, Done<v1::ReleaseResponse> done,
                    const CallOptions& options = {});
  void CreditAsync(v1::CreditRequest request, Done<v1::CreditResponse> done,
                   const CallOptions& options = {});
  void GetBalanceAsync(v1::GetBalanceRequest request, Done<v1::GetBalanceResponse> done,
                       const CallOptions& options = {});
  void ApplyBatchAsync(v1::ApplyBatchRequest request, Done<v1::ApplyBatchResponse> done,
                       const CallOptions& options = {});

  // Operations in a stream, results in their order. See apply_stream.h. Not after the client.
  std::unique_ptr<ApplyStream> OpenApplyStream(ApplyStream::OnResult on_result,
                                               ApplyStreamOptions options = {});

  // Entries and signals as they happen, across lost connections. See watch.h. Not after the client.
  std::unique_ptr<Watch> WatchAccount(v1::WatchAccountRequest request, Watch::OnEvent on_event,
                                      WatchOptions options = {});

  // AccountService. What each does is said in farebox/v1/account.proto.
  absl::StatusOr<v1::CreateAccountResponse> CreateAccount(v1::CreateAccountRequest request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::GetAccountResponse> GetAccount(v1::GetAccountRequest request,
                                                    const CallOptions& options = {});
  absl::StatusOr<v1::UpdateAccountResponse> UpdateAccount(v1::UpdateAccountRequest request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::ListAccountsResponse> ListAccounts(v1::ListAccountsRequest request,
                                                        const CallOptions& options = {});
  absl::StatusOr<v1::SuspendAccountResponse> SuspendAccount(v1::SuspendAccountRequest request,
                                                            const CallOptions& options = {});
  absl::StatusOr<v1::ResumeAccountResponse> ResumeAccount(v1::ResumeAccountRequest request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::CloseAccountResponse> CloseAccount(v1::CloseAccountRequest request,
                                                        const CallOptions& options = {});
  absl::StatusOr<v1::ListActivityResponse> ListActivity(v1::ListActivityRequest request,
                                                        const CallOptions& options = {});
  // Hands the CSV to `take`, piece by piece with how far it is, in one attempt. Where this fails,
  // `take` may have got a part. The server makes the next piece when `take` has returned.
  absl::Status ExportActivity(v1::ExportActivityRequest request,
                              absl::FunctionRef<void(const v1::ExportActivityResponse&)> take,
                              const CallOptions& options = {});
  absl::StatusOr<v1::GetSummaryResponse> GetSummary(v1::GetSummaryRequest request,
                                                    const CallOptions& options = {});

  // RateService. What each does is said in farebox/v1/rate.proto.

  // Imports the deck in one attempt: an import has no request id, so a second one could make a
  // second version. After UNAVAILABLE, ListRateDecks tells whether there is a new one.
  absl::StatusOr<v1::ImportRatesResponse> ImportRates(absl::string_view deck, absl::string_view csv,
                                                      const CallOptions& options = {});
  absl::StatusOr<v1::ListRateDecksResponse> ListRateDecks(v1::ListRateDecksRequest request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::ListRatesResponse> ListRates(v1::ListRatesRequest request,
                                                  const CallOptions& options = {});
  // Hands the deck's CSV to `take`, piece by piece, in one attempt. Where this fails, `take` may
  // have got a part.
  absl::Status ExportRates(v1::ExportRatesRequest request,
                           absl::FunctionRef<void(absl::string_view)> take,
                           const CallOptions& options = {});

  // AccessService. What each does is said in farebox/v1/access.proto.

  // One attempt: where its answer is lost there may be a key that nobody knows, to be revoked.
  absl::StatusOr<v1::CreateApiKeyResponse> CreateApiKey(v1::CreateApiKeyRequest request,
                                                        const CallOptions& options = {});
  absl::StatusOr<v1::CreateSignInLinkResponse> CreateSignInLink(v1::CreateSignInLinkRequest request,
                                                                const CallOptions& options = {});
  absl::StatusOr<v1::RevokeApiKeyResponse> RevokeApiKey(v1::RevokeApiKeyRequest request,
                                                        const CallOptions& options = {});
  absl::StatusOr<v1::ListApiKeysResponse> ListApiKeys(v1::ListApiKeysRequest request,
                                                      const CallOptions& options = {});
  absl::StatusOr<v1::ListAuditLogResponse> ListAuditLog(v1::ListAuditLogRequest request,
                                                        const CallOptions& options = {});

  // RechargeService. What each does is said in farebox/v1/recharge.proto. Those that ask the
  // payment provider have its time, ClientOptions::provider_timeout.
  absl::StatusOr<v1::PayResponse> Pay(v1::PayRequest request, const CallOptions& options = {});
  absl::StatusOr<v1::GetAutoRechargeResponse> GetAutoRecharge(v1::GetAutoRechargeRequest request,
                                                              const CallOptions& options = {});
  absl::StatusOr<v1::UpdateAutoRechargeResponse> UpdateAutoRecharge(
      v1::UpdateAutoRechargeRequest request, const CallOptions& options = {});
  absl::StatusOr<v1::RetryRechargeResponse> RetryRecharge(v1::RetryRechargeRequest request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::StartCardSetupResponse> StartCardSetup(v1::StartCardSetupRequest request,
                                                            const CallOptions& options = {});
  absl::StatusOr<v1::CompleteCardSetupResponse> CompleteCardSetup(
      v1::CompleteCardSetupRequest request, const CallOptions& options = {});
  absl::StatusOr<v1::GetCardResponse> GetCard(v1::GetCardRequest request,
                                              const CallOptions& options = {});
  absl::StatusOr<v1::DeleteCardResponse> DeleteCard(v1::DeleteCardRequest request,
                                                    const CallOptions& options = {});
  absl::StatusOr<v1::ListRechargesResponse> ListRecharges(v1::ListRechargesRequest request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::ReconcileRechargesResponse> ReconcileRecharges(
      v1::ReconcileRechargesRequest request, const CallOptions& options = {});

  // NumberService. What each does is said in farebox/v1/number.proto.
  absl::StatusOr<v1::PurchaseNumberResponse> PurchaseNumber(v1::PurchaseNumberRequest request,
                                                            const CallOptions& options = {});
  absl::StatusOr<v1::ReleaseNumberResponse> ReleaseNumber(v1::ReleaseNumberRequest request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::ListNumbersResponse> ListNumbers(v1::ListNumbersRequest request,
                                                      const CallOptions& options = {});

  // OperationsService. What each does is said in farebox/v1/operations.proto.
  absl::StatusOr<v1::VerifyResponse> Verify(v1::VerifyRequest request = {},
                                            const CallOptions& options = {});
  // Has a backup made, in one attempt, and hands over how far it is.
  absl::StatusOr<v1::BackupResult> Backup(
      v1::BackupRequest request, absl::FunctionRef<void(const v1::BackupProgress&)> take_progress,
      const CallOptions& options = {});
  absl::StatusOr<v1::GetStatusResponse> GetStatus(v1::GetStatusRequest request = {},
                                                  const CallOptions& options = {});

 private:
  struct Connection;

  const std::unique_ptr<Connection> connection_;
};

}  // namespace farebox::client

#endif  // FAREBOX_CLIENT_CPP_CLIENT_H_
