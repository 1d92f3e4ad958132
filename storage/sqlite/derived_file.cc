#include "storage/sqlite/derived_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "storage/account_terms.h"
#include "storage/errors.h"
#include "storage/limits.h"
#include "storage/sqlite/checked_vfs.h"
#include "storage/sqlite/derived_sum.h"
#include "storage/sqlite/entry_row.h"
#include "storage/sqlite/file.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

namespace fs = std::filesystem;

// The log is cut back to this when it begins anew; a chunk may make it larger for a while.
constexpr int64_t kLogBytesMax = 64 * 1024 * 1024;

// Looking for holds to drop reads all of them, so it is not done with every chunk.
constexpr absl::Duration kDropHoldsEvery = absl::Hours(1);

// Of the machine's current run: what was written in it is at least in the page cache.
std::string BootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string boot_id;
  std::getline(file, boot_id);
  return boot_id;
}

absl::Status Configure(Connection* connection) {
  // Overwriting deleted content with zeros is the packaged default; here it would cost writes.
  return connection->Execute(absl::StrCat(
      "PRAGMA page_size = 4096; PRAGMA secure_delete = OFF; PRAGMA cache_size = -65536; PRAGMA "
      "journal_mode = WAL; "
      "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = ",
      kLogBytesMax));
}

absl::Status Remove(const std::string& path) {
  for (const char* suffix : {"-wal", "-shm", "-journal", ""}) {
    std::error_code error;
    fs::remove(absl::StrCat(path, suffix), error);
    if (error) {
      return absl::UnavailableError(absl::StrCat("cannot delete ", path, ": ", error.message()));
    }
  }
  return absl::OkStatus();
}

// Whether the file is synced, where it is whole. Where the machine's run has no name, what was not
// synced is not trusted.
absl::StatusOr<bool> ReadTrust(Connection* connection) {
  FAREBOX_ASSIGN_OR_RETURN(Statement row,
                           connection->Prepare("SELECT is_synced FROM trust WHERE is_synced OR "
                                               "(boot_id = ? AND boot_id != '')"));
  const std::string boot_id = BootId();
  row.BindText(1, boot_id);
  const int result = row.Step();
  if (result == SQLITE_ROW) return row.Int64(0) != 0;
  if (result != SQLITE_DONE) return connection->LastError();
  return absl::DataLossError("the derived file was written to before the machine went down");
}

}  // namespace

absl::StatusOr<TrustedDerived> CheckDerived(Connection* connection,
                                            DerivedFile::IsOfJournal is_of_journal) {
  FAREBOX_ASSIGN_OR_RETURN(const int64_t application,
                           connection->QueryInt64("PRAGMA application_id"));
  FAREBOX_ASSIGN_OR_RETURN(const int64_t version, connection->QueryInt64("PRAGMA user_version"));
  if (application != kDerivedApplicationId || version != kDerivedVersion) {
    return absl::DataLossError("the derived file is of another version");
  }
  TrustedDerived trusted;
  FAREBOX_ASSIGN_OR_RETURN(trusted.is_synced, ReadTrust(connection));
  FAREBOX_ASSIGN_OR_RETURN(trusted.position, ReadDerivedPosition(connection));
  FAREBOX_ASSIGN_OR_RETURN(const bool is_of_journal_here, is_of_journal(trusted.position.batch));
  if (!is_of_journal_here) return absl::DataLossError("the derived file is of another journal");
  return trusted;
}

absl::StatusOr<std::unique_ptr<DerivedFile>> DerivedFile::Open(const std::string& path,
                                                               IsOfJournal is_of_journal) {
  absl::StatusOr<std::unique_ptr<DerivedFile>> file = OpenExisting(path, is_of_journal);
  // Damage of the journal is nothing that a new derived file would mend.
  if (file.ok() || GetReason(file.status()) == Reason::kJournalDamaged) return file;
  FAREBOX_ASSIGN_OR_RETURN(const bool is_there, Exists(path));
  return !is_there || absl::IsDataLoss(file.status()) ? Create(path) : std::move(file);
}

