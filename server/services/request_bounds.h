#ifndef FAREBOX_SERVER_SERVICES_REQUEST_BOUNDS_H_
#define FAREBOX_SERVER_SERVICES_REQUEST_BOUNDS_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace farebox::server {

// What a request of an RPC has at most, or each message of a stream of them, in protobuf. `method`
// as in "farebox.v1.BillingService/Debit". Pure.
size_t RequestBytesMax(absl::string_view method);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_REQUEST_BOUNDS_H_
