#ifndef FAREBOX_TESTS_CRASH_WORKLOAD_H_
#define FAREBOX_TESTS_CRASH_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/command.h"
#include "storage/document.h"
#include "storage/engine.h"
#include "storage/entry.h"
#include "storage/sqlite/sqlite_journal.h"
#include "tests/crash/disk_states.h"
#include "tests/crash/io_log.h"

namespace farebox {

// One commit of a workload: of commands or, where there are none, of groups of documents, or of the
// removal of one.
struct WorkloadStep {
  absl::Time now;
  std::vector<Command> commands;
  std::vector<DocumentGroup> groups;
  std::optional<Document> removed;
  // What was answered, and the journal's head and all documents, by their ids, then.
  std::vector<Outcome> outcomes;
  std::vector<absl::Status> group_outcomes;
  BatchHead head;
  std::vector<Document> documents;
  // How many operations had been asked of the disk when the answer was known.
  size_t acknowledged_at = 0;
};

// What an engine did on a real journal, and what that did to the disk.
struct Recording {
  DiskImage initial;
  IoLog log;
  std::vector<WorkloadStep> steps;
};

// The journal and the engine as workload and recovery have them: small, with many checkpoints.
sqlite::SqliteJournal::Options CrashJournalOptions(const std::string& directory,
                                                   const Clock* clock);
Engine::Options CrashEngineOptions();

// Changes of documents, as the ledger's document store makes them.
absl::StatusOr<std::vector<absl::Status>> PutDocuments(const std::vector<DocumentGroup>& groups,
                                                       Engine* engine);

absl::Status RemoveDocument(const Document& document, Engine* engine);

// Runs commits of random commands and documents on a new journal in `directory`, which is emptied.
// The same seed makes the same recording.
Recording RecordWorkload(uint64_t seed, int steps, const std::string& directory);

}  // namespace farebox

#endif  // FAREBOX_TESTS_CRASH_WORKLOAD_H_
