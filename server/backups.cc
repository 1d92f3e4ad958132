#include "server/backups.h"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kSuffix = ".db";
// So that whoever answers calls is served first, and a backup still gets its tenth of a busy
// processor: its last read of the journal must not last.
constexpr int kNiceness = 10;

absl::Status CheckFileName(absl::string_view name) {
  const auto is_allowed = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  };
  const bool is_name = name.size() > kSuffix.size() && name.size() <= limits::kFileNameBytesMax &&
                       name[0] != '.' && absl::EndsWith(name, kSuffix) &&
                       std::all_of(name.begin(), name.end(), is_allowed);
  if (is_name) return absl::OkStatus();
  return error::FieldInvalid("file_name",
                             absl::StrCat("must be at most ", limits::kFileNameBytesMax,
                                          " of A-Z a-z 0-9 . _ - that end in .db, without a path"));
}

std::string NameOf(absl::Time time) {
  return absl::StrCat(absl::FormatTime("%Y%m%dT%H%M%SZ", time, absl::UTCTimeZone()), kSuffix);
}

// When the newest backup in the directory was written; InfinitePast where there is none.
absl::Time NewestIn(const std::string& directory) {
  absl::Time newest = absl::InfinitePast();
  std::error_code error;
  for (auto file = fs::directory_iterator(directory, error);
       !error && file != fs::directory_iterator(); file.increment(error)) {
    if (!absl::EndsWith(file->path().native(), kSuffix)) continue;
    std::error_code is_gone;
    const auto written = std::chrono::file_clock::to_sys(file->last_write_time(is_gone));
    if (!is_gone) newest = std::max(newest, absl::FromChrono(written));
  }
  return newest;
}

}  // namespace

absl::Status Backups::CheckDirectory(const std::string& directory,
                                     const std::string& data_directory) {
  std::error_code error;
  if (!directory.empty() && !fs::is_directory(directory, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--backup-directory ", directory, ": there is no such directory"));
  }
  if (!directory.empty() && fs::equivalent(directory, data_directory, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--backup-directory ", directory, " is the ledger's own"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Backups>> Backups::Start(const Options& options,
                                                        const Parts& parts) {
  FAREBOX_RETURN_IF_ERROR(CheckDirectory(options.directory, parts.data_directory));
  return std::unique_ptr<Backups>(new Backups(options, parts));
}

Backups::Backups(const Options& options, const Parts& parts)
    : options_(options), parts_(parts), metrics_(parts.metrics), lanes_("fbx-backup", 1) {
  if (!options_.directory.empty()) metrics_.ShowNewest(NewestIn(options_.directory));
}

Backups::~Backups() { Drain(); }

void Backups::Drain() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    stopped_.SignalAll();
  }
  lanes_.Drain();
}

absl::Status Backups::CheckOrder(const Order& order) const {
  if (options_.directory.empty()) return error::BackupsOff();
  return order.file_name.empty() ? absl::OkStatus() : CheckFileName(order.file_name);
}

// Whoever waits for a backup: told also where the work is dropped before it begins.
class Backups::Pending {
 public:
  explicit Pending(Done done) : done_(std::move(done)) {}
  ~Pending() {
    if (done_ != nullptr) done_(error::ShuttingDown());
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  void Tell(absl::StatusOr<Made> made) { std::exchange(done_, nullptr)(std::move(made)); }

 private:
  Done done_;
};

void Backups::Begin(Order order, Done done) {
  absl::Status refusal = CheckOrder(order);
  if (refusal.ok()) {
    MutexLock lock(&mu_);
    if (stopping_) refusal = error::ShuttingDown();
    if (is_busy_) refusal = error::Overloaded();
    if (refusal.ok()) is_busy_ = true;
  }
  if (!refusal.ok()) return done(refusal);
  const auto pending = std::make_shared<Pending>(std::move(done));
  // Where it drains by now, the work is dropped.
  lanes_.Post("", [this, order = std::move(order), pending] {
    absl::StatusOr<Made> made = Make(order);
    {
      MutexLock lock(&mu_);
      is_busy_ = false;
    }
    pending->Tell(std::move(made));
  });
}

absl::StatusOr<Backups::Made> Backups::Make(const Order& order) {
  setpriority(PRIO_PROCESS, 0, kNiceness);
  const absl::Time start = parts_.clock->Now();
  absl::Time step_start = start;
  Made made = {.file_name = order.file_name.empty() ? NameOf(start) : order.file_name};
  const absl::StatusOr<BackupReport> report =
      parts_.journal->Backup({.path = absl::StrCat(options_.directory, "/", made.file_name),
                              .updates = order.updates,
                              .free_disk_bytes_min = 2 * options_.free_disk_bytes_min,
                              .observer = [&](const CopyProgress& progress) {
                                return GoOn(order, progress, &step_start);
                              }});
  made.duration = parts_.clock->Now() - start;
  metrics_.Count(report.status());
  if (!report.ok()) {
    Log(LogLevel::kWarning, "backup_failed",
        {{"file", made.file_name}, {"error", std::string(report.status().message())}});
    MutexLock lock(&mu_);
    const bool is_shut_down = stopping_ && absl::IsCancelled(report.status());
    return is_shut_down ? error::ShuttingDown() : report.status();
  }
  made.report = *report;
  metrics_.ShowMade(parts_.clock->Now(), made.duration, made.report.bytes);
  Log(LogLevel::kInfo, "backup_made",
      {{"file", made.file_name},
       {"entries", made.report.head.last},
       {"bytes", made.report.bytes},
       {"milliseconds", absl::ToInt64Milliseconds(made.duration)}});
  return made;
}

bool Backups::GoOn(const Order& order, const CopyProgress& progress, absl::Time* step_start) {
  const absl::Duration pause =
      std::clamp(parts_.clock->Now() - *step_start, absl::ZeroDuration(), limits::kBackupPauseMax);
  bool is_stopping = false;
  {
    MutexLock lock(&mu_);
    if (!stopping_ && pause > absl::ZeroDuration()) stopped_.WaitFor(&mu_, pause);
    is_stopping = stopping_;
  }
  *step_start = parts_.clock->Now();
  return order.observer(progress) && !is_stopping;
}

}  // namespace farebox::server
