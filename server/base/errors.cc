#include "server/base/errors.h"

#include <optional>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "server/base/proto_time.h"
#include "storage/errors.h"

namespace farebox::server {
namespace {

// The reason of a status that is not of storage/errors.h.
constexpr absl::string_view kReasonUrl = "farebox/server_reason";
// Problems of one field, one a line; their field is in the detail's metadata.
constexpr absl::string_view kProblemsUrl = "farebox/server_problems";

absl::Status WithReason(absl::Status status, absl::string_view reason) {
  status.SetPayload(kReasonUrl, absl::Cord(reason));
  return status;
}

void AddFieldViolations(absl::string_view field, const absl::Status& status,
                        google::rpc::Status* out) {
  google::rpc::BadRequest bad_request;
  const auto add = [&](absl::string_view problem) {
    google::rpc::BadRequest::FieldViolation* const violation = bad_request.add_field_violations();
    violation->set_field(field.data(), field.size());
    violation->set_description(problem.data(), problem.size());
  };
  const auto problems = status.GetPayload(kProblemsUrl);
  if (problems.has_value()) {
    for (const absl::string_view problem : absl::StrSplit(std::string(*problems), '\n')) {
      add(problem);
    }
  } else {
    absl::string_view problem = status.message();
    if (problem.size() > field.size() + 2) problem.remove_prefix(field.size() + 2);
    add(problem);
  }
  out->add_details()->PackFrom(bad_request);
}

// Details of a status of storage/errors.h.
void AddDetails(const ErrorDetail& detail, const absl::Status& status, google::rpc::Status* out) {
  google::rpc::ErrorInfo error_info;
  error_info.set_domain(kErrorDomain.data(), kErrorDomain.size());
  error_info.set_reason(std::string(ReasonName(detail.reason)));
  absl::string_view field;
  for (const auto& [key, value] : detail.metadata) {
    (*error_info.mutable_metadata())[key] = value;
    if (key == "field") field = value;
  }
  out->add_details()->PackFrom(error_info);
  if (!field.empty()) AddFieldViolations(field, status, out);
  if (detail.retry_after.has_value()) {
    google::rpc::RetryInfo retry_info;
    FillDuration(absl::Trunc(*detail.retry_after, absl::Milliseconds(1)),
                 retry_info.mutable_retry_delay());
    out->add_details()->PackFrom(retry_info);
  }
}

}  // namespace

absl::Status MessageTooLarge(size_t bytes, size_t bytes_max) {
  return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                        "the message has ", bytes, " bytes, at most ", bytes_max, " are taken")),
                    "MESSAGE_TOO_LARGE");
}

absl::Status WatcherTooSlow() {
  return WithReason(absl::ResourceExhaustedError("the stream is not read fast enough; watch again "
                                                 "from the last entry that was seen"),
                    "WATCHER_TOO_SLOW");
}

absl::Status FieldProblems(absl::string_view field, const std::vector<std::string>& problems) {
  std::string first = problems.empty() ? "is invalid" : problems[0];
  if (problems.size() > 1) absl::StrAppend(&first, " (and ", problems.size() - 1, " more)");
  absl::Status status = error::FieldInvalid(field, first);
  status.SetPayload(kProblemsUrl, absl::Cord(absl::StrJoin(problems, "\n")));
  return status;
}

void FillRpcStatus(const absl::Status& status, google::rpc::Status* out) {
  if (status.ok()) return;
  out->set_code(static_cast<int>(status.code()));
  out->set_message(std::string(status.message()));
  const std::optional<ErrorDetail> detail = GetErrorDetail(status);
  if (detail.has_value()) {
    AddDetails(*detail, status, out);
    return;
  }
  google::rpc::ErrorInfo error_info;
  error_info.set_domain(kErrorDomain.data(), kErrorDomain.size());
  const auto reason = status.GetPayload(kReasonUrl);
  if (reason.has_value()) {
    error_info.set_reason(std::string(*reason));
  } else if (absl::IsCancelled(status)) {
    // Nobody is there to read it.
    error_info.set_reason("CANCELLED");
  } else {
    out->set_code(static_cast<int>(absl::StatusCode::kInternal));
    out->set_message("the server failed to answer; its log says why");
    error_info.set_reason("INTERNAL");
  }
  out->add_details()->PackFrom(error_info);
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status rpc_status;
  FillRpcStatus(status, &rpc_status);
  return grpc::Status(static_cast<grpc::StatusCode>(rpc_status.code()), rpc_status.message(),
                      rpc_status.SerializeAsString());
}

}  // namespace farebox::server
