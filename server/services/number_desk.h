#ifndef FAREBOX_SERVER_SERVICES_NUMBER_DESK_H_
#define FAREBOX_SERVER_SERVICES_NUMBER_DESK_H_

#include "absl/status/status.h"
#include "farebox/v1/number.pb.h"
#include "server/numbers/number_rental.h"
#include "server/numbers/rental_records.h"
#include "storage/document_store.h"
#include "storage/ledger.h"

namespace farebox::server {

// The RPCs of NumberService, whose proto says what each does. The requests have been checked for
// form. Calls wait for the disk. Thread-safe.
class NumberDesk {
 public:
  // All outlive it.
  struct Parts {
    Ledger* ledger = nullptr;
    DocumentStore* documents = nullptr;
    NumberRental* rental = nullptr;
  };
  explicit NumberDesk(const Parts& parts) : parts_(parts), records_(parts.documents) {}

  // Only where the account is not worked on: see NumberWorker::Run.
  absl::Status PurchaseNumber(const v1::PurchaseNumberRequest& request,
                              v1::PurchaseNumberResponse* response);
  absl::Status ReleaseNumber(const v1::ReleaseNumberRequest& request,
                             v1::ReleaseNumberResponse* response);

  absl::Status ListNumbers(const v1::ListNumbersRequest& request,
                           v1::ListNumbersResponse* response);

 private:
  void Fill(const stored::v1::Rental& rental, v1::RentedNumber* out) const;

  const Parts parts_;
  RentalRecords records_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_NUMBER_DESK_H_
