#ifndef FAREBOX_TESTS_SERVER_ANSWER_H_
#define FAREBOX_TESTS_SERVER_ANSWER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "google/protobuf/message.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"
#include "tests/support/status_matchers.h"

namespace farebox::server {

// What came of a call.
template <typename Response>
struct Answer {
  grpc::Status status;
  Response value;

  const Response* operator->() const { return &value; }

  friend void PrintTo(const Answer& answer, std::ostream* out) {
    *out << "code " << answer.status.error_code() << " \"" << answer.status.error_message()
         << "\", " << answer.value.ShortDebugString();
  }
};

// The details of an error, decoded.
struct ErrorDetails {
  google::rpc::ErrorInfo error_info;
  google::rpc::BadRequest bad_request;
  bool has_retry_info = false;
};
ErrorDetails DetailsOf(const google::rpc::Status& status);
ErrorDetails DetailsOf(const grpc::Status& status);

// Whether the fields that the text sets have these values in the message; others do not matter.
bool ShowsText(const google::protobuf::Message& message, absl::string_view text,
               std::string* difference);

MATCHER_P(Shows, text, std::string("shows ") + text) {
  std::string difference;
  const bool shows = ShowsText(arg, text, &difference);
  *result_listener << difference;
  return shows;
}

// An OK answer that shows these fields.
MATCHER_P(Answers, text, std::string("answers OK and shows ") + text) {
  if (!arg.status.ok()) return false;
  std::string difference;
  const bool shows = ShowsText(arg.value, text, &difference);
  *result_listener << difference;
  return shows;
}

// Of a Status by its reason; of an answer, an error with a google.rpc.ErrorInfo of this reason.
using farebox::FailsWith;
MATCHER_P2(FailsWith, code, reason, std::string("fails with ") + reason) {
  const ErrorDetails details = DetailsOf(arg.status);
  *result_listener << "reason " << details.error_info.reason();
  return arg.status.error_code() == code && details.error_info.domain() == "farebox" &&
         details.error_info.reason() == reason;
}

// INVALID_ARGUMENT whose google.rpc.BadRequest names this field.
MATCHER_P(BlamesField, field, std::string("blames the field ") + field) {
  const ErrorDetails details = DetailsOf(arg.status);
  if (arg.status.error_code() != grpc::StatusCode::INVALID_ARGUMENT) return false;
  if (details.bad_request.field_violations().empty()) return false;
  const auto& violation = details.bad_request.field_violations(0);
  *result_listener << "field " << violation.field();
  return violation.field() == field && !violation.description().empty() &&
         details.error_info.metadata().at("field") == field;
}

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_ANSWER_H_
