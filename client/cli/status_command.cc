#include "client/cli/commands.h"
#include "client/cli/server_rates.h"
#include "client/cli/server_view.h"
#include "farebox/v1/operations.pb.h"

namespace farebox::cli {

void AddStatusCommand(Commands* commands) {
  commands->Add("status", "Show how the server is doing, on average since its start",
                [](Session* session) {
                  return session->Answer<v1::GetStatusResponse>(
                      session->client().GetStatus({}, session->call_options()),
                      [session](const auto& status) {
                        session->Print(ServerText(status, RatesBetween({}, status),
                                                  {.server = session->server(),
                                                   .zone = session->zone(),
                                                   .has_colour = session->has_colour()}));
                      });
                });
}

}  // namespace farebox::cli
