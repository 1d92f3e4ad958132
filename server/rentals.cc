#include "server/rentals.h"

#include <string>

#include "server/base/log.h"
#include "storage/check.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

absl::StatusOr<absl::Time> LastEntryTime(const Ledger& ledger, Journal* journal) {
  const EntryId last = ledger.Stats().last_entry;
  if (last == 0) return absl::InfinitePast();
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<JournalReader> reader, journal->NewReader());
  FAREBOX_ASSIGN_OR_RETURN(const Entry entry, reader->Read(last));
  return entry.time;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Rentals>> Rentals::Start(const Options& options,
                                                        const Parts& parts) {
  std::unique_ptr<Rentals> rentals(new Rentals(options, parts));
  FAREBOX_RETURN_IF_ERROR(rentals->StartWorking());
  return rentals;
}

Rentals::Rentals(const Options& options, const Parts& parts)
    : parts_(parts),
      commands_({.ledger = parts.ledger, .decks = parts.decks, .clock = parts.clock}),
      documents_(parts.ledger, parts.journal),
      rental_({.ledger = parts.ledger,
               .documents = &documents_,
               .stationery = parts.stationery,
               .clock = parts.clock,
               .make_debit =
                   [this](const v1::DebitRequest& request) {
                     return commands_.Make(request, absl::InfiniteFuture());
                   },
               .grace = options.grace,
               .is_held = [this] { return parts_.restored->IsThere(); },
               .reached = options.reached}) {
  FAREBOX_CHECK(parts_.restored != nullptr);
}

Rentals::~Rentals() { Drain(); }

absl::Status Rentals::StartWorking() {
  FAREBOX_ASSIGN_OR_RETURN(const absl::Time last_entry_time,
                           LastEntryTime(*parts_.ledger, parts_.journal));
  FAREBOX_ASSIGN_OR_RETURN(
      worker_,
      NumberWorker::Start({.ledger = parts_.ledger,
                           .documents = &documents_,
                           .rental = &rental_,
                           .clock = parts_.clock,
                           .threads = limits::kRenewalThreads,
                           .last_entry_time = last_entry_time,
                           .on_error = [](absl::string_view rental_id, const absl::Status& status) {
                             Log(LogLevel::kWarning, "renewal_failed",
                                 {{"rental_id", std::string(rental_id)},
                                  {"error", std::string(status.message())}});
                           }}));
  desk_ = std::make_unique<NumberDesk>(
      NumberDesk::Parts{.ledger = parts_.ledger, .documents = &documents_, .rental = &rental_});
  service_ = std::make_unique<NumberService>(NumberService::Parts{
      .environment = parts_.environment, .desk = desk_.get(), .worker = worker_.get()});
  return absl::OkStatus();
}

void Rentals::Drain() {
  if (worker_ != nullptr) worker_->Drain();
}

}  // namespace farebox::server
