#ifndef FAREBOX_SERVER_SERVICES_AUDIT_TEXTS_H_
#define FAREBOX_SERVER_SERVICES_AUDIT_TEXTS_H_

#include <string>
#include <vector>

#include "google/protobuf/message.h"

// What lines of the audit log say of a request and of its answer. Pure.
namespace farebox::server {

struct AuditText {
  // Empty where it is about no account, or about several.
  std::string account_id;
  // Empty where it is about several operations, or the request has none.
  std::string request_id;
  // Without secrets; bounded.
  std::string json;
};

// Of a batch and of a message of a stream, the operations of each account that it names, in order,
// in as many texts as they take: none of them is left out. Of any other request one text, which is
// cut where it is long.
std::vector<AuditText> RequestTexts(const google::protobuf::Message& request);

// The same of what was answered. Where that is nothing, because the request failed as a whole, one
// text for each account, with nothing in it.
std::vector<AuditText> ResponseTexts(const google::protobuf::Message& request,
                                     const google::protobuf::Message& response, bool is_ok);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_AUDIT_TEXTS_H_
