#include "tests/server/answer.h"

#include <memory>

#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "storage/check.h"

namespace farebox::server {

ErrorDetails DetailsOf(const google::rpc::Status& status) {
  ErrorDetails details;
  for (const google::protobuf::Any& any : status.details()) {
    google::rpc::RetryInfo retry_info;
    any.UnpackTo(&details.error_info);
    any.UnpackTo(&details.bad_request);
    if (any.UnpackTo(&retry_info)) details.has_retry_info = true;
  }
  return details;
}

ErrorDetails DetailsOf(const grpc::Status& status) {
  google::rpc::Status rpc_status;
  if (!rpc_status.ParseFromString(status.error_details())) return {};
  return DetailsOf(rpc_status);
}

bool ShowsText(const google::protobuf::Message& message, absl::string_view text,
               std::string* difference) {
  const std::unique_ptr<google::protobuf::Message> expected(message.New());
  FAREBOX_CHECK(google::protobuf::TextFormat::ParseFromString(std::string(text), expected.get()));
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_scope(google::protobuf::util::MessageDifferencer::PARTIAL);
  differencer.ReportDifferencesToString(difference);
  return differencer.Compare(*expected, message);
}

}  // namespace farebox::server
