#ifndef FAREBOX_SERVER_HAND_OVER_TAKE_OVER_H_
#define FAREBOX_SERVER_HAND_OVER_TAKE_OVER_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/deck_registry.h"
#include "server/config.h"
#include "storage/recovery.h"
#include "storage/sqlite/sqlite_journal.h"

namespace farebox::server {

// What a server does at its start because another one owns the ledger so far; see hand_over.h.

// Looks at those settings that would end the start when there is no other server any more.
absl::Status CheckBeforeTakeOver(const Config& config);

// Reads what can be read while the other one writes, decks too, and whether anybody could be let
// in. Null where nothing can: an older schema is brought up to date by the owner only, and then the
// start takes as long as any.
absl::StatusOr<std::unique_ptr<Recovery>> FollowLedger(const Config& config, DeckRegistry* decks);

// Opens the journal as its owner; waits so long for another process to let go of it.
absl::StatusOr<std::unique_ptr<Journal>> OpenJournal(const sqlite::SqliteJournal::Options& options,
                                                     absl::Duration patience);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_HAND_OVER_TAKE_OVER_H_
