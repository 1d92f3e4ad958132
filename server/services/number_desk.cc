#include "server/services/number_desk.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/proto_time.h"
#include "server/services/entries.h"
#include "server/services/page_token.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// However it was written, it is the same number.
std::string Canonical(const std::string& number) {
  return absl::StartsWith(number, "+") ? number : absl::StrCat("+", number);
}

}  // namespace

void NumberDesk::Fill(const stored::v1::Rental& rental, v1::RentedNumber* out) const {
  out->set_number(rental.number());
  out->set_account_id(rental.account_id());
  out->set_state(rental.state());
  out->set_months_renewed(rental.months_renewed());
  FillTime(absl::FromUnixMicros(rental.purchase_micros()), out->mutable_purchase_time());
  if (rental.state() == v1::NUMBER_STATE_RELEASED) {
    FillTime(absl::FromUnixMicros(rental.release_micros()), out->mutable_release_time());
    return;
  }
  FillTime(parts_.rental->NextRenewal(rental), out->mutable_next_renewal_time());
  if (rental.state() == v1::NUMBER_STATE_PAST_DUE) {
    FillTime(parts_.rental->ReleaseTime(rental), out->mutable_release_time());
  }
}

absl::Status NumberDesk::PurchaseNumber(const v1::PurchaseNumberRequest& request,
                                        v1::PurchaseNumberResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(
      const NumberRental::Purchase bought,
      parts_.rental->Buy(request.account_id(), request.request_id(), Canonical(request.number())));
  Fill(bought.rental, response->mutable_number());
  FillEntry(bought.entry, request.account_id(), response->mutable_entry());
  response->set_replayed(bought.replayed);
  return absl::OkStatus();
}

absl::Status NumberDesk::ReleaseNumber(const v1::ReleaseNumberRequest& request,
                                       v1::ReleaseNumberResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(
      const stored::v1::Rental released,
      parts_.rental->Release(request.account_id(), Canonical(request.number())));
  Fill(released, response->mutable_number());
  return absl::OkStatus();
}

absl::Status NumberDesk::ListNumbers(const v1::ListNumbersRequest& request,
                                     v1::ListNumbersResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                           parts_.ledger->FindAccount(request.account_id()));
  FAREBOX_ASSIGN_OR_RETURN(const Page page,
                           ReadPage(request, absl::StrCat("numbers ", request.account_id())));
  FAREBOX_ASSIGN_OR_RETURN(std::vector<RentalRecord> rentals,
                           records_.List(account.number, page.before, page.sought()));
  const auto position_of = [](const RentalRecord& rental) { return rental.document.id; };
  CutPage(page, position_of, &rentals, response);
  for (const RentalRecord& record : rentals) {
    // One that is being bought this moment is nobody's yet.
    if (record.rental.state() == v1::NUMBER_STATE_UNSPECIFIED) continue;
    Fill(record.rental, response->add_numbers());
  }
  return absl::OkStatus();
}

}  // namespace farebox::server
