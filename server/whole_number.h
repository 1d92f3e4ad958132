#ifndef FAREBOX_SERVER_WHOLE_NUMBER_H_
#define FAREBOX_SERVER_WHOLE_NUMBER_H_

#include <cstdint>

#include "CLI/CLI.hpp"

namespace farebox::server {

// Refuses, in a sentence, whatever is no whole number of that range. To be used as a transform:
// what is checked is what is taken, while CLI11 by itself reads 010 as eight and 0x10 as a number.
CLI::Validator WholeNumber(int64_t min, int64_t max);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_WHOLE_NUMBER_H_
