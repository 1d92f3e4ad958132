#ifndef FAREBOX_CLIENT_CLI_APP_H_
#define FAREBOX_CLIENT_CLI_APP_H_

namespace farebox::cli {

// `farebox`, the tool of support staff: reads the command line, does what it says, and returns the
// exit code (exit_codes.h).
int RunApp(int argc, const char* const* argv);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_APP_H_
