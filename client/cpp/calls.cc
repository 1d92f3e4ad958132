#include "client/cpp/calls.h"

#include <grpcpp/impl/codegen/channel_interface.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/cpp/trace.h"
#include "google/rpc/status.pb.h"

namespace farebox::client {
namespace {

std::string RequestIdOf(const v1::Operation& operation) {
  switch (operation.request_case()) {
    case v1::Operation::kAuthorize:
      return operation.authorize().request_id();
    case v1::Operation::kReauthorize:
      return operation.reauthorize().request_id();
    case v1::Operation::kDebit:
      return operation.debit().request_id();
    case v1::Operation::kRelease:
      return operation.release().request_id();
    case v1::Operation::kCredit:
      return operation.credit().request_id();
    case v1::Operation::REQUEST_NOT_SET:
      return "";
  }
  return "";
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status proto;
  // What is not ours to read is left out; code and message are sent apart from the details.
  if (!proto.ParseFromString(status.error_details())) proto.Clear();
  proto.set_code(static_cast<int>(status.error_code()));
  proto.set_message(status.error_message());
  return StatusFromProto(proto);
}

void SetTimeout(absl::Duration timeout, grpc::ClientContext* context) {
  context->set_deadline(gpr_time_from_micros(absl::ToInt64Microseconds(timeout), GPR_TIMESPAN));
}

absl::Status TooManyCalls(int calls_max) {
  return absl::ResourceExhaustedError(
      absl::StrCat(calls_max, " calls are under way already; nothing was sent"));
}

void SetTraceparent(const std::string& traceparent, grpc::ClientContext* context) {
  if (!traceparent.empty()) context->AddMetadata(kTraceparent, traceparent);
}

absl::Status WithTraceId(const grpc::ClientContext& context, absl::Status status) {
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto told = metadata.find(kTraceresponse);
  if (told == metadata.end()) return status;
  SetTraceId(TraceIdOf({told->second.data(), told->second.size()}), &status);
  return status;
}

void PauseAndConnect(grpc::ChannelInterface* channel, absl::Duration pause) {
  const Stopwatch stopwatch;
  const gpr_timespec span = gpr_time_from_micros(absl::ToInt64Microseconds(pause), GPR_TIMESPAN);
  channel->WaitForConnected(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), span));
  absl::SleepFor(pause - stopwatch.Elapsed());
}

void FillOperationId(v1::Operation* operation) {
  switch (operation->request_case()) {
    case v1::Operation::kAuthorize:
      return FillRequestId(operation->mutable_authorize());
    case v1::Operation::kReauthorize:
      return FillRequestId(operation->mutable_reauthorize());
    case v1::Operation::kDebit:
      return FillRequestId(operation->mutable_debit());
    case v1::Operation::kRelease:
      return FillRequestId(operation->mutable_release());
    case v1::Operation::kCredit:
      return FillRequestId(operation->mutable_credit());
    case v1::Operation::REQUEST_NOT_SET:
      return;  // The server refuses it.
  }
}

std::vector<std::string> RequestIdsOf(const v1::ApplyBatchRequest& batch) {
  std::vector<std::string> ids;
  for (const v1::Operation& operation : batch.operations()) ids.push_back(RequestIdOf(operation));
  return ids;
}

void NoteRequestId(const v1::Operation& operation, v1::OperationResult* result) {
  if (result->has_error()) AddRequestId(RequestIdOf(operation), result->mutable_error());
}

void NoteRequestIds(const v1::ApplyBatchRequest& batch, v1::ApplyBatchResponse* response) {
  const int count = std::min(batch.operations_size(), response->results_size());
  for (int i = 0; i < count; ++i) {
    NoteRequestId(batch.operations(i), response->mutable_results(i));
  }
}

}  // namespace farebox::client