absl::StatusOr<std::unique_ptr<DerivedFile>> DerivedFile::OpenExisting(const std::string& path,
                                                                       IsOfJournal is_of_journal) {
  FAREBOX_ASSIGN_OR_RETURN(Connection connection, Connection::Open(path, {.vfs = CheckedVfs()}));
  FAREBOX_ASSIGN_OR_RETURN(const TrustedDerived trusted, CheckDerived(&connection, is_of_journal));
  auto file = std::unique_ptr<DerivedFile>(new DerivedFile(std::move(connection)));
  file->position_ = trusted.position;
  file->is_marked_synced_ = trusted.is_synced;
  FAREBOX_RETURN_IF_ERROR(Configure(&file->connection_));
  FAREBOX_RETURN_IF_ERROR(file->Prepare());
  // While nobody of this process reads it. Where that fails, it is tried again with each write.
  file->BeginToWrite().IgnoreError();
  return file;
}

absl::StatusOr<std::unique_ptr<DerivedFile>> DerivedFile::Create(const std::string& path) {
  FAREBOX_RETURN_IF_ERROR(Remove(path));
  FAREBOX_ASSIGN_OR_RETURN(Connection connection,
                           Connection::Open(path, {.create = true, .vfs = CheckedVfs()}));
  FAREBOX_RETURN_IF_ERROR(ReserveChecksums(&connection));
  auto file = std::unique_ptr<DerivedFile>(new DerivedFile(std::move(connection)));
  FAREBOX_RETURN_IF_ERROR(Configure(&file->connection_));
  const auto write = [&]() -> absl::Status {
    FAREBOX_RETURN_IF_ERROR(file->connection_.Execute(kDerivedSchema));
    FAREBOX_RETURN_IF_ERROR(file->Prepare());
    FAREBOX_RETURN_IF_ERROR(file->WritePosition({}));
    FAREBOX_RETURN_IF_ERROR(file->MarkTrust(/*is_synced=*/false));
    return file->connection_.Execute(absl::StrCat("PRAGMA application_id = ", kDerivedApplicationId,
                                                  "; PRAGMA user_version = ", kDerivedVersion));
  };
  FAREBOX_RETURN_IF_ERROR(InTransaction(&file->connection_, write));
  return file;
}

absl::Status DerivedFile::BeginToWrite() {
  if (!is_marked_synced_) return absl::OkStatus();
  // First what a try before this one has left in the log, so that no more of it gathers while a
  // reader is in the way.
  FAREBOX_RETURN_IF_ERROR(PutOnDisk());
  // On disk before anything else is written: afterwards the file may be half of this and half of
  // that when the power goes.
  FAREBOX_RETURN_IF_ERROR(MarkTrust(/*is_synced=*/false));
  FAREBOX_RETURN_IF_ERROR(PutOnDisk());
  FAREBOX_RETURN_IF_ERROR(connection_.Execute("PRAGMA synchronous = OFF"));
  is_marked_synced_ = false;
  return absl::OkStatus();
}

absl::Status DerivedFile::MarkTrust(bool is_synced) {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement put, connection_.Prepare(
                         "INSERT OR REPLACE INTO trust (id, boot_id, is_synced) VALUES (1, ?, ?)"));
  const std::string boot_id = BootId();
  put.BindText(1, boot_id);
  put.BindInt64(2, is_synced ? 1 : 0);
  return Run(&put);
}

