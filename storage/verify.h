#ifndef FAREBOX_STORAGE_VERIFY_H_
#define FAREBOX_STORAGE_VERIFY_H_

#include <cstdint>
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

  bool ok() const { return first_bad_entry == 0; }
};

struct VerifyOptions {
  // Also looks for request ids that were used twice: takes some 30 bytes of memory an entry.
  bool request_ids = true;
};

// Recomputes the whole journal from its first entry: every balance, held amount, limit, link,
// hold's life, refund and hash. Trusts nothing that was derived. Fails only where the journal
// cannot be read at all. Any thread, while the ledger runs or not; memory: one state an account.
absl::StatusOr<VerifyReport> VerifyJournal(JournalReader* reader, VerifyOptions options = {});

}  // namespace farebox

#endif  // FAREBOX_STORAGE_VERIFY_H_
