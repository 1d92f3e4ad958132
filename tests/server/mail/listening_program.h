#ifndef FAREBOX_TESTS_SERVER_MAIL_LISTENING_PROGRAM_H_
#define FAREBOX_TESTS_SERVER_MAIL_LISTENING_PROGRAM_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace farebox::testing {

// A program that runs beside a test. Its first line ends with the port that it listens on.
// Thread-compatible.
class ListeningProgram {
 public:
  // Returns when it listens; crashes where it ends before, having said why on standard error.
  explicit ListeningProgram(std::vector<std::string> command);
  // Kills it.
  ~ListeningProgram();
  ListeningProgram(const ListeningProgram&) = delete;
  ListeningProgram& operator=(const ListeningProgram&) = delete;

  int port() const { return port_; }

  // Returns when it has written this to standard output; crashes where it ends before.
  void AwaitOutput(absl::string_view text);

  // SIGTERM, waits for its end, and returns all that it wrote to standard output.
  std::string Terminate();

 private:
  // Reads on; false at the end.
  bool Read();
  void Wait();

  pid_t pid_ = 0;
  int output_fd_ = -1;
  std::string output_;
  int port_ = 0;
};

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_SERVER_MAIL_LISTENING_PROGRAM_H_
