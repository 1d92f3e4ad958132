#include "tests/support/caller.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "storage/check.h"

namespace farebox::testing {
namespace {

// Between two askings, where the answer was to try again.
constexpr auto kPause = std::chrono::milliseconds(5);

int64_t NowNanos() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// Whether the same request may be answered otherwise when it is sent again.
bool IsTransient(int code) {
  return code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::DEADLINE_EXCEEDED ||
         code == grpc::StatusCode::RESOURCE_EXHAUSTED || code == grpc::StatusCode::CANCELLED;
}

google::rpc::Status ToRpcStatus(const grpc::Status& status) {
  google::rpc::Status rpc_status;
  if (!rpc_status.ParseFromString(status.error_details()) || rpc_status.code() == 0) {
    rpc_status.set_code(status.error_code());
    rpc_status.set_message(status.error_message());
  }
  return rpc_status;
}

std::string Describe(const google::rpc::Status& status) {
  std::string text = absl::StrCat(status.code());
  bool has_retry_info = false;
  for (const google::protobuf::Any& any : status.details()) {
    google::rpc::ErrorInfo error_info;
    if (any.UnpackTo(&error_info)) absl::StrAppend(&text, " ", error_info.reason());
    has_retry_info = has_retry_info || any.Is<google::rpc::RetryInfo>();
  }
  if (has_retry_info) absl::StrAppend(&text, " with RetryInfo");
  return text;
}

// Calls `use` with the request, whichever it is: all of them name an account and a request.
template <typename Use>
void UseRequest(const v1::Operation& operation, const Use& use) {
  switch (operation.request_case()) {
    case v1::Operation::kAuthorize:
      return use(operation.authorize());
    case v1::Operation::kReauthorize:
      return use(operation.reauthorize());
    case v1::Operation::kDebit:
      return use(operation.debit());
    case v1::Operation::kRelease:
      return use(operation.release());
    case v1::Operation::kCredit:
      return use(operation.credit());
    case v1::Operation::REQUEST_NOT_SET:
      FAREBOX_CHECK(false);
  }
}

// What the answer says of the journal, into `operation`.
void TakeAnswer(const v1::AuthorizeResponse& answer, history::Operation* operation) {
  if (answer.decision() != v1::DECISION_GRANTED) return;
  operation->outcome = history::Outcome::kApplied;
  operation->entry_id = answer.hold_id();
  operation->amount_micros = 0;
  operation->available_after_micros = answer.available_micros();
}

void TakeAnswer(const v1::ReauthorizeResponse& answer, history::Operation* operation) {
  if (answer.decision() != v1::DECISION_GRANTED) return;
  operation->outcome = history::Outcome::kApplied;
  operation->amount_micros = 0;
  operation->available_after_micros = answer.available_micros();
}

template <typename Response>
void TakeAnswer(const Response& answer, history::Operation* operation) {
  operation->outcome = history::Outcome::kApplied;
  operation->entry_id = answer.entry().entry_id();
  operation->amount_micros = answer.entry().amount_micros();
  operation->balance_after_micros = answer.entry().balance_after_micros();
  operation->held_after_micros = answer.entry().held_after_micros();
  operation->available_after_micros = answer.available_micros();
}

template <typename Response>
void TakeResponse(const Response& answer, history::Operation* operation) {
  operation->outcome = history::Outcome::kRefused;
  TakeAnswer(answer, operation);
  operation->replayed = answer.replayed();
  Response unmarked = answer;
  unmarked.clear_replayed();
  operation->answer_fingerprint = std::hash<std::string>()(unmarked.SerializeAsString());
}

void TakeResult(const v1::OperationResult& result, history::Operation* operation) {
  switch (result.result_case()) {
    case v1::OperationResult::kError:
      if (!IsTransient(result.error().code())) operation->outcome = history::Outcome::kRefused;
      return;
    case v1::OperationResult::kAuthorize:
      return TakeResponse(result.authorize(), operation);
    case v1::OperationResult::kReauthorize:
      return TakeResponse(result.reauthorize(), operation);
    case v1::OperationResult::kDebit:
      return TakeResponse(result.debit(), operation);
    case v1::OperationResult::kRelease:
      return TakeResponse(result.release(), operation);
    case v1::OperationResult::kCredit:
      return TakeResponse(result.credit(), operation);
    case v1::OperationResult::RESULT_NOT_SET:
      FAREBOX_CHECK(false);
  }
}

void SetDeadline(absl::Duration patience, grpc::ClientContext* context) {
  context->set_wait_for_ready(true);
  context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(patience));
}

}  // namespace

// ---- What was seen

void CallLog::Add(history::Operation operation) {
  MutexLock lock(&mu_);
  ++tally_.sent;
  switch (operation.outcome) {
    case history::Outcome::kUnanswered:
      ++tally_.unanswered;
      break;
    case history::Outcome::kRefused:
      ++tally_.refused;
      break;
    case history::Outcome::kApplied:
      ++(operation.replayed ? tally_.replayed : tally_.acknowledged);
      if (!operation.replayed) {
        tally_.quickest = std::min(tally_.quickest, absl::Nanoseconds(operation.answered_at_nanos -
                                                                      operation.sent_at_nanos));
      }
  }
  operations_.push_back(std::move(operation));
}

