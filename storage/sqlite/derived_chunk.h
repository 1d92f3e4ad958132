#ifndef FAREBOX_STORAGE_SQLITE_DERIVED_CHUNK_H_
#define FAREBOX_STORAGE_SQLITE_DERIVED_CHUNK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/entry.h"
#include "storage/hold.h"
#include "storage/micros.h"

namespace farebox::sqlite {

// A hold and whose it is.
struct HoldRow {
  AccountNumber account = 0;
  Hold hold;
};

// An account as its newest entry leaves it.
struct BalanceRow {
  AccountNumber account = 0;
  Micros balance;
  Micros held;
  EntryId last_entry = 0;
};

// Folds a run of entries into what they change in the derived file, so that each row is written
// once and in the order of its key. Used by one thread.
class DerivedChunk {
 public:
  // Finds a hold as it was before the chunk.
  using FindHold = absl::FunctionRef<absl::StatusOr<std::optional<HoldRow>>(EntryId)>;

  struct HoldChange {
    EntryId id = 0;
    // Absent: the hold has ended.
    std::optional<HoldRow> row;
  };

  // Each entry once, in journal order: what it leaves of its account...
  void AddBalance(const BalanceRow& row);
  // ... and, where it does more than that, the entry itself.
  absl::Status AddStep(const Entry& entry, FindHold find_hold);

  // Each in the order of its key.
  std::vector<BalanceRow> Balances() const;
  std::vector<std::pair<AccountNumber, std::string>> Records() const;
  std::vector<HoldChange> Holds() const;
  std::vector<std::pair<EntryId, Micros>> Refunds() const;
  std::vector<std::pair<AccountNumber, EntryId>> Activity() const;

 private:
  absl::Status AddToHold(const Entry& entry, FindHold find_hold);

  absl::flat_hash_map<AccountNumber, BalanceRow> balances_;
  // The newest record of each account that was opened or changed.
  absl::flat_hash_map<AccountNumber, std::string> records_;
  absl::flat_hash_map<EntryId, std::optional<HoldRow>> holds_;
  absl::flat_hash_map<EntryId, Micros> refunds_;
  std::vector<std::pair<AccountNumber, EntryId>> activity_;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DERIVED_CHUNK_H_
