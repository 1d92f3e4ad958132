#include "tests/crash/workload.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "storage/catalog.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "storage/status_macros.h"
#include "tests/crash/document_source.h"
#include "tests/crash/recording_vfs.h"
#include "tests/storage/commands.h"
#include "tests/support/read_file.h"

namespace farebox {
namespace {

constexpr int kAccounts = 3;
constexpr int kCommandsMax = 5;
// One step in so many is of documents.
constexpr uint64_t kStepsPerDocuments = 5;
// Small enough that a workload has several.
constexpr int kCheckpointFrames = 20;

// Makes commands that are mostly accepted, from what was answered before.
class CommandSource {
 public:
  explicit CommandSource(uint64_t seed) : seed_(seed), random_(seed) {}

  std::vector<Command> MakeStep(bool is_first) {
    std::vector<Command> commands;
    if (is_first) {
      for (int i = 0; i < kAccounts; ++i) {
        commands.push_back(ToOpen(AccountId(i), {.open_holds_max = 5}, "", NewId()));
        commands.push_back(ToCredit(AccountId(i), Cents(500), NewId()));
      }
      return commands;
    }
    for (uint64_t left = 1 + Draw(kCommandsMax); left > 0; --left) commands.push_back(MakeOne());
    return commands;
  }

  bool DrawDocuments() { return Draw(kStepsPerDocuments) == 0; }