absl::Status DerivedFile::Prepare() {
  const struct {
    Statement* statement;
    const char* sql;
  } statements[] = {
      {&find_record_, "SELECT record FROM account WHERE number = ?"},
      {&put_account_, "INSERT OR REPLACE INTO account (number, id, record) VALUES (?,?,?)"},
      {&find_balance_,
       "SELECT account, balance, held, last_entry, totals FROM balance WHERE account = ?"},
      {&put_balance_,
       "INSERT OR REPLACE INTO balance (account, balance, held, last_entry, totals) "
       "VALUES (?,?,?,?,?)"},
      {&find_hold_,
       "SELECT id, account, item, amount, charged, start_time, expire_time, expired, detail "
       "FROM hold WHERE id = ?"},
      {&put_hold_,
       "INSERT OR REPLACE INTO hold (id, account, item, amount, charged, start_time, expire_time, "
       "expired, detail) VALUES (?,?,?,?,?,?,?,?,?)"},
      {&delete_hold_,
       "DELETE FROM hold WHERE id = ? RETURNING id, account, item, amount, charged, start_time, "
       "expire_time, expired, detail"},
      {&drop_holds_,
       "DELETE FROM hold WHERE expired AND expire_time < ? RETURNING id, account, item, amount, "
       "charged, start_time, expire_time, expired, detail"},
      {&add_refund_,
       "INSERT INTO refund (debit, refunded) VALUES (?,?) "
       "ON CONFLICT (debit) DO UPDATE SET refunded = refunded + excluded.refunded "
       "RETURNING refunded"},
      {&put_activity_, "INSERT OR REPLACE INTO activity (account, entry, totals) VALUES (?,?,?)"},
      {&put_request_, "INSERT OR IGNORE INTO request (hash, entry) VALUES (?,?)"},
      {&put_position_,
       "INSERT OR REPLACE INTO position "
       "(id, batch, entry, time, hash, requests_through, rows_sum) VALUES (1,?,?,?,?,?,?)"},
  };
  for (const auto& [statement, sql] : statements) {
    FAREBOX_ASSIGN_OR_RETURN(*statement, connection_.Prepare(sql));
  }
  return absl::OkStatus();
}

absl::Status DerivedFile::Run(Statement* statement) {
  return statement->Run() == SQLITE_OK ? absl::OkStatus() : connection_.LastError();
}

absl::StatusOr<std::optional<HoldRow>> DerivedFile::FindHold(EntryId id) {
  const ResetOnExit reset(&find_hold_);
  std::optional<HoldRow> found;
  find_hold_.BindInt64(1, id);
  const int result = find_hold_.Step();
  if (result == SQLITE_DONE) return found;
  if (result != SQLITE_ROW) return connection_.LastError();
  found = ReadHoldRow(find_hold_);
  return found;
}

absl::Status DerivedFile::Write(DerivedChunk chunk, const BatchHead& through) {
  FAREBOX_RETURN_IF_ERROR(BeginToWrite());
  DerivedPosition reached = position_;
  reached.batch = through;
  uint64_t* const sum = &reached.rows_sum;
  const auto write = [&]() -> absl::Status {
    FAREBOX_RETURN_IF_ERROR(WriteRecords(chunk, sum));
    FAREBOX_RETURN_IF_ERROR(WriteBalances(chunk.TakeBalances(), sum));
    FAREBOX_RETURN_IF_ERROR(WriteHolds(chunk, through.time, sum));
    FAREBOX_RETURN_IF_ERROR(WriteRefunds(chunk, sum));
    return WritePosition(reached);
  };
  FAREBOX_RETURN_IF_ERROR(InTransaction(&connection_, write));
  position_ = reached;
  return absl::OkStatus();
}

absl::Status DerivedFile::WriteRecords(const DerivedChunk& chunk, uint64_t* sum) {
  for (const auto& [number, record] : chunk.Records()) {
    FAREBOX_ASSIGN_OR_RETURN(const AccountRecord decoded, DecodeAccountRecord(record));
    FAREBOX_RETURN_IF_ERROR(SubtractRecord(number, sum));
    *sum += HashOfRecord(number, record);
    put_account_.BindInt64(1, number);
    put_account_.BindText(2, decoded.account_id);
    put_account_.BindBlob(3, record);
    FAREBOX_RETURN_IF_ERROR(Run(&put_account_));
  }
  return absl::OkStatus();
}

absl::Status DerivedFile::SubtractRecord(AccountNumber account, uint64_t* sum) {
  const ResetOnExit reset(&find_record_);
  find_record_.BindInt64(1, account);
  const int result = find_record_.Step();
  if (result == SQLITE_ROW) *sum -= HashOfRecord(account, find_record_.Bytes(0));
  return result == SQLITE_ROW || result == SQLITE_DONE ? absl::OkStatus() : connection_.LastError();
}

