#ifndef FAREBOX_SERVER_SERVICES_COMMAND_FACTORY_H_
#define FAREBOX_SERVER_SERVICES_COMMAND_FACTORY_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "farebox/v1/billing.pb.h"
#include "server/base/deck_registry.h"
#include "server/services/pricing.h"
#include "storage/clock.h"
#include "storage/command.h"
#include "storage/ledger.h"

namespace farebox::server {

// Turns requests that move money into commands for the ledger: checks every field, finds the
// tariff, names the content. What is refused for its content fails here; what is refused for the
// state of the account (NO_RATE among them) is left to the ledger, which knows whether the request
// was answered before. Thread-safe.
class CommandFactory {
 public:
  struct Sources {
    const Ledger* ledger;
    const DeckRegistry* decks;
    const Clock* clock;
  };

  explicit CommandFactory(Sources sources) : sources_(sources) {}

  // Each fails with FIELD_INVALID or AMOUNT_INVALID. A command that is still queued at `deadline`
  // is not applied.
  absl::StatusOr<Command> Make(const v1::AuthorizeRequest& request, absl::Time deadline) const;
  absl::StatusOr<Command> Make(const v1::ReauthorizeRequest& request, absl::Time deadline) const;
  absl::StatusOr<Command> Make(const v1::DebitRequest& request, absl::Time deadline) const;
  absl::StatusOr<Command> Make(const v1::ReleaseRequest& request, absl::Time deadline) const;
  absl::StatusOr<Command> Make(const v1::CreditRequest& request, absl::Time deadline) const;
  // Makes the command of the request that the operation has.
  absl::StatusOr<Command> Make(const v1::Operation& operation, absl::Time deadline) const;

 private:
  // A usage with its tariff, and the detail that an entry keeps of both.
  struct RatedUsage {
    Match match;
    int32_t units = 0;
    stored::v1::EntryDetail* detail = nullptr;  // Of the arena.
  };
  RatedUsage Rate(absl::string_view account_id, const v1::Usage& usage,
                  google::protobuf::Arena* arena) const;
  Charge PriceAtOnce(const v1::DebitRequest& request) const;

  const Sources sources_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_COMMAND_FACTORY_H_
