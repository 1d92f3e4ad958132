#include "server/services/balance.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "farebox/stored/v1/stored.pb.h"
#include "server/base/account_settings.h"
#include "server/base/proto_time.h"
#include "server/services/accounts.h"
#include "server/services/fields.h"
#include "server/services/page_token.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

void FillHold(const Hold& hold, v1::Hold* out) {
  stored::v1::EntryDetail detail;
  if (detail.ParseFromString(hold.detail)) {
    *out->mutable_usage() = detail.usage();
    *out->mutable_price() = detail.price();
    out->set_granted_seconds(detail.granted_seconds());
  }
  out->set_hold_id(hold.id);
  out->set_held_micros(hold.amount.value());
  out->set_charged_micros(hold.charged.value());
  FillTime(hold.start_time, out->mutable_start_time());
  FillTime(hold.expire_time, out->mutable_expire_time());
}

}  // namespace

absl::Status FillBalance(const Ledger& ledger, const v1::GetBalanceRequest& request,
                         v1::GetBalanceResponse* response) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, ledger.FindAccount(request.account_id()));
  const AccountState& state = account.state;
  response->set_balance_micros(state.balance.value());
  response->set_held_micros(state.held.value());
  response->set_available_micros(state.available().value());
  response->set_credit_limit_micros(state.terms.credit_limit.value());
  response->set_currency_code(SettingsOf(*account.settings).currency_code());
  response->set_state(ToProto(state.terms.status));
  const Micros threshold = state.terms.low_balance_threshold;
  response->set_low_balance(threshold.is_positive() && state.available() < threshold);
  response->set_open_holds(state.open_holds);
  response->set_as_of_entry(state.last_entry);
  return absl::OkStatus();
}

absl::Status FillHolds(const Ledger& ledger, const v1::ListHoldsRequest& request,
                       v1::ListHoldsResponse* response) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_ASSIGN_OR_RETURN(const Page page,
                           ReadPage(request, absl::StrCat("holds ", request.account_id())));
  FAREBOX_ASSIGN_OR_RETURN(std::vector<Hold> holds,
                           ledger.ListHolds(request.account_id(), page.before, page.sought()));
  CutPage(page, &Hold::id, &holds, response);
  for (const Hold& hold : holds) FillHold(hold, response->add_holds());
  return absl::OkStatus();
}

}  // namespace farebox::server
