#include "client/cpp/errors.h"

#include <utility>

#include "absl/strings/cord.h"
#include "google/protobuf/struct.pb.h"
#include "google/rpc/error_details.pb.h"

namespace farebox::client {
namespace {

// A serialized google.rpc.Status.
constexpr absl::string_view kDetailsUrl = "type.googleapis.com/google.rpc.Status";
constexpr absl::string_view kRequestIdUrl = "farebox/request_id";
// A serialized google.protobuf.ListValue.
constexpr absl::string_view kRequestIdsUrl = "farebox/request_ids";
constexpr absl::string_view kTraceIdUrl = "farebox/trace_id";

// Reads one detail, whichever kind it is; an unknown kind is left alone.
void ReadDetail(const google::protobuf::Any& any, ErrorDetails* details) {
  google::rpc::ErrorInfo info;
  google::rpc::RetryInfo retry;
  google::rpc::BadRequest bad_request;
  google::rpc::RequestInfo request;
  if (any.UnpackTo(&info)) {
    details->reason = info.reason();
    details->metadata.insert(info.metadata().begin(), info.metadata().end());
  } else if (any.UnpackTo(&retry)) {
    details->retry_after = absl::Seconds(retry.retry_delay().seconds()) +
                           absl::Nanoseconds(retry.retry_delay().nanos());
  } else if (any.UnpackTo(&bad_request)) {
    for (const auto& violation : bad_request.field_violations()) {
      details->field_violations.push_back({violation.field(), violation.description()});
    }
  } else if (any.UnpackTo(&request)) {
    details->request_id = request.request_id();
  }
}

}  // namespace

ErrorDetails ErrorOf(const absl::Status& status) {
  ErrorDetails details;
  const google::rpc::Status proto = StatusToProto(status);
  for (const google::protobuf::Any& any : proto.details()) ReadDetail(any, &details);
  const auto request_id = status.GetPayload(kRequestIdUrl);
  if (request_id.has_value()) details.request_id = std::string(*request_id);
  const auto request_ids = status.GetPayload(kRequestIdsUrl);
  google::protobuf::ListValue list;
  if (request_ids.has_value()) list.ParseFromString(std::string(*request_ids));
  for (const auto& id : list.values()) details.request_ids.push_back(id.string_value());
  const auto trace_id = status.GetPayload(kTraceIdUrl);
  if (trace_id.has_value()) details.trace_id = std::string(*trace_id);
  return details;
}

absl::Status StatusFromProto(const google::rpc::Status& proto) {
  if (proto.code() == 0) return absl::OkStatus();
  absl::Status status(static_cast<absl::StatusCode>(proto.code()), proto.message());
  if (proto.details_size() > 0) {
    status.SetPayload(kDetailsUrl, absl::Cord(proto.SerializeAsString()));
  }
  return status;
}

google::rpc::Status StatusToProto(const absl::Status& status) {
  google::rpc::Status proto;
  const auto details = status.GetPayload(kDetailsUrl);
  // Bytes that do not parse leave the message empty or partly filled: only the details are of
  // interest, and what is missing of them is missing.
  if (details.has_value()) proto.ParsePartialFromString(std::string(*details));
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(std::string(status.message()));
  const auto request_id = status.GetPayload(kRequestIdUrl);
  const auto trace_id = status.GetPayload(kTraceIdUrl);
  if (request_id.has_value() || trace_id.has_value()) {
    google::rpc::RequestInfo info;
    if (request_id.has_value()) info.set_request_id(std::string(*request_id));
    if (trace_id.has_value()) info.set_serving_data(std::string(*trace_id));
    proto.add_details()->PackFrom(info);
  }
  return proto;
}

void SetRequestId(absl::string_view request_id, absl::Status* status) {
  if (!request_id.empty()) status->SetPayload(kRequestIdUrl, absl::Cord(request_id));
}

void SetRequestIds(const std::vector<std::string>& request_ids, absl::Status* status) {
  google::protobuf::ListValue list;
  for (const std::string& id : request_ids) list.add_values()->set_string_value(id);
  status->SetPayload(kRequestIdsUrl, absl::Cord(list.SerializeAsString()));
}

void AddRequestId(absl::string_view request_id, google::rpc::Status* proto) {
  if (request_id.empty()) return;
  google::rpc::RequestInfo info;
  info.set_request_id(std::string(request_id));
  proto->add_details()->PackFrom(info);
}

void SetTraceId(absl::string_view trace_id, absl::Status* status) {
  if (!trace_id.empty()) status->SetPayload(kTraceIdUrl, absl::Cord(trace_id));
}

}  // namespace farebox::client
