#include "storage/sqlite/sqlite_journal.h"

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/errors.h"
#include "storage/sqlite/file.h"
#include "storage/sqlite/journal_reader.h"
#include "storage/sqlite/journal_schema.h"
#include "storage/sqlite/make_backup.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

std::string JournalPath(const std::string& directory) {
  return absl::StrCat(directory, "/journal.db");
}
std::string DerivedPath(const std::string& directory) {
  return absl::StrCat(directory, "/derived.db");
}

int64_t FileBytes(const std::string& path) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(bytes);
}

// A reader of files that no server has open.
class OfflineReader : public JournalReader {
 public:
  OfflineReader(std::optional<Ownership> ownership, std::unique_ptr<JournalReader> reader)
      : ownership_(std::move(ownership)), reader_(std::move(reader)) {}

  absl::StatusOr<Entry> Read(EntryId id) override { return reader_->Read(id); }
  absl::Status Scan(EntryId first, EntryId last,
                    absl::FunctionRef<bool(const Entry&)> visit) override {
    return reader_->Scan(first, last, visit);
  }
  absl::Status ScanRequestIds(EntryId first, EntryId last, VisitRequestId visit) override {
    return reader_->ScanRequestIds(first, last, visit);
  }
  absl::Status ScanBatches(int64_t first,
                           absl::FunctionRef<bool(const BatchHead&)> visit) override {
    return reader_->ScanBatches(first, visit);
  }
  absl::StatusOr<EntryId> ScanAccount(const AccountScan& scan,
                                      absl::FunctionRef<bool(const Entry&)> visit) override {
    return reader_->ScanAccount(scan, visit);
  }
  absl::StatusOr<std::vector<AccountTotals>> ReadTotals(
      AccountNumber account, EntryId newest, absl::Span<const EntryId> positions) override {
    return reader_->ReadTotals(account, newest, positions);
  }
  absl::StatusOr<EntryId> LastEntryBefore(absl::Time time) override {
    return reader_->LastEntryBefore(time);
  }
  CatalogReader& catalog() override { return reader_->catalog(); }

 private:
  const std::optional<Ownership> ownership_;  // None of a backup.
  const std::unique_ptr<JournalReader> reader_;
};

}  // namespace

SqliteJournal::SqliteJournal(Options options, Ownership ownership,
                             std::unique_ptr<JournalFile> file)
    : options_(std::move(options)),
      ownership_(std::move(ownership)),
      file_(std::move(file)),
      catalog_(file_.get()) {}

absl::StatusOr<std::unique_ptr<SqliteJournal>> SqliteJournal::Open(Options options) {
  FAREBOX_CHECK(options.clock != nullptr);
  FAREBOX_RETURN_IF_ERROR(MakeDirectory(options.directory));
  FAREBOX_ASSIGN_OR_RETURN(Ownership ownership, Ownership::Take(options.directory));
  FAREBOX_ASSIGN_OR_RETURN(
      std::unique_ptr<JournalFile> file,
      JournalFile::Open(JournalPath(options.directory), options.checkpoint_frames));
  auto journal = std::unique_ptr<SqliteJournal>(
      new SqliteJournal(std::move(options), std::move(ownership), std::move(file)));
  FAREBOX_RETURN_IF_ERROR(journal->Recover());
  return journal;
}

absl::Status SqliteJournal::Recover() {
  FAREBOX_ASSIGN_OR_RETURN(head_, file_->ReadHead());
  // Of decks that nobody can see: where there is no room even to delete them, they stay.
  const absl::Status dropped = catalog_.DropUnsealed();
  const Reason reason = GetReason(dropped);
  if (reason != Reason::kStorageFull && reason != Reason::kStorageLocked) {
    FAREBOX_RETURN_IF_ERROR(dropped);
  }
  if (!options_.derive) return absl::OkStatus();

  FAREBOX_ASSIGN_OR_RETURN(
      deriver_, Deriver::Start({.journal_path = JournalPath(options_.directory),
                                .derived_path = DerivedPath(options_.directory),
                                .request_window = options_.request_window,
                                .lag_entries_max = options_.derived_lag_entries_max,
                                .chunk_entries_max = options_.derived_chunk_entries_max,
                                .chunk_requests_max = options_.derived_chunk_requests_max,
                                .free_disk_bytes_min = options_.free_disk_bytes_min,
                                .free_disk_bytes_min_requests = 2 * options_.free_disk_bytes_min,
                                .gather = options_.derived_gather,
                                .clock = options_.clock,
                                .on_journal_damage = options_.on_journal_damage},
                               head_.last));
  derived_reader_ = deriver_->NewReader();
  return absl::OkStatus();
}

