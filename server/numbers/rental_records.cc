#include "server/numbers/rental_records.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/document_kinds.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

absl::StatusOr<RentalRecord> Parse(Document document) {
  RentalRecord record;
  if (!record.rental.ParseFromString(document.content)) {
    return absl::DataLossError(absl::StrCat("rental ", document.key, " cannot be read"));
  }
  record.document = std::move(document);
  return record;
}

absl::StatusOr<std::optional<RentalRecord>> ParseOne(std::optional<Document> document) {
  if (!document.has_value()) return std::optional<RentalRecord>();
  FAREBOX_ASSIGN_OR_RETURN(RentalRecord record, Parse(*std::move(document)));
  return std::make_optional(std::move(record));
}

absl::StatusOr<std::vector<RentalRecord>> ParseAll(std::vector<Document> documents) {
  std::vector<RentalRecord> records;
  for (Document& document : documents) {
    FAREBOX_ASSIGN_OR_RETURN(RentalRecord record, Parse(std::move(document)));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

bool HasNumber(const stored::v1::Rental& rental) {
  return rental.state() != v1::NUMBER_STATE_RELEASED;
}

absl::StatusOr<std::optional<RentalRecord>> RentalRecords::Find(absl::string_view rental_id) {
  FAREBOX_ASSIGN_OR_RETURN(std::optional<Document> found,
                           documents_.Find(kRentedNumbers, rental_id));
  return ParseOne(std::move(found));
}

absl::StatusOr<std::optional<RentalRecord>> RentalRecords::FindByNumber(absl::string_view number) {
  FAREBOX_ASSIGN_OR_RETURN(std::optional<Document> found,
                           documents_.FindInSlot(kRentedNumbers, number));
  return ParseOne(std::move(found));
}

absl::StatusOr<std::vector<RentalRecord>> RentalRecords::List(AccountNumber account, int64_t before,
                                                              size_t count_max) {
  FAREBOX_ASSIGN_OR_RETURN(std::vector<Document> documents,
                           documents_.List(kRentedNumbers, account, before, count_max));
  return ParseAll(std::move(documents));
}

absl::StatusOr<std::vector<RentalRecord>> RentalRecords::ListDue(absl::Time end, size_t count_max) {
  FAREBOX_ASSIGN_OR_RETURN(std::vector<Document> documents,
                           documents_.ListDue(kRentedNumbers, end, count_max));
  return ParseAll(std::move(documents));
}

RentalRecord RentalRecords::New(const AccountFacts& account, stored::v1::Rental rental) {
  RentalRecord record;
  record.document.kind = kRentedNumbers;
  record.document.key = rental.rental_id();
  record.document.account = account.number;
  record.rental = std::move(rental);
  return record;
}

absl::Status RentalRecords::Put(RentalRecord* record, DocumentGroup mails) {
  DocumentGroup group = std::move(mails);
  record->document.content = record->rental.SerializeAsString();
  record->document.slot = HasNumber(record->rental) ? record->rental.number() : "";
  group.push_back(record->document);
  FAREBOX_RETURN_IF_ERROR(documents_.Put(std::move(group)));
  ++record->document.revision;
  return absl::OkStatus();
}

absl::Status RentalRecords::Remove(const RentalRecord& record) {
  return documents_.Remove(record.document);
}

}  // namespace farebox::server
