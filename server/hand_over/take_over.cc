#include "server/hand_over/take_over.h"

#include <utility>

#include "server/access.h"
#include "server/backups.h"
#include "server/hand_over/hand_over_limits.h"
#include "server/payment_provider.h"
#include "storage/clock.h"
#include "storage/errors.h"
#include "storage/sqlite/journal_follower.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// Not of a newer version, nor of another program: those have a reason.
bool IsOlderSchema(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) && GetReason(status) == Reason::kNone;
}

}  // namespace

absl::Status CheckBeforeTakeOver(const Config& config) {
  FAREBOX_RETURN_IF_ERROR(Backups::CheckDirectory(config.backup_directory, config.data_directory));
  const PaymentProviderOptions& provider = config.payments.provider;
  if (provider.provider != PaymentProvider::kStripe) return absl::OkStatus();
  return MakeStripeGateway(provider).status();
}

absl::StatusOr<std::unique_ptr<Recovery>> FollowLedger(const Config& config, DeckRegistry* decks) {
  auto recovery = std::make_unique<Recovery>(config.request_window);
  EntryId before = 0;
  for (int round = 0; round < limits::kFollowRoundsMax; ++round) {
    absl::StatusOr<std::unique_ptr<sqlite::JournalFollower>> follower =
        sqlite::JournalFollower::Open(config.data_directory);
    if (IsOlderSchema(follower.status())) return nullptr;
    FAREBOX_RETURN_IF_ERROR(follower.status());
    FAREBOX_RETURN_IF_ERROR(recovery->CatchUp(follower->get()));
    FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<JournalReader> reader, (*follower)->NewReader());
    FAREBOX_RETURN_IF_ERROR(decks->Load(reader->catalog()));
    FAREBOX_RETURN_IF_ERROR(Access::Check(config.access, &reader->catalog()));
    if (recovery->head().last - before < limits::kFollowLagEntries) break;
    before = recovery->head().last;
  }
  return recovery;
}

absl::StatusOr<std::unique_ptr<Journal>> OpenJournal(const sqlite::SqliteJournal::Options& options,
                                                     absl::Duration patience) {
  const absl::Time give_up = options.clock->Now() + patience;
  while (true) {
    absl::StatusOr<std::unique_ptr<sqlite::SqliteJournal>> journal =
        sqlite::SqliteJournal::Open(options);
    if (journal.ok()) return std::unique_ptr<Journal>(*std::move(journal));
    const bool is_in_use = GetReason(journal.status()) == Reason::kFilesInUse;
    if (!is_in_use || options.clock->Now() >= give_up) return journal.status();
    Pause(absl::Milliseconds(1));
  }
}

}  // namespace farebox::server
