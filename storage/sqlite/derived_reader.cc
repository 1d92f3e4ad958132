#include "storage/sqlite/derived_reader.h"

#include <array>
#include <utility>

#include "storage/sqlite/checked_vfs.h"
#include "storage/sqlite/derived_file.h"
#include "storage/sqlite/derived_snapshot.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {

EntryId DerivedReader::FindAbove(AccountNumber account, EntryId entry) {
  if (!Refresh().ok()) return 0;
  const ResetOnExit reset(&find_above_);
  find_above_.BindInt64(1, account);
  find_above_.BindInt64(2, entry);
  const int result = find_above_.Step();
  if (result == SQLITE_ROW) return find_above_.Int64(0);
  if (result != SQLITE_DONE) NoteDamage(connection_->LastError());
  return 0;
}

absl::StatusOr<std::optional<EntryId>> DerivedReader::FindRequest(RequestHash hash) {
  const absl::Status opened = Refresh();
  // Asked before the look-up, so that it holds for what the look-up sees; and that the file was
  // not replaced meanwhile is asked after it.
  const bool knew_all = status_->requests_through.load() >= status_->requests_promised.load();
  absl::StatusOr<std::optional<EntryId>> found =
      opened.ok() ? LookUpRequest(hash) : absl::StatusOr<std::optional<EntryId>>(opened);
  if (!found.ok()) {
    NoteDamage(found.status());
    return absl::UnavailableError("the index of old request ids cannot be read at present");
  }
  const bool is_current = generation_ == status_->generation.load();
  if (found->has_value() || (knew_all && is_current)) return found;
  return absl::UnavailableError("the index of old request ids is being made anew");
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
  if (generation % 2 != 0) return absl::UnavailableError("the derived file is being replaced");

  find_above_ = Statement();
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
  FAREBOX_ASSIGN_OR_RETURN(
      find_above_, connection_->Prepare("SELECT entry FROM activity "
                                        "WHERE account = ? AND entry > ? ORDER BY entry LIMIT 1"));
  FAREBOX_ASSIGN_OR_RETURN(find_request_,
                           connection_->Prepare("SELECT entry FROM request WHERE hash = ?"));
  return absl::OkStatus();
}

void DerivedReader::NoteDamage(const absl::Status& status) {
  const bool is_current = generation_ == status_->generation.load();
  if (absl::IsDataLoss(status) && is_current) listener_->OnDamage();
}

}  // namespace farebox::sqlite
