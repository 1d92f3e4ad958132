#ifndef FAREBOX_SERVER_RENTALS_H_
#define FAREBOX_SERVER_RENTALS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/deck_registry.h"
#include "server/base/limits.h"
#include "server/numbers/number_rental.h"
#include "server/numbers/number_worker.h"
#include "server/outbox/stationery.h"
#include "server/services/command_factory.h"
#include "server/services/number_desk.h"
#include "server/services/number_service.h"
#include "server/services/rpc_method.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/journal.h"
#include "storage/ledger.h"
#include "storage/restored_mark.h"

namespace farebox::server {

// All of rented numbers, put together: the steps, the worker that charges their months, and the
// service that people use. Thread-safe.
class Rentals {
 public:
  struct Options {
    absl::Duration grace = limits::kNumberGrace;
    // Tests end the process at the points that NumberRental names.
    std::function<void(absl::string_view point)> reached = [](absl::string_view) {};
  };
  // What it stands on. All outlive it.
  struct Parts {
    RpcEnvironment environment;
    Ledger* ledger = nullptr;
    Journal* journal = nullptr;
    const DeckRegistry* decks = nullptr;
    const Stationery* stationery = nullptr;
    const Clock* clock = nullptr;
    const RestoredMark* restored = nullptr;
  };
  static absl::StatusOr<std::unique_ptr<Rentals>> Start(const Options& options, const Parts& parts);
  ~Rentals();

  NumberService* service() { return service_.get(); }

  // Ends what has begun; the rest is taken up at the next start. Idempotent.
  void Drain();

 private:
  Rentals(const Options& options, const Parts& parts);

  absl::Status StartWorking();

  const Parts parts_;

  // In this order: what is below uses what is above.
  const CommandFactory commands_;
  DocumentStore documents_;
  NumberRental rental_;
  std::unique_ptr<NumberWorker> worker_;
  std::unique_ptr<NumberDesk> desk_;
  std::unique_ptr<NumberService> service_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RENTALS_H_
