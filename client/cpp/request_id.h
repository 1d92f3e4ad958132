#ifndef FAREBOX_CLIENT_CPP_REQUEST_ID_H_
#define FAREBOX_CLIENT_CPP_REQUEST_ID_H_

#include <string>

#include "absl/time/time.h"

namespace farebox::client {

// A fresh UUIDv7 (RFC 9562): ordered by time, and random in 64 of its bits. Thread-safe.
std::string MakeRequestId();

// The same, for a change that is made at `time`.
std::string MakeRequestIdAt(absl::Time time);

}  // namespace farebox::client

#endif  // FAREBOX_CLIENT_CPP_REQUEST_ID_H_