absl::Status DerivedFile::WriteBalances(const std::vector<BalanceStep>& steps, uint64_t* sum) {
  for (auto step = steps.begin(); step != steps.end();) {
    const AccountNumber account = step->account;
    FAREBOX_ASSIGN_OR_RETURN(AccountTotals totals, SubtractBalance(account, sum));
    for (; step != steps.end() && step->account == account; ++step) {
      totals.Add(step->item, step->side, step->amount);
      if (IsIndexed(step->entry)) FAREBOX_RETURN_IF_ERROR(WriteActivity(*step, totals));
    }
    const BalanceStep& last = *std::prev(step);
    *sum += HashOfBalance(
        {.account = account, .balance = last.balance, .held = last.held, .last_entry = last.entry});
    const std::string bytes = EncodeTotals(totals);
    put_balance_.BindInt64(1, account);
    put_balance_.BindInt64(2, last.balance.value());
    put_balance_.BindInt64(3, last.held.value());
    put_balance_.BindInt64(4, last.entry);
    put_balance_.BindBlob(5, bytes);
    FAREBOX_RETURN_IF_ERROR(Run(&put_balance_));
  }
  return absl::OkStatus();
}

absl::StatusOr<AccountTotals> DerivedFile::SubtractBalance(AccountNumber account, uint64_t* sum) {
  const ResetOnExit reset(&find_balance_);
  find_balance_.BindInt64(1, account);
  const int result = find_balance_.Step();
  if (result == SQLITE_DONE) return AccountTotals();
  if (result != SQLITE_ROW) return connection_.LastError();
  *sum -= HashOfBalance(ReadBalanceRow(find_balance_));
  return DecodeTotals(find_balance_.Bytes(4));
}

absl::Status DerivedFile::DeleteHolds(Statement* statement, uint64_t* sum) {
  const ResetOnExit reset(statement);
  int result = statement->Step();
  for (; result == SQLITE_ROW; result = statement->Step()) {
    *sum -= HashOfHold(ReadHoldRow(*statement));
  }
  return result == SQLITE_DONE ? absl::OkStatus() : connection_.LastError();
}

absl::Status DerivedFile::WriteHolds(const DerivedChunk& chunk, absl::Time now, uint64_t* sum) {
  for (const DerivedChunk::HoldChange& change : chunk.Holds()) {
    // One that began in this chunk has no row.
    if (change.id <= position_.batch.last) {
      delete_hold_.BindInt64(1, change.id);
      FAREBOX_RETURN_IF_ERROR(DeleteHolds(&delete_hold_, sum));
    }
    if (!change.row->has_value()) continue;
    const HoldRow& row = **change.row;
    *sum += HashOfHold(row);
    const Hold& hold = row.hold;
    put_hold_.BindInt64(1, hold.id);
    put_hold_.BindInt64(2, row.account);
    put_hold_.BindInt64(3, hold.item);
    put_hold_.BindInt64(4, hold.amount.value());
    put_hold_.BindInt64(5, hold.charged.value());
    put_hold_.BindInt64(6, ToMicros(hold.start_time));
    put_hold_.BindInt64(7, ToMicros(hold.expire_time));
    put_hold_.BindInt64(8, hold.expired ? 1 : 0);
    put_hold_.BindBlob(9, hold.detail);
    FAREBOX_RETURN_IF_ERROR(Run(&put_hold_));
  }
  if (now - holds_dropped_ < kDropHoldsEvery) return absl::OkStatus();
  holds_dropped_ = now;
  drop_holds_.BindInt64(1, ToMicros(now - limits::kLateSettlementMax));
  return DeleteHolds(&drop_holds_, sum);
}

absl::Status DerivedFile::WriteRefunds(const DerivedChunk& chunk, uint64_t* sum) {
  for (const auto& [debit, refunded] : chunk.Refunds()) {
    add_refund_.BindInt64(1, debit);
    add_refund_.BindInt64(2, refunded.value());
    const ResetOnExit reset(&add_refund_);
    if (add_refund_.Step() != SQLITE_ROW) return connection_.LastError();
    const Micros after(add_refund_.Int64(0));
    const Micros before(after.value() - refunded.value());
    if (!before.is_zero()) *sum -= HashOfRefund(debit, before);
    *sum += HashOfRefund(debit, after);
  }
  return absl::OkStatus();
}

