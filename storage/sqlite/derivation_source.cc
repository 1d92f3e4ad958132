#include "storage/sqlite/derivation_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/sqlite/entry_row.h"
#include "storage/sqlite/journal_schema.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

// Entries that one read transaction goes over.
constexpr EntryId kPageEntries = 4'096;

}  // namespace

absl::StatusOr<std::unique_ptr<DerivationSource>> DerivationSource::Open(
    const std::string& journal_path) {
  FAREBOX_ASSIGN_OR_RETURN(Connection connection, OpenJournalForReading(journal_path));
  auto source = std::unique_ptr<DerivationSource>(new DerivationSource(std::move(connection)));
  FAREBOX_RETURN_IF_ERROR(source->Prepare());
  return source;
}

absl::Status DerivationSource::Prepare() {
  const std::string only_balance = absl::StrCat(static_cast<int>(EntryKind::kDebit), ", ",
                                                static_cast<int>(EntryKind::kDecline));
  FAREBOX_ASSIGN_OR_RETURN(
      balances_, connection_.Prepare("SELECT id, account, kind, balance, held, item, amount "
                                     "FROM entry WHERE id BETWEEN ? AND ?"));
  FAREBOX_ASSIGN_OR_RETURN(steps_,
                           connection_.Prepare(absl::StrCat("SELECT ", kEntryColumns,
                                                            " FROM entry WHERE id BETWEEN ? AND ? "
                                                            "AND kind NOT IN (",
                                                            only_balance, ")")));
  return absl::OkStatus();
}

absl::Status DerivationSource::ScanBalances(EntryId first, EntryId last,
                                            absl::FunctionRef<bool(const BalanceStep&)> visit) {
  return ScanRows(&balances_, first, last, [&](const Statement& row) {
    const Micros amount(row.Int64(6));
    return visit({.account = row.Int64(1),
                  .entry = row.Int64(0),
                  .balance = Micros(row.Int64(3)),
                  .held = Micros(row.Int64(4)),
                  .amount = amount,
                  .item = static_cast<uint8_t>(row.Int64(5)),
                  .side = SideOf(static_cast<EntryKind>(row.Int64(2)), amount)});
  });
}

absl::Status DerivationSource::ScanSteps(EntryId first, EntryId last,
                                         absl::FunctionRef<bool(const Entry&)> visit) {
  Entry entry;
  return ScanRows(&steps_, first, last, [&](const Statement& row) -> absl::StatusOr<bool> {
    if (ReadEntry(row, &entry)) return visit(entry);
    return error::JournalDamaged(row.Int64(kIdColumn), "it cannot be read");
  });
}

absl::Status DerivationSource::ScanRows(
    Statement* rows, EntryId first, EntryId last,
    absl::FunctionRef<absl::StatusOr<bool>(const Statement&)> visit) {
  for (; first <= last; first += kPageEntries) {
    const ResetOnExit reset(rows);
    rows->BindInt64(1, first);
    rows->BindInt64(2, std::min(last, first + kPageEntries - 1));
    int result = rows->Step();
    for (; result == SQLITE_ROW; result = rows->Step()) {
      FAREBOX_ASSIGN_OR_RETURN(const bool goes_on, visit(*rows));
      if (!goes_on) return absl::OkStatus();
    }
    if (result == SQLITE_DONE) continue;
    return AsJournalDamage(first, connection_.LastError());
  }
  return absl::OkStatus();
}

}  // namespace farebox::sqlite
