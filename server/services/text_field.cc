#include "server/services/text_field.h"

#include "google/protobuf/descriptor.h"

namespace farebox::server {

std::string TextField(const google::protobuf::Message& request, const char* name) {
  const google::protobuf::FieldDescriptor* const field =
      request.GetDescriptor()->FindFieldByName(name);
  if (field != nullptr) return request.GetReflection()->GetString(request, field);
  const google::protobuf::FieldDescriptor* const account =
      request.GetDescriptor()->FindFieldByName("account");
  if (account == nullptr || account->message_type() == nullptr) return "";
  const google::protobuf::Message& inner = request.GetReflection()->GetMessage(request, account);
  const google::protobuf::FieldDescriptor* const inner_field =
      inner.GetDescriptor()->FindFieldByName(name);
  return inner_field == nullptr ? "" : inner.GetReflection()->GetString(inner, inner_field);
}

}  // namespace farebox::server
