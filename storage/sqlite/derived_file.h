#ifndef FAREBOX_STORAGE_SQLITE_DERIVED_FILE_H_
#define FAREBOX_STORAGE_SQLITE_DERIVED_FILE_H_

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/journal.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/derived_chunk.h"
#include "storage/sqlite/derived_schema.h"

namespace farebox::sqlite {

// The one connection that writes derived.db: what the journal amounts to, in the forms that
// start-up and readers want.
//
// 1. Each write is one transaction that takes the file from one position of the journal to
//    another: a process that is killed leaves a file that is whole.
// 2. Nothing is synced while it runs. A file that was written to before the machine last started,
//    and not synced since, is not trusted.
// 3. A file that is missing, damaged, of another version or of another journal is deleted and
//    begun anew. It holds nothing that the journal does not. One that merely cannot be read or
//    written now stays, for the next try: to make it anew may take hours.
//
// Used by one thread at a time.
class DerivedFile {
 public:
  // Whether the journal has a batch that is like the one at this position; JOURNAL_DAMAGED where it
  // must have had it, and has lost it.
  using IsOfJournal = absl::FunctionRef<absl::StatusOr<bool>(const BatchHead&)>;

  // Opens the file, or begins it anew where it is not usable. Fails with JOURNAL_DAMAGED, and where
  // nobody knows what is in it. Opened, it can be read; whether it can be written shows later.
  static absl::StatusOr<std::unique_ptr<DerivedFile>> Open(const std::string& path,
                                                           IsOfJournal is_of_journal);
  // Begins the file anew.
  static absl::StatusOr<std::unique_ptr<DerivedFile>> Create(const std::string& path);
  DerivedFile(const DerivedFile&) = delete;
  DerivedFile& operator=(const DerivedFile&) = delete;
  ~DerivedFile() = default;

  const DerivedPosition& position() const { return position_; }

  absl::StatusOr<std::optional<HoldRow>> FindHold(EntryId id);

  // Takes over the entries between the position and the end of `through`.
  absl::Status Write(DerivedChunk chunk, const BatchHead& through);

  // Takes over the request ids of the entries up to `through`. In the order of the hash.
  absl::Status WriteRequests(absl::Span<const std::pair<RequestHash, EntryId>> requests,
                             EntryId through);

  absl::StatusOr<int64_t> CountPages();

  // Cuts the log down to nothing, where no reader is in the way.
  absl::Status EmptyLog();

  // Puts everything on disk, so that the file is trusted whatever happens next; before closing.
  // Fails where another program reads the file: it is made anew after the next power cut, then.
  absl::Status Sync();

 private:
  explicit DerivedFile(Connection connection) : connection_(std::move(connection)) {}

  static absl::StatusOr<std::unique_ptr<DerivedFile>> OpenExisting(const std::string& path,
                                                                   IsOfJournal is_of_journal);
  // Before the first write: where that is lost, the file must not be trusted.
  absl::Status BeginToWrite();
  absl::Status MarkTrust(bool is_synced);
  // Everything into the file, and the file onto the disk; fails where a reader is in the way.
  absl::Status PutOnDisk();
  absl::Status Prepare();
  // These keep `sum` up with the rows.
  absl::Status WriteRecords(const DerivedChunk& chunk, uint64_t* sum);
  absl::Status WriteBalances(const std::vector<BalanceStep>& steps, uint64_t* sum);
  absl::Status WriteHolds(const DerivedChunk& chunk, absl::Time now, uint64_t* sum);
  absl::Status WriteRefunds(const DerivedChunk& chunk, uint64_t* sum);
  absl::Status SubtractRecord(AccountNumber account, uint64_t* sum);
  // Returns what the account's entries before the chunk add up to.
  absl::StatusOr<AccountTotals> SubtractBalance(AccountNumber account, uint64_t* sum);
  // Runs a statement that deletes holds and yields them.
  absl::Status DeleteHolds(Statement* statement, uint64_t* sum);
  absl::Status WriteActivity(const BalanceStep& step, const AccountTotals& totals);
  absl::Status WritePosition(const DerivedPosition& position);
  absl::Status Run(Statement* statement);

  Connection connection_;
  DerivedPosition position_;
  // The file on the disk says that it is synced.
  bool is_marked_synced_ = false;
  // When holds that expired too long ago were last dropped.
  absl::Time holds_dropped_ = absl::InfinitePast();

  Statement find_record_;
  Statement put_account_;
  Statement find_balance_;
  Statement put_balance_;
  Statement find_hold_;
  Statement put_hold_;
  Statement delete_hold_;
  Statement drop_holds_;
  Statement add_refund_;
  Statement put_activity_;
  Statement put_request_;
  Statement put_position_;
};

// What there is in a file that is trusted.
struct TrustedDerived {
  DerivedPosition position;
  // Not written to since it was put on disk.
  bool is_synced = false;
};

// Fails where the file is of another version or another journal, or was written to before the
// machine last started and not synced since. Also for a reader beside the connection that writes.
absl::StatusOr<TrustedDerived> CheckDerived(Connection* connection,
                                            DerivedFile::IsOfJournal is_of_journal);

// Reads a row of `id, account, item, amount, charged, start_time, expire_time, expired, detail`.
HoldRow ReadHoldRow(const Statement& row);

// Whether nothing can become of the hold any more: it expired too long before `now`.
bool IsForgotten(const Hold& hold, absl::Time now);

// As a key of the table `request`.
std::array<char, 16> BytesOf(RequestHash hash);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DERIVED_FILE_H_
