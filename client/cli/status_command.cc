#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/facts.h"
#include "client/cli/times.h"
#include "farebox/v1/operations.pb.h"

namespace farebox::cli {
namespace {

void ShowStatus(Session* session, const v1::GetStatusResponse& status) {
  const auto number = [](int64_t value) { return absl::StrCat(value); };
  Facts facts(session);
  facts.Add("version", status.version())
      .Add("started", FormatTime(status.start_time(), session->zone()))
      .Add("accounts", number(status.accounts()))
      .Add("entries", number(status.entries()))
      .Add("batches", number(status.batches()))
      .Add("not derived yet", number(status.entries() - status.derived_through_entry_id()))
      .Add("queued", number(status.queued()))
      .Add("last commit", FormatDuration(status.last_commit_duration()))
      .Add("longest commit", FormatDuration(status.max_commit_duration()))
      .Add("journal bytes", number(status.journal_bytes()))
      .Add("derived bytes", number(status.derived_bytes()))
      .Add("watchers", number(status.watchers()));
  facts.Print();
  Table rpcs({{"rpc"}, {"code"}, {"answers", Align::kRight}});
  for (const v1::RpcCount& rpc : status.rpcs()) {
    rpcs.AddRow({rpc.method(), rpc.code(), number(rpc.count())});
  }
  if (rpcs.empty()) return;
  session->Print("\n");
  session->Print(rpcs);
}

}  // namespace

void AddStatusCommand(Commands* commands) {
  commands->Add("status", "Show how the server is doing", [](Session* session) {
    return session->Answer<v1::GetStatusResponse>(
        session->client().GetStatus({}, session->call_options()),
        [session](const auto& status) { ShowStatus(session, status); });
  });
}

}  // namespace farebox::cli
