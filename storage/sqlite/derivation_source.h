#ifndef FAREBOX_STORAGE_SQLITE_DERIVATION_SOURCE_H_
#define FAREBOX_STORAGE_SQLITE_DERIVATION_SOURCE_H_

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/entry.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/derived_chunk.h"

namespace farebox::sqlite {

// Reads of the journal's entries what can be derived from them, and no more: an entry read whole
// costs four times as much. Through a connection of its own, in short read transactions; what it
// is handed runs inside them and must be quick. Each goes on until its function returns false.
//
// Thread-compatible.
class DerivationSource {
 public:
  static absl::StatusOr<std::unique_ptr<DerivationSource>> Open(const std::string& journal_path);

  // What each entry does to its account, and what it leaves of it.
  absl::Status ScanBalances(EntryId first, EntryId last,
                            absl::FunctionRef<bool(const BalanceStep&)> visit);

  // The entries that do more than change a balance.
  absl::Status ScanSteps(EntryId first, EntryId last, absl::FunctionRef<bool(const Entry&)> visit);

 private:
  explicit DerivationSource(Connection connection) : connection_(std::move(connection)) {}

  absl::Status Prepare();
  absl::Status ScanRows(Statement* rows, EntryId first, EntryId last,
                        absl::FunctionRef<absl::StatusOr<bool>(const Statement&)> visit);

  Connection connection_;
  Statement balances_;
  Statement steps_;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DERIVATION_SOURCE_H_
