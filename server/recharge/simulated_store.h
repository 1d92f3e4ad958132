#ifndef FAREBOX_SERVER_RECHARGE_SIMULATED_STORE_H_
#define FAREBOX_SERVER_RECHARGE_SIMULATED_STORE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/recharge/payment_gateway.h"
#include "storage/micros.h"
#include "storage/sqlite/connection.h"

namespace farebox::server {

// A charge that the simulated provider was asked for.
struct SimulatedPayment {
  // 1, 2, 3...
  int64_t number = 0;
  // Of the card only the token and the customer.
  ChargeRequest request;
  absl::Time create_time;
  ChargeState state = ChargeState::kUnknown;
  std::string decline_code;
};

struct SimulatedRefund {
  std::string refund_id;
  int64_t payment = 0;
  Micros amount;

  friend bool operator==(const SimulatedRefund&, const SimulatedRefund&) = default;
};

// The registration of a card, and the card.
struct SimulatedSetup {
  // 1, 2, 3...
  int64_t number = 0;
  std::string account_id;
  std::string customer;
  // Of the card that was entered; empty until then.
  std::string token;
  bool is_detached = false;
};

// The books of the simulated provider: one SQLite file of its own. What is written was synced to
// the disk before the call returns, so that a charge outlives the server that asked for it.
//
// NotFound: there is no such row. Any other failure is the file's; after one of a call that writes,
// the row may be there or not. Thread-compatible.
class SimulatedStore {
 public:
  // Makes the file where there is none. FailedPrecondition: it is another program's, or a newer
  // version's.
  static absl::StatusOr<SimulatedStore> Open(const std::string& path);

  // Returns its number. Each attempt has one payment: a second one fails.
  absl::StatusOr<int64_t> AddPayment(const SimulatedPayment& payment);
  absl::StatusOr<SimulatedPayment> FindPayment(int64_t number);
  absl::StatusOr<SimulatedPayment> FindAttempt(absl::string_view attempt_id);
  absl::Status SetState(int64_t number, ChargeState state, absl::string_view decline_code);
  // All that were made in [from, to), in the order of their numbers.
  absl::Status VisitPayments(absl::Time from, absl::Time to,
                             absl::FunctionRef<void(const SimulatedPayment&)> visit);

  absl::Status AddRefund(const SimulatedRefund& refund);
  absl::StatusOr<SimulatedRefund> FindRefund(absl::string_view refund_id);
  // What was paid back of a payment so far.
  absl::StatusOr<Micros> Refunded(int64_t payment);

  // Returns its number.
  absl::StatusOr<int64_t> AddSetup(absl::string_view account_id, absl::string_view customer);
  absl::StatusOr<SimulatedSetup> FindSetup(int64_t number);
  // The newest of the account.
  absl::StatusOr<SimulatedSetup> FindSetupOf(absl::string_view account_id);
  absl::Status EnterCard(int64_t setup, absl::string_view token);
  absl::Status DetachCard(int64_t setup);

 private:
  explicit SimulatedStore(sqlite::Connection connection) : connection_(std::move(connection)) {}

  absl::Status MakeTables();
  absl::Status Run(sqlite::Statement* statement);

  sqlite::Connection connection_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_SIMULATED_STORE_H_
