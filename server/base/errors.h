#ifndef FAREBOX_SERVER_BASE_ERRORS_H_
#define FAREBOX_SERVER_BASE_ERRORS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"

// The one place where a failure takes the form in which callers see it: a gRPC code, and in
// `grpc-status-details-bin` a google.rpc.ErrorInfo (domain "farebox"), a BadRequest where a field
// is to blame, and a RetryInfo where trying again may help.
namespace farebox::server {

inline constexpr absl::string_view kErrorDomain = "farebox";

// What the server refuses by itself, besides the catalogue of storage/errors.h.

// RESOURCE_EXHAUSTED, MESSAGE_TOO_LARGE: sending it again is of no use.
absl::Status MessageTooLarge(size_t bytes, size_t bytes_max);
// RESOURCE_EXHAUSTED, WATCHER_TOO_SLOW: watch again, from the last entry seen.
absl::Status WatcherTooSlow();
// INVALID_ARGUMENT, FIELD_INVALID: every problem is one of `field`.
absl::Status FieldProblems(absl::string_view field, const std::vector<std::string>& problems);

// Statuses that come from neither catalogue are INTERNAL to a caller, without their message.
grpc::Status ToGrpcStatus(const absl::Status& status);
void FillRpcStatus(const absl::Status& status, google::rpc::Status* out);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_ERRORS_H_
