#include <memory>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/decimal.h"
#include "client/cli/facts.h"
#include "client/cli/offline_files.h"
#include "farebox/v1/operations.pb.h"
// tidy: allow(include-direction): reads the files, without a server
#include "storage/sqlite/sqlite_journal.h"
// tidy: allow(include-direction): reads the files, without a server
#include "storage/verify.h"

namespace farebox::cli {
namespace {

absl::StatusOr<v1::VerifyResponse> VerifyFiles(const std::string& place) {
  const absl::StatusOr<std::unique_ptr<JournalReader>> reader = sqlite::OpenOfflineReader(place);
  if (!reader.ok()) return FromFiles(reader.status());
  const absl::StatusOr<VerifyReport> report = VerifyJournal(reader->get());
  if (!report.ok()) return FromFiles(report.status());
  return ToResponse(*report);
}

// Of accounts in any currency, and so without one.
std::string Sum(const std::string& micros) {
  absl::int128 value = 0;
  return absl::SimpleAtoi(micros, &value) ? FormatMicros(value) : micros;
}

void ShowVerification(Session* session, const v1::VerifyResponse& response) {
  Facts facts(session);
  facts.Add("verified", response.ok() ? Cell("ok", Tone::kGood) : Cell("FAILED", Tone::kBad))
      .AddNumber("first bad entry", response.first_bad_entry_id())
      .Add("problem", response.problem())
      .Add("entries", absl::StrCat(response.entries()))
      .Add("batches", absl::StrCat(response.batches()))
      .Add("accounts", absl::StrCat(response.accounts()))
      .Add("sum of balances", Sum(response.balance_sum_micros()))
      .Add("sum of held", Sum(response.held_sum_micros()))
      .Add("fingerprint", response.head_hash());
  facts.Print();
}

// Verifies the files at `place`, or where it is empty has the server verify its own.
int RunVerify(Session* session, const std::string& place) {
  const absl::StatusOr<v1::VerifyResponse> response =
      place.empty() ? session->client().Verify({}, session->call_options()) : VerifyFiles(place);
  const int exit_code = session->Answer<v1::VerifyResponse>(
      response, [session](const auto& answer) { ShowVerification(session, answer); });
  const bool has_failed = response.ok() && !response->ok();
  return has_failed ? static_cast<int>(kExitVerificationFailed) : exit_code;
}

}  // namespace

void AddVerifyCommand(Commands* commands) {
  auto directory = std::make_shared<std::string>();
  CLI::App* const command =
      commands->Add("verify", "Recompute every balance, link and hash from the journal",
                    [directory](Session* session) { return RunVerify(session, *directory); });
  command
      ->add_option(
          "--data", *directory,
          "Read the ledger in this directory, which no server may be using, or this backup, "
          "and ask no server")
      ->type_name(kFileType);
}

}  // namespace farebox::cli
