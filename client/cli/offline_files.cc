#include "client/cli/offline_files.h"

#include <sstream>
#include <string>

#include "absl/numeric/int128.h"
#include "client/cpp/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
// tidy: allow(include-direction): tells of the files, without a server
#include "storage/errors.h"
// tidy: allow(include-direction): tells of the files, without a server
#include "storage/hash_chain.h"

namespace farebox::cli {
namespace {

std::string Text(absl::int128 value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

}  // namespace

absl::Status FromFiles(const absl::Status& status) {
  const Reason reason = GetReason(status);
  // A file that cannot be read is not a server that cannot be reached.
  if (reason == Reason::kNone && absl::IsUnavailable(status)) {
    return absl::UnknownError(status.message());
  }
  google::rpc::Status proto = client::StatusToProto(status);
  // Nor is a file that cannot be used a refusal, after which something else may be done first.
  if (reason == Reason::kFilesForeign || reason == Reason::kFilesTooNew) {
    proto.set_code(static_cast<int>(absl::StatusCode::kUnknown));
  }
  google::rpc::ErrorInfo info;
  info.set_domain("farebox");
  info.set_reason(std::string(ReasonName(reason)));
  if (reason != Reason::kNone) proto.add_details()->PackFrom(info);
  return client::StatusFromProto(proto);
}

v1::VerifyResponse ToResponse(const VerifyReport& report) {
  v1::VerifyResponse response;
  response.set_ok(report.ok());
  response.set_first_bad_entry_id(report.first_bad_entry);
  response.set_problem(report.problem);
  response.set_entries(report.entries);
  response.set_batches(report.batches);
  response.set_accounts(report.accounts);
  response.set_balance_sum_micros(Text(report.balance_sum_micros));
  response.set_held_sum_micros(Text(report.held_sum_micros));
  response.set_head_hash(HexOf(report.head.hash));
  return response;
}

}  // namespace farebox::cli
