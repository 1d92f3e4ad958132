#ifndef FAREBOX_SERVER_NUMBERS_NUMBER_RENTAL_H_
#define FAREBOX_SERVER_NUMBERS_NUMBER_RENTAL_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/number.pb.h"
#include "farebox/v1/billing.pb.h"
#include "server/numbers/rental_records.h"
#include "server/outbox/stationery.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "storage/command.h"
#include "storage/document_store.h"
#include "storage/errors.h"
#include "storage/ledger.h"
#include "storage/micros.h"

namespace farebox::server {

// Sells numbers to accounts and charges their months, step by step, so that a process may end
// between any two of them and the next one goes on where it was:
//
//   purchase: rental on disk, with the number -> debit in the ledger -> ACTIVE, or forgotten where
//             the debit was refused; kept where it is not known whether an earlier try paid it
//   a month:  debit in the ledger, request id = rental, month and how often it was refused before
//             -> counted on disk
//
// A month is counted only after its debit, and its debit has one name until it is refused: so it
// is charged once, whatever happens. Calls wait for the disk. Any thread, but one account on one
// thread at a time.
class NumberRental {
 public:
  // All outlive it.
  struct Parts {
    Ledger* ledger = nullptr;
    DocumentStore* documents = nullptr;
    const Stationery* stationery = nullptr;
    const Clock* clock = nullptr;
    // Prices a debit by the account's deck.
    std::function<absl::StatusOr<Command>(const v1::DebitRequest&)> make_debit;
    // How long a number that is not paid is kept.
    absl::Duration grace;
    // Whether none is to be released for now for want of money: the ledger was restored from a
    // backup, and may not know yet what was paid in since. Required.
    std::function<bool()> is_held;
    // Tests end the process here. The names are those of the steps that have just been taken.
    std::function<void(absl::string_view point)> reached = [](absl::string_view) {};
  };
  explicit NumberRental(Parts parts) : parts_(std::move(parts)), records_(parts_.documents) {
    FAREBOX_CHECK(parts_.is_held != nullptr);
  }

  struct Purchase {
    stored::v1::Rental rental;
    // The debit.
    Entry entry;
    bool replayed = false;
  };
  // NUMBER_TAKEN, REQUEST_ID_REUSED, and whatever a debit is refused for.
  absl::StatusOr<Purchase> Buy(absl::string_view account_id, absl::string_view request_id,
                               absl::string_view number);

  // The rental as it was released, now or before. NUMBER_NOT_FOUND: it never was the account's.
  absl::StatusOr<stored::v1::Rental> Release(absl::string_view account_id,
                                             absl::string_view number);

  // Does what is due for a rental: completes a purchase, charges the months that have come, and
  // releases it where it was past due for too long.
  absl::Status Work(absl::string_view rental_id);

  // Tries the account's unpaid months that have begun again, without a pause: there is money.
  // Returns whether some are still not paid.
  absl::StatusOr<bool> TryUnpaid(absl::string_view account_id);

  // When the first month that is not paid begins.
  absl::Time NextRenewal(const stored::v1::Rental& rental) const;
  // When it is released if it stays past due.
  absl::Time ReleaseTime(const stored::v1::Rental& rental) const;

 private:
  // `is_begun_before`: an earlier call, or process, may have charged it.
  absl::StatusOr<Purchase> Complete(const AccountFacts& account, bool is_begun_before,
                                    RentalRecord* record);
  // The rental of a number that the account had. NUMBER_NOT_FOUND.
  absl::StatusOr<stored::v1::Rental> FindReleased(const AccountFacts& account,
                                                  absl::string_view number);
  absl::Status Renew(const AccountFacts& account, RentalRecord* record);
  // What is past due, newest first.
  absl::StatusOr<std::vector<RentalRecord>> ListUnpaid(const AccountFacts& account);
  // One month, once it has begun. Whether it is paid.
  absl::StatusOr<bool> ChargeMonth(const AccountFacts& account, RentalRecord* record);
  // Has the rental worked on when its next month begins, which is yet to come; until then it is not
  // past due.
  absl::Status AwaitMonth(RentalRecord* record);
  absl::Status NoteUnpaid(const AccountFacts& account, Micros price, Reason refusal,
                          RentalRecord* record);
  absl::Status End(const AccountFacts& account, bool is_unpaid, RentalRecord* record);
  // A line in the activity, that moves no money.
  absl::Status WriteLine(const stored::v1::Rental& rental, absl::string_view description);

  const Parts parts_;
  RentalRecords records_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_NUMBERS_NUMBER_RENTAL_H_
