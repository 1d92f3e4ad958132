#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/facts.h"
#include "client/cli/offline_files.h"
#include "client/cli/times.h"
#include "farebox/v1/operations.pb.h"
// tidy: allow(include-direction): restores the files, without a server
#include "storage/clock.h"
// tidy: allow(include-direction): restores the files, without a server
#include "storage/hash_chain.h"
// tidy: allow(include-direction): restores the files, without a server
#include "storage/sqlite/restore.h"

namespace farebox::cli {
namespace {

// One line that is written over, for people only.
void ShowProgress(bool is_verifying, int64_t done, int64_t total) {
  if (isatty(STDERR_FILENO) == 0) return;
  const std::string of = total == 0 ? "" : absl::StrCat(" of ", total);
  std::cerr << "\r" << (is_verifying ? "verified " : "copied ") << done << of << " entries\x1b[K"
            << std::flush;
}

void EndProgress() {
  if (isatty(STDERR_FILENO) != 0) std::cerr << "\r\x1b[K" << std::flush;
}

void AddBackup(Commands* commands) {
  auto request = std::make_shared<v1::BackupRequest>();
  CLI::App* const command = commands->Add(
      "backup", "Have the server copy its ledger into a verified file, while it goes on",
      [request](Session* session) {
        const absl::StatusOr<v1::BackupResult> result = session->client().Backup(
            *request,
            [](const v1::BackupProgress& progress) {
              ShowProgress(progress.is_verifying(), progress.entries_done(),
                           progress.entries_total());
            },
            session->call_options());
        EndProgress();
        return session->Answer<v1::BackupResult>(result, [session](const auto& made) {
          Facts facts(session);
          facts.Add("backup", {made.file_name(), Tone::kStrong})
              .Add("entries", absl::StrCat(made.head_entry_id()))
              .Add("of them new", absl::StrCat(made.entries_copied()))
              .Add("newest", FormatTime(made.head_time(), session->zone()))
              .Add("bytes", absl::StrCat(made.file_bytes()))
              .Add("took", FormatDuration(made.duration()))
              .Add("fingerprint", made.head_hash());
          facts.Print();
        });
      });
  command
      ->add_option("--to", *request->mutable_file_name(),
                   "The file's name in the server's directory for backups, ending in .db; the time "
                   "by default")
      ->type_name("NAME");
  command->add_flag_function(
      "--update", [request](int64_t) { request->set_update(true); },
      "Add what is new to the backup of that name, where there is one");
}

int RunRestore(Session* session, const sqlite::RestoreOrder& order) {
  const absl::StatusOr<sqlite::RestoreReport> restored =
      sqlite::RestoreBackup(order, SystemClock());
  EndProgress();
  if (!restored.ok()) return session->Fail(FromFiles(restored.status()));
  const BatchHead& head = restored->verified.head;
  const std::string head_time = absl::FormatTime(absl::RFC3339_sec, head.time, absl::UTCTimeZone());
  if (session->has_json()) {
    session->PrintJson(ToResponse(restored->verified));
  } else {
    Facts facts(session);
    facts.Add("restored", {order.directory, Tone::kGood})
        .Add("entries", absl::StrCat(head.last))
        .Add("newest", head.number == 0 ? "" : head_time)
        .Add("fingerprint", HexOf(head.hash))
        .Add("replaced", restored->set_aside);
    facts.Print();
  }
  session->Note(absl::StrCat("No card is charged automatically before ", order.directory,
                             "/restored is deleted. First: farebox recharge reconcile --from ",
                             head_time));
  return kExitOk;
}

void AddRestore(Commands* commands) {
  auto order = std::make_shared<sqlite::RestoreOrder>();
  order->observer = [](const CopyProgress& progress) {
    ShowProgress(progress.is_verifying, progress.entries_done, progress.entries_total);
    return true;
  };
  CLI::App* const command =
      commands->Add("restore", "Make a ledger of a backup, for a server that is not running",
                    [order](Session* session) { return RunRestore(session, *order); });
  command->add_option("BACKUP", order->backup_path, "The backup; it is verified first")
      ->type_name(kFileType)
      ->required();
  command->add_option("--data", order->directory, "The directory for the ledger; made if missing")
      ->type_name(kDirectoryType)
      ->required();
  command->add_flag("--replace", order->replaces,
                    "Put a ledger that is there aside, into a directory of its own");
}

}  // namespace

void AddBackupCommands(Commands* commands) {
  AddBackup(commands);
  AddRestore(commands);
}

}  // namespace farebox::cli
