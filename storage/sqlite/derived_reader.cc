#include "storage/sqlite/derived_reader.h"

#include <array>
#include <utility>

#include "storage/errors.h"
#include "storage/sqlite/checked_vfs.h"
#include "storage/sqlite/derived_file.h"
#include "storage/sqlite/derived_snapshot.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

// For whoever asks while the file is made anew.
constexpr absl::Duration kRetryAfter = absl::Seconds(1);

// The row `entry, totals` that the statement yields, if it yields one.
absl::StatusOr<std::optional<TotalsAt>> ReadTotalsRow(Statement* row) {
  std::optional<TotalsAt> found;
  const int result = row->Step();
  if (result == SQLITE_DONE) return found;
  if (result != SQLITE_ROW) return ErrorOf(row->connection());
  FAREBOX_ASSIGN_OR_RETURN(AccountTotals totals, DecodeTotals(row->Bytes(1)));
  found = TotalsAt{.entry = row->Int64(0), .totals = std::move(totals)};
  return found;
}

}  // namespace

std::optional<TotalsAt> DerivedReader::FindTotals(AccountNumber account, EntryId entry) {
  if (!Refresh().ok()) return std::nullopt;
  absl::StatusOr<std::optional<TotalsAt>> found = LookUpTotals(account, entry);
  if (found.ok()) return *std::move(found);
  NoteDamage(found.status());
  return std::nullopt;
}

absl::StatusOr<std::optional<TotalsAt>> DerivedReader::LookUpTotals(AccountNumber account,
                                                                    EntryId entry) {
  FAREBOX_ASSIGN_OR_RETURN(std::optional<TotalsAt> found, LookUpIndexed(account, entry));
  if (found.has_value()) return found;
  const ResetOnExit reset(&find_newest_);
  find_newest_.BindInt64(1, account);
  return ReadTotalsRow(&find_newest_);
}

absl::StatusOr<std::optional<TotalsAt>> DerivedReader::LookUpIndexed(AccountNumber account,
                                                                     EntryId entry) {
  const ResetOnExit reset(&find_indexed_);
  find_indexed_.BindInt64(1, account);
  find_indexed_.BindInt64(2, entry);
  return ReadTotalsRow(&find_indexed_);
}

EntryId DerivedReader::SkipBack(AccountNumber account, EntryId entry, const EntryFilter& filter) {
  if (!Refresh().ok()) return entry;
  EntryId found = entry;
  const absl::Status searched = snapshots_.Run([&]() -> absl::Status {
    FAREBOX_ASSIGN_OR_RETURN(found, SearchBack(account, entry, filter));
    return absl::OkStatus();
  });
  if (searched.ok()) return found;
  NoteDamage(searched);
  return entry;
}

// Counts of what passes only grow from one indexed entry to the next, so that the lowest one with
// the same count as here can be searched for by halves.
absl::StatusOr<EntryId> DerivedReader::SearchBack(AccountNumber account, EntryId entry,
                                                  const EntryFilter& filter) {
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<TotalsAt> here, LookUpIndexed(account, entry));
  if (!here.has_value()) return entry;
  const int64_t count = here->totals.CountOf(filter);
  if (count == 0) return 0;
  EntryId lowest = here->entry;
  // The one that is wanted is the first that is not below some number from `low` to `high`.
  EntryId low = 1;
  EntryId high = entry;
  while (low < high) {
    const EntryId middle = low + (high - low) / 2;
    FAREBOX_ASSIGN_OR_RETURN(const std::optional<TotalsAt> there, LookUpIndexed(account, middle));
    if (!there.has_value()) return absl::DataLossError("the derived file has lost an entry");
    if (there->totals.CountOf(filter) == count) {
      lowest = there->entry;
      high = middle;
    } else {
      low = there->entry + 1;
    }
  }
  return lowest;
}

void DerivedReader::OnWrong() {
  NoteDamage(absl::DataLossError("the derived file has what is not in the journal"));
}

absl::StatusOr<std::optional<EntryId>> DerivedReader::FindRequest(RequestHash hash) {
  const absl::Status opened = Refresh();
  // Asked before the look-up, so that it holds for what the look-up sees; and that the file was
  // not replaced meanwhile is asked after it.
  const bool knew_all = !status_->are_requests_missing();
  absl::StatusOr<std::optional<EntryId>> found =
      opened.ok() ? LookUpRequest(hash) : absl::StatusOr<std::optional<EntryId>>(opened);
  if (!found.ok()) {
    NoteDamage(found.status());
    return error::Overloaded(kRetryAfter);
  }
  const bool is_current = generation_ == status_->generation.load();
  if (found->has_value() || (knew_all && is_current)) return found;
  // It is being made anew.
  return error::Overloaded(kRetryAfter);
}

absl::StatusOr<EntryId> DerivedReader::LoadSnapshot(SnapshotVisitor* visitor) {
  FAREBOX_RETURN_IF_ERROR(Refresh());
  absl::StatusOr<EntryId> through = VisitDerivedSnapshot(&*connection_, visitor);
  if (!through.ok()) NoteDamage(through.status());
  return through;
}

absl::StatusOr<std::optional<EntryId>> DerivedReader::LookUpRequest(RequestHash hash) {
  const ResetOnExit reset(&find_request_);
  const std::array<char, 16> bytes = BytesOf(hash);
  find_request_.BindBlob(1, absl::string_view(bytes.data(), bytes.size()));
  std::optional<EntryId> found;
  const int result = find_request_.Step();
  if (result != SQLITE_ROW && result != SQLITE_DONE) return connection_->LastError();
  if (result == SQLITE_ROW) found = find_request_.Int64(0);
  return found;
}

absl::Status DerivedReader::Refresh() {
  const int64_t generation = status_->generation.load();
  if (generation == generation_) return absl::OkStatus();
  if (generation % 2 != 0) return absl::UnavailableError("there is no derived file now");

  snapshots_ = Snapshots();
  find_indexed_ = Statement();
  find_newest_ = Statement();
  find_request_ = Statement();
  connection_.reset();
  generation_ = generation;
  absl::Status opened = OpenFile();
  if (opened.ok()) return opened;
  NoteDamage(opened);
  generation_ = -1;
  return opened;
}

absl::Status DerivedReader::OpenFile() {
  FAREBOX_ASSIGN_OR_RETURN(connection_,
                           Connection::Open(path_, {.read_only = true, .vfs = CheckedVfs()}));
  FAREBOX_ASSIGN_OR_RETURN(snapshots_, Snapshots::Prepare(&*connection_));
  FAREBOX_ASSIGN_OR_RETURN(
      find_indexed_,
      connection_->Prepare("SELECT entry, totals FROM activity "
                           "WHERE account = ? AND entry >= ? ORDER BY entry LIMIT 1"));
  FAREBOX_ASSIGN_OR_RETURN(
      find_newest_,
      connection_->Prepare("SELECT last_entry, totals FROM balance WHERE account = ?"));
  FAREBOX_ASSIGN_OR_RETURN(find_request_,
                           connection_->Prepare("SELECT entry FROM request WHERE hash = ?"));
  return absl::OkStatus();
}

void DerivedReader::NoteDamage(const absl::Status& status) {
  const bool is_current = generation_ == status_->generation.load();
  if (absl::IsDataLoss(status) && is_current) listener_->OnDamage();
}

}  // namespace farebox::sqlite