  absl::Duration MakePause() { return absl::Milliseconds(Draw(40'000)); }

  void Learn(const std::vector<Command>& commands, const std::vector<Outcome>& outcomes) {
    for (size_t i = 0; i < commands.size(); ++i) {
      const Outcome& outcome = outcomes[i];
      if (!outcome.status.ok() || outcome.replayed) continue;
      past_.push_back(commands[i]);
      if (outcome.entry.kind == EntryKind::kHold) {
        holds_.push_back({commands[i].account_id, outcome.entry.id});
      } else if (outcome.entry.kind == EntryKind::kDebit) {
        debits_.push_back({commands[i].account_id, outcome.entry.id});
      }
    }
  }

 private:
  struct Subject {
    std::string account;
    EntryId entry;
  };

  Command MakeOne() {
    const std::string account = AccountId(static_cast<int>(Draw(kAccounts)));
    const Micros amount = Cents(1 + static_cast<int64_t>(Draw(60)));
    const uint64_t kind = Draw(20);
    if (kind < 5) return ToDebit(account, amount, NewId());
    if (kind < 7) return ToCredit(account, amount, NewId());
    if (kind < 11 || holds_.empty()) return ToHold(account, amount, absl::Minutes(2), NewId());
    if (kind == 11 && !past_.empty()) return past_[Draw(past_.size())];
    if (kind == 12 && !debits_.empty()) {
      const Subject& debit = debits_[Draw(debits_.size())];
      return ToRefund(debit.account, debit.entry, Cents(1), NewId());
    }
    // Of the newest few, which are likely to be open.
    const Subject& hold = holds_[holds_.size() - 1 - Draw(std::min<size_t>(holds_.size(), 6))];
    if (kind < 15) return ToExtend(hold.account, hold.entry, amount, absl::Minutes(3), NewId());
    if (kind < 16) return ToCharge(hold.account, hold.entry, Cents(2), NewId());
    if (kind < 19) return ToSettle(hold.account, hold.entry, amount, NewId());
    return ToRelease(hold.account, hold.entry, Micros(), NewId());
  }

  uint64_t Draw(uint64_t below) { return random_() % below; }
  static std::string AccountId(int index) { return absl::StrCat("account-", index); }
  std::string NewId() { return absl::StrCat("request-", seed_, "-", next_id_++); }

  const uint64_t seed_;
  std::mt19937_64 random_;
  int next_id_ = 0;
  std::vector<Command> past_;
  std::vector<Subject> holds_;
  std::vector<Subject> debits_;
};

void CommitCommands(CommandSource* source, bool is_first, Engine* engine, WorkloadStep* step) {
  step->commands = source->MakeStep(is_first);
  const absl::Span<const Command> commands = step->commands;
  CommitResult result = engine->Commit({commands});
  FAREBOX_CHECK(result.status.ok());
  step->outcomes = result.TakeOutcomes(step->commands.size());
  source->Learn(step->commands, step->outcomes);
}

void CommitDocuments(DocumentSource* source, Engine* engine, WorkloadStep* step) {
  step->removed = source->ChooseRemoval();
  if (step->removed.has_value()) {
    FAREBOX_CHECK(RemoveDocument(*step->removed, engine).ok());
    return source->LearnRemoval(*step->removed);
  }
  step->groups = source->MakeStep(step->now);
  absl::StatusOr<std::vector<absl::Status>> outcomes = PutDocuments(step->groups, engine);
  FAREBOX_CHECK(outcomes.ok());
  step->group_outcomes = *std::move(outcomes);
  source->Learn(step->groups, step->group_outcomes);
}

void RunSteps(uint64_t seed, int count, ManualClock* clock, Engine* engine, Recording* recording) {
  CommandSource commands(seed);
  DocumentSource documents(seed);
  for (int i = 0; i < count; ++i) {
    WorkloadStep& step = recording->steps.emplace_back();
    clock->Advance(commands.MakePause());
    step.now = clock->Now();
    const bool is_first = i == 0;
    if (!is_first && commands.DrawDocuments()) {
      CommitDocuments(&documents, engine, &step);
    } else {
      CommitCommands(&commands, is_first, engine, &step);
    }
    step.head = engine->head();
    step.documents = documents.documents();
    step.acknowledged_at = recording->log.size();
  }
}

}  // namespace

sqlite::SqliteJournal::Options CrashJournalOptions(const std::string& directory,
                                                   const Clock* clock) {
  return {.directory = directory,
          .derive = false,
          .checkpoint_frames = kCheckpointFrames,
          .clock = clock};
}

Engine::Options CrashEngineOptions() {
  return {.request_window = absl::Hours(24 * 7), .expiry_warning = absl::Seconds(10)};
}

absl::StatusOr<std::vector<absl::Status>> PutDocuments(const std::vector<DocumentGroup>& groups,
                                                       Engine* engine) {
  std::vector<absl::Status> outcomes;
  const auto put = [&](Catalog& catalog) -> absl::Status {
    FAREBOX_ASSIGN_OR_RETURN(outcomes, catalog.PutDocuments(groups));
    return absl::OkStatus();
  };
  FAREBOX_RETURN_IF_ERROR(engine->ChangeCatalog(put));
  return outcomes;
}

absl::Status RemoveDocument(const Document& document, Engine* engine) {
  return engine->ChangeCatalog([&](Catalog& catalog) { return catalog.RemoveDocument(document); });
}

Recording RecordWorkload(uint64_t seed, int steps, const std::string& directory) {
  std::filesystem::remove_all(directory);
  ManualClock clock(absl::FromUnixSeconds(1'700'000'000));
  const auto open = [&] {
    auto journal = sqlite::SqliteJournal::Open(CrashJournalOptions(directory, &clock));
    FAREBOX_CHECK(journal.ok());
    return *std::move(journal);
  };
  Recording recording;
  open();  // Makes the file.
  recording.initial[static_cast<size_t>(RecordedFile::kDatabase)] =
      testing::ReadFile(absl::StrCat(directory, "/journal.db"));

  std::optional<IoRecorder> recorder(&recording.log);
  const std::unique_ptr<sqlite::SqliteJournal> journal = open();
  Engine engine(CrashEngineOptions(), journal.get(), &clock);
  FAREBOX_CHECK(engine.Recover().ok());
  RunSteps(seed, steps, &clock, &engine, &recording);
  recorder.reset();  // Before the journal is closed, which no crash waits for.
  return recording;
}

}  // namespace farebox
