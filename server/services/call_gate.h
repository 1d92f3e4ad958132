#ifndef FAREBOX_SERVER_SERVICES_CALL_GATE_H_
#define FAREBOX_SERVER_SERVICES_CALL_GATE_H_

#include <cstdint>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/billing.pb.h"
#include "google/protobuf/message.h"
#include "prometheus/counter.h"
#include "prometheus/registry.h"
#include "server/base/call_rates.h"
#include "server/security/caller.h"
#include "storage/clock.h"
#include "storage/ledger.h"
#include "storage/urgency.h"

namespace farebox::server {

// Turns calls away that are more than can be done, or more than their caller or their account may
// have: OVERLOADED, with the time to come back. Thread-safe; waits for nothing.
//
//   farebox_rate_refusals_total{limit}   counter   operations over a rate: "key", "account"
class CallGate {
 public:
  // All outlive it.
  struct Options {
    Ledger* ledger = nullptr;
    const Clock* clock = nullptr;
    CallRate account_rate;
    prometheus::Registry* registry = nullptr;
  };
  explicit CallGate(const Options& options);

  // Before a request is read: whether something so urgent is taken.
  absl::Status CheckUrgency(Urgency urgency) { return options_.ledger->CheckAdmits(urgency); }

  // Once it is read: whether its caller may have it now.
  template <typename Request>
  absl::Status CheckRates(const Caller& caller, const Request& request);

  // The caller's part of that, for what is no RPC.
  absl::Status CheckCallerRate(const Caller& caller);

  // The account's part of that, for an operation of a batch.
  absl::Status CheckAccountRate(const v1::Operation& operation);

 private:
  absl::Status TakeOfCaller(const Caller& caller, int64_t operations, bool is_ending);
  absl::Status TakeOfAccount(absl::string_view account_id);

  // Constant after construction.
  const Options options_;

  // Synchronise themselves.
  AccountRates accounts_;
  prometheus::Counter* const caller_refusals_;
  prometheus::Counter* const account_refusals_;
};

// Whether it ends a call, which is never refused for its account's rate.
inline bool EndsCall(const google::protobuf::Message&) { return false; }
inline bool EndsCall(const v1::ReleaseRequest&) { return true; }
inline bool EndsCall(const v1::DebitRequest& request) { return request.has_settlement(); }
inline bool EndsCall(const v1::Operation& operation) {
  return operation.has_release() || (operation.has_debit() && operation.debit().has_settlement());
}

// The account that an operation is about.
absl::string_view AccountOf(const v1::Operation& operation);

template <typename Request>
absl::Status CallGate::CheckRates(const Caller& caller, const Request& request) {
  int64_t operations = 1;
  if constexpr (requires { request.operations_size(); }) operations = request.operations_size();
  const bool is_ending = EndsCall(request);
  absl::Status taken = TakeOfCaller(caller, operations, is_ending);
  if (!taken.ok() || is_ending) return taken;
  if constexpr (std::is_same_v<Request, v1::Operation>) {
    return TakeOfAccount(AccountOf(request));
  } else if constexpr (requires { absl::string_view(request.account_id()); }) {
    return TakeOfAccount(request.account_id());
  }
  return taken;
}

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_CALL_GATE_H_