void CallLog::Add(history::Read read) {
  MutexLock lock(&mu_);
  tally_.read_times.push_back(absl::Nanoseconds(read.answered_at_nanos - read.sent_at_nanos));
  reads_.push_back(std::move(read));
}

void CallLog::CountError(const std::string& error) {
  MutexLock lock(&mu_);
  ++tally_.errors[error];
}

CallTally CallLog::tally() const {
  MutexLock lock(&mu_);
  return tally_;
}

void CallLog::ResetTally() {
  MutexLock lock(&mu_);
  tally_ = CallTally();
}

history::History CallLog::history() const {
  MutexLock lock(&mu_);
  history::History history;
  history.operations = operations_;
  history.reads = reads_;
  return history;
}

// ---- What is asked

std::shared_ptr<grpc::Channel> ConnectTo(const std::string& address) {
  grpc::ChannelArguments arguments;
  // Connections of one process to one address would be shared.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

Caller::Caller(Options options, CallLog* log, const std::atomic<bool>* is_abandoned)
    : options_(std::move(options)),
      log_(*log),
      is_abandoned_(*is_abandoned),
      random_(options_.seed),
      stub_(v1::BillingService::NewStub(ConnectTo(options_.address))) {}

void Caller::Act() {
  switch (Draw(8)) {
    case 0:
    case 1:
      Ask({MakeDebit()});
      break;
    case 2:
      Ask({MakeCredit()});
      break;
    case 3:
      MakeBatch();
      break;
    case 4:
      Read(AnyAccount());
      break;
    default:
      MakeCall();
  }
}

const std::string& Caller::AnyAccount() {
  return options_.account_ids[Draw(options_.account_ids.size())];
}

std::string Caller::NextRequestId() {
  return absl::StrCat("caller-", options_.number, "-", next_request_++);
}

v1::Operation Caller::MakeDebit() {
  v1::Operation operation;
  v1::DebitRequest& request = *operation.mutable_debit();
  request.set_account_id(AnyAccount());
  request.set_request_id(NextRequestId());
  request.set_amount_micros(1 + static_cast<int64_t>(Draw(40'000)));
  request.set_item(v1::ITEM_OUTGOING_TEXT);
  return operation;
}

v1::Operation Caller::MakeCredit() {
  v1::Operation operation;
  v1::CreditRequest& request = *operation.mutable_credit();
  request.set_account_id(AnyAccount());
  request.set_request_id(NextRequestId());
  request.set_amount_micros(1 + static_cast<int64_t>(Draw(40'000)));
  request.set_reason(v1::CREDIT_REASON_PAYMENT);
  return operation;
}

v1::Operation Caller::MakeAuthorize() {
  v1::Operation operation;
  v1::AuthorizeRequest& request = *operation.mutable_authorize();
  request.set_account_id(AnyAccount());
  request.set_request_id(NextRequestId());
  v1::Call& call = *request.mutable_usage()->mutable_call();
  call.set_direction(v1::DIRECTION_OUTBOUND);
  call.set_from("12025550123");
  call.set_to("442071838750");
  request.set_requested_seconds(60);
  return operation;
}

v1::Operation Caller::MakeReauthorize(const std::string& account_id, int64_t hold_id) {
  v1::Operation operation;
  v1::ReauthorizeRequest& request = *operation.mutable_reauthorize();
  request.set_account_id(account_id);
  request.set_request_id(NextRequestId());
  request.set_hold_id(hold_id);
  request.set_requested_seconds(1 + static_cast<int64_t>(Draw(60)));
  return operation;
}

v1::Operation Caller::MakeSettle(const std::string& account_id, int64_t hold_id, bool is_final) {
  v1::Operation operation;
  v1::DebitRequest& request = *operation.mutable_debit();
  request.set_account_id(account_id);
  request.set_request_id(NextRequestId());
  request.mutable_settlement()->set_hold_id(hold_id);
  request.mutable_settlement()->set_used_seconds(static_cast<int64_t>(Draw(is_final ? 70 : 30)));
  request.mutable_settlement()->set_final(is_final);
  return operation;
}

v1::Operation Caller::MakeRelease(const std::string& account_id, int64_t hold_id) {
  v1::Operation operation;
  v1::ReleaseRequest& request = *operation.mutable_release();
  request.set_account_id(account_id);
  request.set_request_id(NextRequestId());
  request.set_hold_id(hold_id);
  return operation;
}

v1::Operation Caller::MakeEnd(const std::string& account_id, int64_t hold_id) {
  return Draw(3) == 0 ? MakeRelease(account_id, hold_id) : MakeSettle(account_id, hold_id, true);
}

void Caller::MakeCall() {
  const v1::Operation authorize = MakeAuthorize();
  const std::vector<v1::OperationResult> results = Ask({authorize});
  if (results.empty() || results[0].authorize().decision() != v1::DECISION_GRANTED) return;
  const std::string& account_id = authorize.authorize().account_id();
  const int64_t hold_id = results[0].authorize().hold_id();
  if (Draw(2) == 0) Ask({MakeReauthorize(account_id, hold_id)});
  if (Draw(4) == 0) Ask({MakeSettle(account_id, hold_id, /*is_final=*/false)});
  Ask({MakeEnd(account_id, hold_id)});
}

void Caller::MakeBatch() {
  std::vector<v1::Operation> operations;
  for (uint64_t left = 2 + Draw(20); left > 0; --left) {
    const uint64_t kind = Draw(3);
    operations.push_back(kind == 0 ? MakeDebit() : kind == 1 ? MakeCredit() : MakeAuthorize());
  }
  const std::vector<v1::OperationResult> results = Ask(operations);
  std::vector<v1::Operation> ends;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].authorize().decision() != v1::DECISION_GRANTED) continue;
    ends.push_back(
        MakeEnd(operations[i].authorize().account_id(), results[i].authorize().hold_id()));
  }
  if (!ends.empty()) Ask(ends);
}

void Caller::Read(const std::string& account_id) {
  v1::GetBalanceRequest request;
  request.set_account_id(account_id);
  v1::GetBalanceResponse response;
  grpc::ClientContext context;
  SetDeadline(options_.patience, &context);
  history::Read read;
  read.account_id = account_id;
  read.sent_at_nanos = NowNanos();
  const grpc::Status status = stub_->GetBalance(&context, request, &response);
  read.answered_at_nanos = NowNanos();
  if (!status.ok()) return;
  read.as_of_entry_id = response.as_of_entry();
  read.balance_micros = response.balance_micros();
  read.held_micros = response.held_micros();
  log_.Add(std::move(read));
}

// ---- How it is asked

std::vector<v1::OperationResult> Caller::Ask(const std::vector<v1::Operation>& operations) {
  while (!is_abandoned_) {
    const int64_t sent_at = NowNanos();
    std::vector<v1::OperationResult> results = Send(operations);
    const int64_t answered_at = NowNanos();
    bool are_answered = true;
    for (size_t i = 0; i < operations.size(); ++i) {
      are_answered = Note(operations[i], results[i], sent_at, answered_at) && are_answered;
    }
    if (are_answered) return results;
    std::this_thread::sleep_for(kPause);
  }
  return {};
}

std::vector<v1::OperationResult> Caller::Send(const std::vector<v1::Operation>& operations) {
  if (operations.size() == 1) return {SendAlone(operations[0])};
  v1::ApplyBatchRequest request;
  for (const v1::Operation& operation : operations) *request.add_operations() = operation;
  v1::ApplyBatchResponse response;
  grpc::ClientContext context;
  SetDeadline(options_.patience, &context);
  const grpc::Status status = stub_->ApplyBatch(&context, request, &response);
  if (status.ok()) return {response.results().begin(), response.results().end()};
  std::vector<v1::OperationResult> results(operations.size());
  for (v1::OperationResult& result : results) *result.mutable_error() = ToRpcStatus(status);
  return results;
}

v1::OperationResult Caller::SendAlone(const v1::Operation& operation) {
  grpc::ClientContext context;
  SetDeadline(options_.patience, &context);
  v1::OperationResult result;
  grpc::Status status;
  switch (operation.request_case()) {
    case v1::Operation::kAuthorize:
      status = stub_->Authorize(&context, operation.authorize(), result.mutable_authorize());
      break;
    case v1::Operation::kReauthorize:
      status = stub_->Reauthorize(&context, operation.reauthorize(), result.mutable_reauthorize());
      break;
    case v1::Operation::kDebit:
      status = stub_->Debit(&context, operation.debit(), result.mutable_debit());
      break;
    case v1::Operation::kRelease:
      status = stub_->Release(&context, operation.release(), result.mutable_release());
      break;
    case v1::Operation::kCredit:
      status = stub_->Credit(&context, operation.credit(), result.mutable_credit());
      break;
    case v1::Operation::REQUEST_NOT_SET:
      FAREBOX_CHECK(false);
  }
  if (!status.ok()) *result.mutable_error() = ToRpcStatus(status);
  return result;
}

bool Caller::Note(const v1::Operation& operation, const v1::OperationResult& result,
                  int64_t sent_at, int64_t answered_at) {
  history::Operation seen;
  UseRequest(operation, [&](const auto& request) {
    seen.account_id = request.account_id();
    seen.request_id = request.request_id();
  });
  seen.sent_at_nanos = sent_at;
  seen.answered_at_nanos = answered_at;
  TakeResult(result, &seen);
  if (result.has_error()) log_.CountError(Describe(result.error()));
  const bool is_answered = seen.outcome != history::Outcome::kUnanswered;
  log_.Add(std::move(seen));
  return is_answered;
}

}  // namespace farebox::testing