absl::StatusOr<EntryId> SqliteJournal::LoadSnapshot(SnapshotVisitor* visitor) {
  if (derived_reader_ == nullptr) return 0;
  absl::StatusOr<EntryId> through = derived_reader_->LoadSnapshot(visitor);
  if (through.ok()) return through;
  // Whatever is the matter with the derived file, the journal has it all.
  visitor->OnDiscard();
  return 0;
}

void SqliteJournal::OnWrongSnapshot() {
  if (deriver_ != nullptr) deriver_->OnDamage();
}

absl::Status SqliteJournal::CheckSpace(SpaceFor purpose) {
  FAREBOX_RETURN_IF_ERROR(file_->CheckInPlace());
  FAREBOX_RETURN_IF_ERROR(file_->CheckLock());
  const std::optional<int64_t> free_bytes = FreeDiskBytes(options_.directory);
  const int64_t share = purpose == SpaceFor::kEndingHolds ? limits::kFreeDiskEndingShare : 1;
  if (!free_bytes.has_value() || *free_bytes >= options_.free_disk_bytes_min / share) {
    return absl::OkStatus();
  }
  return error::StorageFull(absl::StrCat(*free_bytes, " bytes are left for ", options_.directory));
}

absl::Status SqliteJournal::Append(const BatchHead& head, absl::Span<const Entry> entries) {
  FAREBOX_CHECK(head.number == head_.number + 1 && head.first == head_.last + 1);
  FAREBOX_RETURN_IF_ERROR(file_->Append(head, entries));
  head_ = head;
  if (deriver_ != nullptr) deriver_->OnAppended(head.last);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<EntryId>> SqliteJournal::FindOldRequest(RequestHash hash) {
  if (derived_reader_ == nullptr) return std::optional<EntryId>();
  return derived_reader_->FindRequest(hash);
}

EntryId SqliteJournal::OldRequestsThrough() {
  return deriver_ == nullptr ? 0 : deriver_->status().requests_expected();
}

bool SqliteJournal::LeaveOldRequests(EntryId through) {
  if (deriver_ == nullptr) return false;
  deriver_->LeaveOldRequests(through);
  return true;
}

absl::StatusOr<std::unique_ptr<JournalReader>> SqliteJournal::NewReader() {
  std::unique_ptr<AccountIndex> index;
  if (deriver_ != nullptr) index = deriver_->NewReader();
  FAREBOX_ASSIGN_OR_RETURN(
      std::unique_ptr<SqliteJournalReader> reader,
      SqliteJournalReader::Open(JournalPath(options_.directory), std::move(index)));
  return reader;
}

JournalStats SqliteJournal::Stats() {
  const std::string journal_path = JournalPath(options_.directory);
  return {.journal_bytes = FileBytes(journal_path),
          .wal_bytes = FileBytes(absl::StrCat(journal_path, "-wal")),
          .derived_bytes = FileBytes(DerivedPath(options_.directory)),
          .disk_free_bytes = FreeDiskBytes(options_.directory),
          .derived_through = deriver_ == nullptr ? 0 : deriver_->status().through.load()};
}

absl::StatusOr<BackupReport> SqliteJournal::Backup(const BackupOrder& order) {
  return MakeBackup(JournalPath(options_.directory), order);
}

void SqliteJournal::WaitForDerived() {
  if (deriver_ != nullptr) deriver_->WaitWhileFarBehind();
}

absl::StatusOr<std::unique_ptr<JournalReader>> OpenOfflineReader(const std::string& place) {
  std::error_code ignored;  // What cannot be looked at is found below.
  const bool is_backup = std::filesystem::is_regular_file(place, ignored);
  const std::string path = is_backup ? place : JournalPath(place);
  FAREBOX_ASSIGN_OR_RETURN(const bool is_there, Exists(path));
  if (!is_there) return absl::NotFoundError(absl::StrCat("there is no ledger in ", place));
  std::optional<Ownership> ownership;
  if (!is_backup) {
    FAREBOX_ASSIGN_OR_RETURN(Ownership taken, Ownership::Take(place));
    ownership.emplace(std::move(taken));
  }
  FAREBOX_RETURN_IF_ERROR(CheckIsJournal(path, static_cast<int64_t>(JournalMigrations().size())));
  FAREBOX_ASSIGN_OR_RETURN(const bool has_rollback, Exists(absl::StrCat(path, "-journal")));
  if (is_backup && has_rollback) {
    FAREBOX_RETURN_IF_ERROR(OpenJournalForUpdate(path).status());
  }
  FAREBOX_ASSIGN_OR_RETURN(std::unique_ptr<SqliteJournalReader> reader,
                           SqliteJournalReader::Open(path, nullptr));
  std::unique_ptr<JournalReader> offline =
      std::make_unique<OfflineReader>(std::move(ownership), std::move(reader));
  return offline;
}

}  // namespace farebox::sqlite
