#include "tests/crash/check_recovery.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "storage/clock.h"
#include "storage/errors.h"
#include "storage/status_macros.h"
#include "storage/verify.h"

namespace farebox {
namespace {

absl::Status Broken(absl::string_view what) { return absl::InternalError(what); }

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

void WriteImage(const DiskImage& image, const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/journal.db");
  std::filesystem::remove(path + "-shm");
  WriteFile(path, image[static_cast<size_t>(RecordedFile::kDatabase)]);
  WriteFile(path + "-wal", image[static_cast<size_t>(RecordedFile::kLog)]);
}

BatchHead HeadAfter(const Recording& recording, size_t steps) {
  return steps == 0 ? BatchHead() : recording.steps[steps - 1].head;
}

absl::Status CheckJournal(Journal* journal) {
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<JournalReader> reader, journal->NewReader());
  FAREBOX_ASSIGN_OR_RETURN(const VerifyReport report, VerifyJournal(reader.get()));
  if (!report.ok()) return Broken(absl::StrCat("it does not verify: ", report.problem));
  if (report.head != journal->Head()) return Broken("it ends elsewhere than its head says");
  return absl::OkStatus();
}

// Starts where the clock was when the batch was written that the journal ends with, and looks at it
// as often since as the one that has crashed: the journal's time depends on that.
absl::Status RecoverAsOf(const Recording& recording, const BatchHead& head, size_t acknowledged,
                         ManualClock* clock, Engine* engine) {
  size_t step = 0;
  while (step + 1 < recording.steps.size() && recording.steps[step].head != head) ++step;
  if (head.number != 0) clock->Set(recording.steps[step].now);
  FAREBOX_RETURN_IF_ERROR(engine->Recover());
  for (++step; step < acknowledged; ++step) {
    clock->Set(recording.steps[step].now);
    engine->NextDue();
  }
  return absl::OkStatus();
}

// Sends again what was under way.
absl::Status Repeat(const WorkloadStep& step, bool was_durable, ManualClock* clock,
                    Engine* engine) {
  clock->Set(step.now);
  const absl::Span<const Command> commands = step.commands;
  CommitResult result = engine->Commit({commands});
  FAREBOX_RETURN_IF_ERROR(result.status);
  const std::vector<Outcome> outcomes = result.TakeOutcomes(step.commands.size());
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome& before = step.outcomes[i];
    // By reason: an error is not recorded, but found anew, and may be worded by what came since.
    const bool is_same = GetReason(outcomes[i].status) == GetReason(before.status) &&
                         outcomes[i].entry == before.entry;
    if (!is_same) return Broken(absl::StrCat("repeated command ", i, " is answered otherwise"));
    const bool is_replay = before.status.ok() && (before.replayed || was_durable);
    if (outcomes[i].replayed != is_replay) {
      return Broken(absl::StrCat("repeated command ", i, " was made twice"));
    }
  }
  if (engine->head() != step.head) return Broken("the repeated commit ends elsewhere");
  return absl::OkStatus();
}

}  // namespace

size_t CountAcknowledged(const Recording& recording, size_t position) {
  const auto is_before = [position](const WorkloadStep& step) {
    return step.acknowledged_at <= position;
  };
  const auto first =
      std::partition_point(recording.steps.begin(), recording.steps.end(), is_before);
  return static_cast<size_t>(first - recording.steps.begin());
}

absl::Status CheckRecovery(const Recording& recording, size_t position, const DiskImage& image,
                           const std::string& directory) {
  WriteImage(image, directory);
  const size_t acknowledged = CountAcknowledged(recording, position);
  const bool has_next = acknowledged < recording.steps.size();
  const BatchHead promised = HeadAfter(recording, acknowledged);
  const BatchHead next = HeadAfter(recording, has_next ? acknowledged + 1 : acknowledged);

  ManualClock clock(recording.steps[0].now);
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::SqliteJournal> journal,
                           sqlite::SqliteJournal::Open(CrashJournalOptions(directory, &clock)));
  const BatchHead head = journal->Head();
  if (head.number < promised.number) {
    return Broken(absl::StrCat("acknowledged batches are lost: ", head.number, " of ",
                               promised.number, " are there"));
  }
  if (head != promised && head != next) return Broken("it has what was never written");
  Engine engine(CrashEngineOptions(), journal.get(), &clock);
  FAREBOX_RETURN_IF_ERROR(RecoverAsOf(recording, head, acknowledged, &clock, &engine));
  FAREBOX_RETURN_IF_ERROR(CheckJournal(journal.get()));
  if (!has_next) return absl::OkStatus();
  const bool was_durable = head != promised;
  return Repeat(recording.steps[acknowledged], was_durable, &clock, &engine);
}

}  // namespace farebox
