#include "tests/crash/check_recovery.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "storage/catalog.h"
#include "storage/clock.h"
#include "storage/errors.h"
#include "storage/status_macros.h"
#include "storage/verify.h"
#include "tests/crash/document_source.h"

namespace farebox {
namespace {

// More documents than any workload has.
constexpr size_t kAllDocuments = 1'000'000;

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

std::vector<Document> DocumentsAfter(const Recording& recording, size_t steps) {
  return steps == 0 ? std::vector<Document>() : recording.steps[steps - 1].documents;
}

// Whether those of a kind are found by their slots and times as well.
absl::Status CheckIndexes(DocumentKind kind, const std::vector<Document>& documents,
                          CatalogReader* catalog) {
  FAREBOX_ASSIGN_OR_RETURN(const std::vector<Document> due,
                           catalog->ListDueDocuments(kind, absl::InfiniteFuture(), kAllDocuments));
  const auto is_due = [](const Document& it) { return it.due != absl::InfiniteFuture(); };
  const auto due_count = std::count_if(documents.begin(), documents.end(), is_due);
  if (static_cast<int64_t>(due.size()) != due_count) return Broken("what is due is not found");
  for (const Document& document : documents) {
    if (document.slot.empty()) continue;
    FAREBOX_ASSIGN_OR_RETURN(const std::optional<Document> owner,
                             catalog->FindDocumentInSlot(kind, document.slot));
    if (owner != document) return Broken("a document is not found in its slot");
  }
  return absl::OkStatus();
}

// All of them, by their ids.
absl::StatusOr<std::vector<Document>> ReadDocuments(CatalogReader* catalog) {
  std::vector<Document> all;
  for (const DocumentKind kind : kCrashDocumentKinds) {
    FAREBOX_ASSIGN_OR_RETURN(
        const std::vector<Document> found,
        catalog->ListDocuments(kind, /*account=*/0, std::numeric_limits<int64_t>::max(),
                               kAllDocuments));
    FAREBOX_RETURN_IF_ERROR(CheckIndexes(kind, found, catalog));
    all.insert(all.end(), found.begin(), found.end());
  }
  std::sort(all.begin(), all.end(),
            [](const Document& a, const Document& b) { return a.id < b.id; });
  return all;
}

std::string DescribeLoss(const std::vector<Document>& documents,
                         const std::vector<Document>& promised) {
  const auto is_lost = [&](const Document& document) {
    return std::none_of(documents.begin(), documents.end(), [&](const Document& it) {
      return it.id == document.id && it.revision >= document.revision;
    });
  };
  const auto lost = std::count_if(promised.begin(), promised.end(), is_lost);
  return lost == 0
             ? "documents are there that were never written, or are removed, or half of a group"
             : absl::StrCat("acknowledged documents are lost: ", lost, " of ", promised.size());
}

// Whether the step under way is there; fails where neither all before it is there and nothing else,
// nor that and the whole of the step.
absl::StatusOr<bool> FindUnderWay(const Recording& recording, size_t acknowledged,
                                  const BatchHead& head, const std::vector<Document>& documents) {
  const size_t next = std::min(acknowledged + 1, recording.steps.size());
  const BatchHead promised = HeadAfter(recording, acknowledged);
  const std::vector<Document> promised_documents = DocumentsAfter(recording, acknowledged);
  if (head == promised && documents == promised_documents) return false;
  const bool has_next_documents = documents == DocumentsAfter(recording, next);
  if (head == HeadAfter(recording, next) && has_next_documents) return true;

  std::vector<std::string> problems;
  if (head.number < promised.number) {
    problems.push_back(absl::StrCat("acknowledged batches are lost: ", head.number, " of ",
                                    promised.number, " are there"));
  }
  if (documents != promised_documents && !has_next_documents) {
    problems.push_back(DescribeLoss(documents, promised_documents));
  }
  if (problems.empty()) return Broken("it has what was never written");
  return Broken(absl::StrJoin(problems, "; "));
}

absl::Status CheckJournal(Journal* journal, JournalReader* reader) {
  FAREBOX_ASSIGN_OR_RETURN(const VerifyReport report, VerifyJournal(reader));
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
absl::Status RepeatCommands(const WorkloadStep& step, bool was_durable, Engine* engine) {
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

absl::Status RepeatGroups(const WorkloadStep& step, bool was_durable, Engine* engine) {
  FAREBOX_ASSIGN_OR_RETURN(const std::vector<absl::Status> outcomes,
                           PutDocuments(step.groups, engine));
  for (size_t i = 0; i < outcomes.size(); ++i) {
    // What is there has other revisions than those it was made from.
    const bool is_taken = step.group_outcomes[i].ok() && !was_durable;
    const bool is_same = is_taken ? outcomes[i].ok() : absl::IsAborted(outcomes[i]);
    if (!is_same) return Broken(absl::StrCat("repeated group ", i, " is answered otherwise"));
  }
  return absl::OkStatus();
}

absl::Status RepeatRemoval(const Document& removed, bool was_durable, Engine* engine) {
  const absl::Status outcome = RemoveDocument(removed, engine);
  const bool is_same = was_durable ? absl::IsAborted(outcome) : outcome.ok();
  return is_same ? absl::OkStatus() : Broken("the repeated removal is answered otherwise");
}

absl::Status RepeatDocuments(const WorkloadStep& step, bool was_durable, Engine* engine,
                             CatalogReader* catalog) {
  FAREBOX_RETURN_IF_ERROR(step.removed.has_value()
                              ? RepeatRemoval(*step.removed, was_durable, engine)
                              : RepeatGroups(step, was_durable, engine));
  FAREBOX_ASSIGN_OR_RETURN(const std::vector<Document> documents, ReadDocuments(catalog));
  if (documents != step.documents) return Broken("the repeated documents are others");
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

  ManualClock clock(recording.steps[0].now);
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::SqliteJournal> journal,
                           sqlite::SqliteJournal::Open(CrashJournalOptions(directory, &clock)));
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<JournalReader> reader, journal->NewReader());
  FAREBOX_ASSIGN_OR_RETURN(const std::vector<Document> documents,
                           ReadDocuments(&reader->catalog()));
  const BatchHead head = journal->Head();
  FAREBOX_ASSIGN_OR_RETURN(const bool was_durable,
                           FindUnderWay(recording, acknowledged, head, documents));
  Engine engine(CrashEngineOptions(), journal.get(), &clock);
  FAREBOX_RETURN_IF_ERROR(RecoverAsOf(recording, head, acknowledged, &clock, &engine));
  FAREBOX_RETURN_IF_ERROR(CheckJournal(journal.get(), reader.get()));
  if (acknowledged == recording.steps.size()) return absl::OkStatus();
  const WorkloadStep& step = recording.steps[acknowledged];
  clock.Set(step.now);
  return step.commands.empty() ? RepeatDocuments(step, was_durable, &engine, &reader->catalog())
                               : RepeatCommands(step, was_durable, &engine);
}

}  // namespace farebox
