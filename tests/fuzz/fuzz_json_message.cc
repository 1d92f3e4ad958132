// Any bytes as the JSON of a request: refused for a field, or a message that protobuf's own reader
// finds there too, and that is the same when it has been written and read again.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/access.pb.h"
#include "farebox/v1/account.pb.h"
#include "farebox/v1/billing.pb.h"
#include "farebox/v1/recharge.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/web/json_message.h"
#include "storage/check.h"
#include "storage/errors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace farebox::web {
namespace {

using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

// The first byte says which request the rest is.
void ReadRequest(absl::string_view input) {
  static const std::array<const Message*, 7> kRequests = {
      &v1::DebitRequest::default_instance(),        &v1::CreditRequest::default_instance(),
      &v1::AuthorizeRequest::default_instance(),    &v1::ApplyBatchRequest::default_instance(),
      &v1::PayRequest::default_instance(),          &v1::CreateAccountRequest::default_instance(),
      &v1::CreateApiKeyRequest::default_instance(),
  };
  if (input.empty()) return;
  const Message& type = *kRequests.at(static_cast<uint8_t>(input[0]) % kRequests.size());
  const std::string json(input.substr(1));

  const std::unique_ptr<Message> request(type.New());
  const absl::Status status = ReadJson(json, request.get());
  if (!status.ok()) {
    FAREBOX_CHECK(GetReason(status) == Reason::kFieldInvalid);
    return;
  }

  const std::unique_ptr<Message> by_protobuf(type.New());
  FAREBOX_CHECK(google::protobuf::util::JsonStringToMessage(json, by_protobuf.get()).ok());
  FAREBOX_CHECK(MessageDifferencer::Equals(*request, *by_protobuf));
  const std::unique_ptr<Message> again(type.New());
  FAREBOX_CHECK(ReadJson(WriteJson(*request), again.get()).ok());
  FAREBOX_CHECK(MessageDifferencer::Equals(*request, *again));
}

}  // namespace
}  // namespace farebox::web

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  farebox::web::ReadRequest({reinterpret_cast<const char*>(data), size});
  return 0;
}
