#ifndef FAREBOX_CLIENT_CLI_COMPLETION_H_
#define FAREBOX_CLIENT_CLI_COMPLETION_H_

#include <CLI/CLI.hpp>
#include <string>

namespace farebox::cli {

enum class Shell { kBash, kZsh, kFish };

// A script that completes the commands, options and words of `root` in a shell. Made from the tree
// itself: whatever is added there is completed.
std::string CompletionScript(const CLI::App& root, Shell shell);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_COMPLETION_H_
