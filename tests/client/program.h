#ifndef FAREBOX_TESTS_CLIENT_PROGRAM_H_
#define FAREBOX_TESTS_CLIENT_PROGRAM_H_

#include <ostream>
#include <string>
#include <vector>

namespace farebox::testing {

// What a program left behind.
struct Outcome {
  int exit_code = -1;  // -1 where a signal ended it.
  std::string out;
  std::string err;

  friend std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
    return stream << "exit " << outcome.exit_code << "\n" << outcome.out << outcome.err;
  }
};

// Runs `farebox` with these arguments in a plain environment, with FAREBOX_SERVER as given.
Outcome RunFarebox(const std::string& server, const std::vector<std::string>& arguments,
                   const std::string& input = "");

// Runs any program, found by its path or on PATH.
Outcome RunProgram(const std::vector<std::string>& command, const std::string& input = "",
                   const std::vector<std::string>& environment = {});

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_CLIENT_PROGRAM_H_
