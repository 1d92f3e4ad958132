#include <string>

#include "client/cli/commands.h"
#include "client/cli/completion.h"

namespace farebox::cli {

void AddCompletionCommand(Commands* commands) {
  CLI::App* const root = commands->root();
  CLI::App* const group =
      commands->AddGroup("completion", "Print a script that completes commands in a shell");
  const auto add = [&](const char* name, const char* description, Shell chosen) {
    commands->Add(group, name, description, [root, chosen](Session* session) {
      session->Print(CompletionScript(*root, chosen));
      return static_cast<int>(kExitOk);
    });
  };
  add("bash", "source <(farebox completion bash)", Shell::kBash);
  add("zsh", "source <(farebox completion zsh)", Shell::kZsh);
  add("fish", "farebox completion fish | source", Shell::kFish);
}

}  // namespace farebox::cli
