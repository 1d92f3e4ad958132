#include "client/cpp/calls.h"

#include <grpcpp/impl/codegen/channel_interface.h>

#include "absl/strings/str_cat.h"
#include "client/cpp/trace.h"
#include "google/rpc/status.pb.h"

namespace farebox::client {

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

}  // namespace farebox::client
