#ifndef FAREBOX_SERVER_SECURITY_RANDOM_H_
#define FAREBOX_SERVER_SECURITY_RANDOM_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace farebox::server {

// Bytes that nobody can guess. Where there are none to be had the process ends.
std::string RandomBytes(size_t count);

// 256 random bits in 43 characters of A-Z a-z 0-9 - _.
std::string RandomToken();

std::string Sha256(absl::string_view text);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_RANDOM_H_
