#include <memory>
#include <sstream>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/decimal.h"
#include "client/cli/facts.h"
#include "client/cpp/errors.h"
#include "farebox/v1/operations.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
// tidy: allow(include-direction): reads the files, without a server
#include "storage/errors.h"
// tidy: allow(include-direction): reads the files, without a server
#include "storage/sqlite/sqlite_journal.h"
// tidy: allow(include-direction): reads the files, without a server
#include "storage/verify.h"

namespace farebox::cli {
namespace {

std::string Text(absl::int128 value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

// As the server answers it.
v1::VerifyResponse ToResponse(const VerifyReport& report) {
  v1::VerifyResponse response;
  response.set_ok(report.ok());
  response.set_first_bad_entry_id(report.first_bad_entry);
  response.set_problem(report.problem);
  response.set_entries(report.entries);
  response.set_batches(report.batches);
  response.set_accounts(report.accounts);
  response.set_balance_sum_micros(Text(report.balance_sum_micros));
  response.set_held_sum_micros(Text(report.held_sum_micros));
  response.set_head_hash(absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(report.head.hash.data()), report.head.hash.size())));
  return response;
}

// With the reason where the server would put it.
absl::Status ToClientStatus(const absl::Status& status) {
  const Reason reason = GetReason(status);
  // A file that cannot be read is not a server that cannot be reached.
  if (reason == Reason::kNone && absl::IsUnavailable(status)) {
    return absl::UnknownError(status.message());
  }
  google::rpc::Status proto = client::StatusToProto(status);
  google::rpc::ErrorInfo info;
  info.set_domain("farebox");
  info.set_reason(std::string(ReasonName(reason)));
  if (reason != Reason::kNone) proto.add_details()->PackFrom(info);
  return client::StatusFromProto(proto);
}

absl::StatusOr<v1::VerifyResponse> VerifyFiles(const std::string& directory) {
  const absl::StatusOr<std::unique_ptr<JournalReader>> reader =
      sqlite::OpenOfflineReader(directory);
  if (!reader.ok()) return ToClientStatus(reader.status());
  const absl::StatusOr<VerifyReport> report = VerifyJournal(reader->get());
  if (!report.ok()) return ToClientStatus(report.status());
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

// Verifies the files in `directory`, or where it is empty has the server verify its own.
int RunVerify(Session* session, const std::string& directory) {
  const absl::StatusOr<v1::VerifyResponse> response =
      directory.empty() ? session->client().Verify({}, session->call_options())
                        : VerifyFiles(directory);
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
      ->add_option("--data", *directory,
                   "Read the ledger in this directory, which no server may be using, and ask none")
      ->type_name(kDirectoryType);
}

}  // namespace farebox::cli
