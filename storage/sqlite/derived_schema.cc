#include "storage/sqlite/derived_schema.h"

#include <algorithm>

#include "storage/sqlite/entry_row.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {

// Balances apart from records: they change with every entry, so their rows are small. Totals
// (account_totals.h) are those at the account's last entry, and at one of its entries in sixteen:
// what happened between any two moments is the difference of two of them, and of the few entries
// next to each.
const char kDerivedSchema[] = R"sql(
  CREATE TABLE position (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    batch INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    time INTEGER NOT NULL,
    hash BLOB NOT NULL,
    requests_through INTEGER NOT NULL,
    rows_sum INTEGER NOT NULL
  );
  -- Whether the file is whole: it is while the machine that wrote to it has not been restarted,
  -- and after it was synced.
  CREATE TABLE trust (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    boot_id TEXT NOT NULL,
    is_synced INTEGER NOT NULL
  );
  CREATE TABLE account (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    record BLOB NOT NULL
  );
  CREATE TABLE balance (
    account INTEGER PRIMARY KEY,
    balance INTEGER NOT NULL,
    held INTEGER NOT NULL,
    last_entry INTEGER NOT NULL,
    totals BLOB NOT NULL
  );
  CREATE TABLE hold (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    item INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    charged INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    expire_time INTEGER NOT NULL,
    expired INTEGER NOT NULL,
    detail BLOB NOT NULL
  );
  CREATE TABLE refund (
    debit INTEGER PRIMARY KEY,
    refunded INTEGER NOT NULL
  );
  CREATE TABLE activity (
    account INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    totals BLOB NOT NULL,
    PRIMARY KEY (account, entry)
  ) WITHOUT ROWID;
  CREATE TABLE request (
    hash BLOB PRIMARY KEY,
    entry INTEGER NOT NULL
  ) WITHOUT ROWID;
)sql";

absl::StatusOr<DerivedPosition> ReadDerivedPosition(Connection* connection) {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement row,
      connection->Prepare(
          "SELECT batch, entry, time, hash, requests_through, rows_sum FROM position"));
  const int result = row.Step();
  if (result == SQLITE_DONE) return absl::DataLossError("the derived file has no position");
  if (result != SQLITE_ROW) return connection->LastError();
  DerivedPosition position;
  position.batch.number = row.Int64(0);
  position.batch.last = row.Int64(1);
  position.batch.time = FromMicros(row.Int64(2));
  const absl::string_view hash = row.Bytes(3);
  if (hash.size() != position.batch.hash.size()) {
    return absl::DataLossError("the derived file's position cannot be read");
  }
  std::copy(hash.begin(), hash.end(), position.batch.hash.begin());
  position.requests_through = row.Int64(4);
  position.rows_sum = static_cast<uint64_t>(row.Int64(5));
  return position;
}

}  // namespace farebox::sqlite
