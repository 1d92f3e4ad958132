#ifndef FAREBOX_CLIENT_CPP_ERRORS_H_
#define FAREBOX_CLIENT_CPP_ERRORS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"

namespace farebox::client {

struct FieldViolation {
  std::string field;  // Its path in the request, e.g. usage.call.to.
  std::string description;
};

// What a failure says to programs, besides its code.
struct ErrorDetails {
  // A name of farebox.v1.Reason without REASON_, e.g. INSUFFICIENT_BALANCE. Empty where the
  // failure is not Farebox's: the network's, this library's.
  std::string reason;
  // The values that were in the way, e.g. account_id.
  std::map<std::string, std::string> metadata;
  // Set where the server says that trying again may help, and not before when.
  std::optional<absl::Duration> retry_after;
  std::vector<FieldViolation> field_violations;
  // The id that the failed call was sent with, also where the library made it. Where it is unknown
  // whether the change was made (UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED, INTERNAL, UNKNOWN),
  // repeating it with this id tells.
  std::string request_id;
  // The same of each operation of a batch, in order.
  std::vector<std::string> request_ids;
  // The trace id under which the server's log has the call, where it has told one.
  std::string trace_id;
};

// What `status`, which came from this library, carries. Empty for an OK status.
ErrorDetails ErrorOf(const absl::Status& status);

// The failure of one operation of a batch or stream; ErrorOf tells its id.
absl::Status StatusFromProto(const google::rpc::Status& proto);

// The other way: the form in which the server sent it, and a google.rpc.RequestInfo with the
// request id under which the call was sent and the trace id, where they are known.
google::rpc::Status StatusToProto(const absl::Status& status);

// Notes the id that the call was sent with, for ErrorOf. Nothing happens to an OK status.
void SetRequestId(absl::string_view request_id, absl::Status* status);
// The same of a batch, for each of its operations.
void SetRequestIds(const std::vector<std::string>& request_ids, absl::Status* status);
// The same in the failure of one operation, for StatusFromProto. Nothing for an empty id.
void AddRequestId(absl::string_view request_id, google::rpc::Status* proto);
// The same for the trace id under which the server has it.
void SetTraceId(absl::string_view trace_id, absl::Status* status);

}  // namespace farebox::client

#endif  // FAREBOX_CLIENT_CPP_ERRORS_H_
