#ifndef FAREBOX_STORAGE_VERIFY_H_
#define FAREBOX_STORAGE_VERIFY_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/entry.h"
#include "storage/journal.h"

namespace farebox {

// What a verification found.
struct VerifyReport {
  // 0 where nothing is wrong; otherwise the first entry that is, and what.
  EntryId first_bad_entry = 0;
  std::string problem;

  int64_t entries = 0;
  int64_t batches = 0;
  int64_t accounts = 0;
  absl::int128 balance_sum_micros = 0;
  absl::int128 held_sum_micros = 0;
  // Of the last batch that was recomputed.
  BatchHead head;

  bool ok() const { return first_bad_entry == 0 && problem.empty(); }
  // JOURNAL_DAMAGED where something is wrong.
  absl::Status ToStatus() const;
};

// Is told now and then up to which entry all is well. Returns false to end it: Cancelled.
using VerifyObserver = std::function<bool(EntryId through)>;

struct VerifyOptions {
  // Also looks for request ids that were used twice: takes some 30 bytes of memory an entry.
  bool request_ids = true;
  VerifyObserver should_continue = [](EntryId) { return true; };
};

// Recomputes the whole journal from its first entry: every balance, held amount, limit, link,
// hold's life, refund and hash. Trusts nothing that was derived. Fails only where the journal
// cannot be read at all. Any thread, while the ledger runs or not; memory: one state an account.
absl::StatusOr<VerifyReport> VerifyJournal(JournalReader* reader, VerifyOptions options = {});

// Recomputes only the hashes of the batches after `before`, a batch of this journal: shows that the
// entries in them are those that the ledger wrote. Counts those entries and batches.
absl::StatusOr<VerifyReport> VerifyHashes(JournalReader* reader, const BatchHead& before,
                                          const VerifyObserver& should_continue);

}  // namespace farebox

#endif  // FAREBOX_STORAGE_VERIFY_H_
