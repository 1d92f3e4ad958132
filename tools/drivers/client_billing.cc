#include "tools/drivers/client_billing.h"

#include <utility>

#include "absl/status/statusor.h"
#include "client/cpp/errors.h"

namespace farebox::drivers {
namespace {

v1::OperationResult ErrorResult(const absl::Status& status) {
  v1::OperationResult result;
  *result.mutable_error() = client::StatusToProto(status);
  return result;
}

// Puts an answer where `part` of a result is.
template <typename Response>
std::function<void(absl::StatusOr<Response>)> As(Response* (v1::OperationResult::*part)(),
                                                 Billing::Answered answered) {
  return [part, answered = std::move(answered)](absl::StatusOr<Response> response) {
    if (!response.ok()) return answered(ErrorResult(response.status()));
    v1::OperationResult result;
    *(result.*part)() = *std::move(response);
    answered(result);
  };
}

void ReadBalance(client::Client* client, const std::string& account_id, Billing::BalanceRead read) {
  v1::GetBalanceRequest request;
  request.set_account_id(account_id);
  client->GetBalanceAsync(
      request, [read = std::move(read)](absl::StatusOr<v1::GetBalanceResponse> response) {
        read(response.status(), response.value_or(v1::GetBalanceResponse()));
      });
}

}  // namespace

void UnaryBilling::Apply(const v1::Operation& operation, Answered answered) {
  using Result = v1::OperationResult;
  switch (operation.request_case()) {
    case v1::Operation::kAuthorize:
      return client_->AuthorizeAsync(operation.authorize(),
                                     As(&Result::mutable_authorize, std::move(answered)));
    case v1::Operation::kReauthorize:
      return client_->ReauthorizeAsync(operation.reauthorize(),
                                       As(&Result::mutable_reauthorize, std::move(answered)));
    case v1::Operation::kDebit:
      return client_->DebitAsync(operation.debit(),
                                 As(&Result::mutable_debit, std::move(answered)));
    case v1::Operation::kRelease:
      return client_->ReleaseAsync(operation.release(),
                                   As(&Result::mutable_release, std::move(answered)));
    case v1::Operation::kCredit:
      return client_->CreditAsync(operation.credit(),
                                  As(&Result::mutable_credit, std::move(answered)));
    case v1::Operation::REQUEST_NOT_SET:
      break;
  }
  answered(ErrorResult(absl::InvalidArgumentError("an operation without a request")));
}

void UnaryBilling::GetBalance(const std::string& account_id, BalanceRead read) {
  ReadBalance(client_, account_id, std::move(read));
}

void BatchBilling::Apply(const v1::Operation& operation, Answered answered) {
  std::shared_ptr<Batch> full;
  {
    const MutexLock lock(&mu_);
    *gathering_->request.add_operations() = operation;
    gathering_->answered.push_back(std::move(answered));
    if (gathering_->answered.size() < operations_max_) return;
    full = std::exchange(gathering_, std::make_shared<Batch>());
  }
  Send(full);
}

void BatchBilling::Flush() {
  std::shared_ptr<Batch> batch;
  {
    const MutexLock lock(&mu_);
    if (gathering_->answered.empty()) return;
    batch = std::exchange(gathering_, std::make_shared<Batch>());
  }
  Send(batch);
}

void BatchBilling::Send(const std::shared_ptr<const Batch>& batch) {
  client_->ApplyBatchAsync(batch->request, [batch](
                                               absl::StatusOr<v1::ApplyBatchResponse> response) {
    for (int i = 0; i < batch->request.operations_size(); ++i) {
      const Answered& answered = batch->answered[static_cast<size_t>(i)];
      if (!response.ok()) {
        answered(ErrorResult(response.status()));
      } else if (i < response->results_size()) {
        answered(response->results(i));
      } else {
        answered(ErrorResult(absl::InternalError("the batch has fewer results than operations")));
      }
    }
  });
}

void BatchBilling::GetBalance(const std::string& account_id, BalanceRead read) {
  ReadBalance(client_, account_id, std::move(read));
}

}  // namespace farebox::drivers
