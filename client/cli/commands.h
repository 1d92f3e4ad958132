#ifndef FAREBOX_CLIENT_CLI_COMMANDS_H_
#define FAREBOX_CLIENT_CLI_COMMANDS_H_

#include "client/cli/arguments.h"

// Each adds the commands of one area, in the file of its name.
namespace farebox::cli {

void AddAccessCommands(Commands* commands);
void AddAccountCommands(Commands* commands);
void AddMoneyCommands(Commands* commands);
void AddHoldCommands(Commands* commands);
void AddActivityCommands(Commands* commands);
void AddSummaryCommands(Commands* commands);
void AddRatesCommands(Commands* commands);
void AddRechargeCommands(Commands* commands);
void AddCardCommands(Commands* commands);
void AddNumberCommands(Commands* commands);
void AddStatusCommand(Commands* commands);
void AddVerifyCommand(Commands* commands);
// Knows all commands that were added before it is run.
void AddCompletionCommand(Commands* commands);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_COMMANDS_H_
