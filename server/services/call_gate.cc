#include "server/services/call_gate.h"

#include "storage/errors.h"

namespace farebox::server {
namespace {

prometheus::Counter* AddCounter(prometheus::Registry* registry, const char* limit) {
  return &prometheus::BuildCounter()
              .Name("farebox_rate_refusals_total")
              .Help("Operations refused because there were more than a rate allows, by limit")
              .Register(*registry)
              .Add({{"limit", limit}});
}

}  // namespace

absl::string_view AccountOf(const v1::Operation& operation) {
  switch (operation.request_case()) {
    case v1::Operation::kAuthorize:
      return operation.authorize().account_id();
    case v1::Operation::kReauthorize:
      return operation.reauthorize().account_id();
    case v1::Operation::kDebit:
      return operation.debit().account_id();
    case v1::Operation::kRelease:
      return operation.release().account_id();
    case v1::Operation::kCredit:
      return operation.credit().account_id();
    case v1::Operation::REQUEST_NOT_SET:
      break;
  }
  return "";
}

CallGate::CallGate(const Options& options)
    : options_(options),
      accounts_(options.account_rate),
      caller_refusals_(AddCounter(options.registry, "key")),
      account_refusals_(AddCounter(options.registry, "account")) {}

absl::Status CallGate::CheckCallerRate(const Caller& caller) {
  return TakeOfCaller(caller, /*operations=*/1, /*is_ending=*/false);
}

absl::Status CallGate::CheckAccountRate(const v1::Operation& operation) {
  return EndsCall(operation) ? absl::OkStatus() : TakeOfAccount(AccountOf(operation));
}

absl::Status CallGate::TakeOfCaller(const Caller& caller, int64_t operations, bool is_ending) {
  if (caller.rate == nullptr) return absl::OkStatus();
  const absl::Duration wait = caller.rate->Take(options_.clock->Now(), operations, is_ending);
  if (wait == absl::ZeroDuration()) return absl::OkStatus();
  caller_refusals_->Increment();
  return error::RateExceeded("key_rate", wait);
}

absl::Status CallGate::TakeOfAccount(absl::string_view account_id) {
  if (account_id.empty()) return absl::OkStatus();
  const absl::Duration wait = accounts_.Take(account_id, options_.clock->Now());
  if (wait == absl::ZeroDuration()) return absl::OkStatus();
  account_refusals_->Increment();
  return error::RateExceeded("account_rate", wait);
}

}  // namespace farebox::server
