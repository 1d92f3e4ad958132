#ifndef FAREBOX_TESTS_CLIENT_FAKE_SERVER_H_
#define FAREBOX_TESTS_CLIENT_FAKE_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "farebox/v1/billing.pb.h"
#include "farebox/v1/number.pb.h"
#include "farebox/v1/operations.pb.h"
#include "farebox/v1/recharge.pb.h"
#include "google/rpc/status.pb.h"

namespace farebox::testing {

// What the server does with one attempt.
struct Reaction {
  google::rpc::Status status;  // OK: the method's plain answer.
  bool is_silent = false;      // Never answers.
};

Reaction Answers();
Reaction IsSilent();
Reaction IsUnavailable();
Reaction IsCancelled();
// RESOURCE_EXHAUSTED, with and without a time to come back.
Reaction IsOverloaded(absl::Duration retry_after);
Reaction FindsMessageTooLarge();
// INTERNAL, as the server says it of its own faults, and UNKNOWN without a reason.
Reaction IsFaulty();
Reaction IsUnknown();
// ALREADY_EXISTS, REQUEST_ID_REUSED.
Reaction FindsRequestIdReused();
// INVALID_ARGUMENT, FIELD_INVALID, of usage.call.to.
Reaction FindsFieldInvalid();
// FAILED_PRECONDITION, INSUFFICIENT_BALANCE, of account acme.
Reaction FindsInsufficientBalance();
// UNAVAILABLE, PAYMENT_PENDING, to be asked for again in a moment; with the bank's page.
Reaction FindsPaymentPending();

// A gRPC server on a free port that does as it is told, and notes what it was asked. Thread-safe.
class FakeServer {
 public:
  FakeServer();
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  const std::string& address() const;

  // The next attempts of unary calls meet these, one each; further ones are answered.
  void React(std::vector<Reaction> reactions);
  // What Verify answers.
  void SetVerification(const v1::VerifyResponse& response);
  // What ReconcileRecharges answers.
  void SetReconciliation(const v1::ReconcileRechargesResponse& response);
  // What GetAutoRecharge answers, until it is updated.
  void SetAutoRecharge(const v1::AutoRecharge& settings);
  // What ListNumbers answers.
  void SetNumbers(const v1::ListNumbersResponse& response);
  // ApplyStream breaks with UNAVAILABLE after so many results; it does not by default.
  void BreakApplyStreamAfter(int results);
  // A watcher is sent the entries up to `last`, at most `per_stream` of them before its stream
  // breaks with UNAVAILABLE.
  void SetJournal(int64_t last, int64_t per_stream);
  // The next streams of watchers meet these, one each; further ones are sent entries.
  void ReactToWatchers(std::vector<Reaction> reactions);

  // The request ids of the attempts so far, empty ones for reads.
  std::vector<std::string> request_ids() const;
  // The newest debit and credit that were asked for.
  v1::DebitRequest debit() const;
  v1::CreditRequest credit() const;
  // The settings that it has by now.
  v1::AutoRecharge auto_recharge() const;
  // The `traceparent` of each attempt of GetBalance, of an import, an export and a backup; empty
  // where it had none.
  std::vector<std::string> traceparents() const;
  // The `authorization` of each attempt of GetBalance, empty where it had none.
  std::vector<std::string> authorizations() const;
  // What a watcher asked to begin after, stream by stream.
  std::vector<int64_t> watched_from() const;
  // The CSV of the newest import.
  std::string imported_csv() const;

 private:
  struct Services;

  const std::unique_ptr<Services> services_;
};

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_CLIENT_FAKE_SERVER_H_
