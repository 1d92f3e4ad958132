#ifndef FAREBOX_SERVER_SERVICES_TEXT_FIELD_H_
#define FAREBOX_SERVER_SERVICES_TEXT_FIELD_H_

#include <string>

#include "google/protobuf/message.h"

namespace farebox::server {

// A field of the request by its name, where it has one; of the account in it otherwise.
std::string TextField(const google::protobuf::Message& request, const char* name);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_TEXT_FIELD_H_
