#ifndef FAREBOX_SERVER_NUMBERS_RENTAL_RECORDS_H_
#define FAREBOX_SERVER_NUMBERS_RENTAL_RECORDS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/number.pb.h"
#include "storage/books.h"
#include "storage/document.h"
#include "storage/document_store.h"

namespace farebox::server {

// A rental, with the document it was read from.
struct RentalRecord {
  Document document;
  stored::v1::Rental rental;
};

// Whether the number belongs to the rental's account, or is about to.
bool HasNumber(const stored::v1::Rental& rental);

// Rentals among the documents. Thread-safe; waits for the disk.
class RentalRecords {
 public:
  // Outlives this object.
  explicit RentalRecords(DocumentStore* documents) : documents_(*documents) {}

  absl::StatusOr<std::optional<RentalRecord>> Find(absl::string_view rental_id);
  // The one that has the number now.
  absl::StatusOr<std::optional<RentalRecord>> FindByNumber(absl::string_view number);
  // Newest first; those with a document id below `before`.
  absl::StatusOr<std::vector<RentalRecord>> List(AccountNumber account, int64_t before,
                                                 size_t count_max);
  absl::StatusOr<std::vector<RentalRecord>> ListDue(absl::Time end, size_t count_max);

  static RentalRecord New(const AccountFacts& account, stored::v1::Rental rental);

  // Writes the rental and the mails about it in one step. Aborted: somebody was first, or has the
  // number.
  absl::Status Put(RentalRecord* record, DocumentGroup mails = {});

  // Forgets a rental that never was one.
  absl::Status Remove(const RentalRecord& record);

 private:
  DocumentStore& documents_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_NUMBERS_RENTAL_RECORDS_H_