absl::Status DerivedFile::WriteActivity(const BalanceStep& step, const AccountTotals& totals) {
  const std::string bytes = EncodeTotals(totals);
  put_activity_.BindInt64(1, step.account);
  put_activity_.BindInt64(2, step.entry);
  put_activity_.BindBlob(3, bytes);
  return Run(&put_activity_);
}

absl::Status DerivedFile::WriteRequests(absl::Span<const std::pair<RequestHash, EntryId>> requests,
                                        EntryId through) {
  FAREBOX_RETURN_IF_ERROR(BeginToWrite());
  DerivedPosition reached = position_;
  reached.requests_through = through;
  const auto write = [&]() -> absl::Status {
    for (const auto& [hash, entry] : requests) {
      const std::array<char, 16> bytes = BytesOf(hash);
      put_request_.BindBlob(1, absl::string_view(bytes.data(), bytes.size()));
      put_request_.BindInt64(2, entry);
      FAREBOX_RETURN_IF_ERROR(Run(&put_request_));
    }
    return WritePosition(reached);
  };
  FAREBOX_RETURN_IF_ERROR(InTransaction(&connection_, write));
  position_ = reached;
  return absl::OkStatus();
}

absl::Status DerivedFile::WritePosition(const DerivedPosition& position) {
  const Hash256& hash = position.batch.hash;
  put_position_.BindInt64(1, position.batch.number);
  put_position_.BindInt64(2, position.batch.last);
  put_position_.BindInt64(3, ToMicros(position.batch.time));
  put_position_.BindBlob(
      4, absl::string_view(reinterpret_cast<const char*>(hash.data()), hash.size()));
  put_position_.BindInt64(5, position.requests_through);
  put_position_.BindInt64(6, static_cast<int64_t>(position.rows_sum));
  return Run(&put_position_);
}

absl::StatusOr<int64_t> DerivedFile::CountPages() {
  return connection_.QueryInt64("PRAGMA page_count");
}

absl::Status DerivedFile::EmptyLog() { return connection_.EmptyLog().status(); }

absl::Status DerivedFile::PutOnDisk() {
  FAREBOX_RETURN_IF_ERROR(connection_.Execute("PRAGMA synchronous = FULL"));
  FAREBOX_ASSIGN_OR_RETURN(const bool is_whole, connection_.EmptyLog());
  return is_whole ? absl::OkStatus()
                  : absl::UnavailableError("another program reads the derived file");
}

absl::Status DerivedFile::Sync() {
  // First all pages, then the mark that says so, then the mark itself: in any other order a power
  // cut in between would leave the mark on a file that is not whole.
  FAREBOX_RETURN_IF_ERROR(PutOnDisk());
  FAREBOX_RETURN_IF_ERROR(MarkTrust(/*is_synced=*/true));
  return PutOnDisk();
}

HoldRow ReadHoldRow(const Statement& row) {
  return {.account = row.Int64(1),
          .hold = {.id = row.Int64(0),
                   .item = static_cast<uint8_t>(row.Int64(2)),
                   .amount = Micros(row.Int64(3)),
                   .charged = Micros(row.Int64(4)),
                   .start_time = FromMicros(row.Int64(5)),
                   .expire_time = FromMicros(row.Int64(6)),
                   .expired = row.Int64(7) != 0,
                   .detail = std::string(row.Bytes(8))}};
}

bool IsForgotten(const Hold& hold, absl::Time now) {
  return hold.expired && hold.expire_time + limits::kLateSettlementMax < now;
}

std::array<char, 16> BytesOf(RequestHash hash) {
  std::array<char, 16> bytes;
  for (int i = 15; i >= 0; --i) {
    bytes[static_cast<size_t>(i)] = static_cast<char>(absl::Uint128Low64(hash) & 0xff);
    hash >>= 8;
  }
  return bytes;
}

}  // namespace farebox::sqlite
