#include "tools/drivers/session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/errors.h"
#include "storage/status_macros.h"
#include "tools/drivers/observation.h"

namespace farebox::drivers {
namespace {

constexpr int32_t kActivityPageSize = 500;
constexpr int32_t kHoldsPageSize = 1'000;

absl::Status SetUpAccount(client::Client* client, const AccountSetup& setup,
                          const std::string& account_id) {
  v1::CreateAccountRequest create;
  create.mutable_account()->set_account_id(account_id);
  create.mutable_account()->set_currency_code(setup.currency_code);
  create.mutable_account()->set_deck(setup.deck);
  create.set_request_id(absl::StrCat(setup.run_id, "-open"));
  const absl::Status created = client->CreateAccount(create).status();
  const bool exists = client::ErrorOf(created).reason == "ACCOUNT_EXISTS";
  if (!created.ok() && !exists) return created;
  if (setup.opening_micros == 0) return absl::OkStatus();
  v1::CreditRequest credit;
  credit.set_account_id(account_id);
  credit.set_request_id(absl::StrCat(setup.run_id, "-opening"));
  credit.set_amount_micros(setup.opening_micros);
  credit.set_reason(v1::CREDIT_REASON_PAYMENT);
  credit.set_description("Opening balance of a driver's run");
  return client->Credit(credit).status();
}

absl::StatusOr<v1::GetBalanceResponse> GetBalance(client::Client* client,
                                                  const std::string& account_id) {
  v1::GetBalanceRequest request;
  request.set_account_id(account_id);
  return client->GetBalance(request);
}

// The account's entries after `after` up to `last`, oldest first.
absl::StatusOr<std::vector<v1::Entry>> ListEntries(client::Client* client,
                                                   const std::string& account_id, int64_t after,
                                                   int64_t last) {
  std::vector<v1::Entry> entries;
  v1::ListActivityRequest request;
  request.set_account_id(account_id);
  request.set_show(v1::ACTIVITY_SHOW_JOURNAL);
  request.set_page_size(kActivityPageSize);
  do {
    FAREBOX_ASSIGN_OR_RETURN(v1::ListActivityResponse page, client->ListActivity(request));
    request.set_page_token(page.next_page_token());
    for (v1::Entry& entry : *page.mutable_entries()) {
      if (entry.entry_id() <= after) {
        request.clear_page_token();
        break;
      }
      if (entry.entry_id() <= last) entries.push_back(std::move(entry));
    }
  } while (!request.page_token().empty());
  std::reverse(entries.begin(), entries.end());
  return entries;
}

absl::StatusOr<std::vector<v1::Hold>> ListHolds(client::Client* client,
                                                const std::string& account_id) {
  std::vector<v1::Hold> holds;
  v1::ListHoldsRequest request;
  request.set_account_id(account_id);
  request.set_page_size(kHoldsPageSize);
  do {
    FAREBOX_ASSIGN_OR_RETURN(v1::ListHoldsResponse page, client->ListHolds(request));
    request.set_page_token(page.next_page_token());
    for (v1::Hold& hold : *page.mutable_holds()) holds.push_back(std::move(hold));
  } while (!request.page_token().empty());
  return holds;
}

}  // namespace

absl::Status SetUpAccounts(client::Client* client, const AccountSetup& setup,
                           const std::vector<std::string>& account_ids) {
  for (const std::string& account_id : account_ids) {
    FAREBOX_RETURN_IF_ERROR(SetUpAccount(client, setup, account_id));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, history::Account>> ReadStart(
    client::Client* client, const std::vector<std::string>& account_ids) {
  std::map<std::string, history::Account> start;
  for (const std::string& account_id : account_ids) {
    FAREBOX_ASSIGN_OR_RETURN(const v1::GetBalanceResponse balance, GetBalance(client, account_id));
    start[account_id] = {.start_entry_id = balance.as_of_entry(),
                         .start_balance_micros = balance.balance_micros(),
                         .start_held_micros = balance.held_micros(),
                         .credit_limit_micros = balance.credit_limit_micros()};
  }
  return start;
}

absl::StatusOr<std::map<std::string, AccountReading>> ReadBack(
    client::Client* client, const std::map<std::string, history::Account>& start) {
  std::map<std::string, AccountReading> readings;
  for (const auto& [account_id, before] : start) {
    AccountReading& reading = readings[account_id];
    reading.account = before;
    FAREBOX_ASSIGN_OR_RETURN(const v1::GetBalanceResponse balance, GetBalance(client, account_id));
    reading.account.end_balance_micros = balance.balance_micros();
    reading.account.end_held_micros = balance.held_micros();
    FAREBOX_ASSIGN_OR_RETURN(reading.entries, ListEntries(client, account_id, before.start_entry_id,
                                                          balance.as_of_entry()));
    FAREBOX_ASSIGN_OR_RETURN(reading.holds, ListHolds(client, account_id));
  }
  return readings;
}

void AddReadings(const std::map<std::string, AccountReading>& readings, history::History* history) {
  for (const auto& [account_id, reading] : readings) {
    history->accounts[account_id] = reading.account;
    for (const v1::Entry& entry : reading.entries) history->entries.push_back(Observe(entry));
  }
}

void WaitUntil(const Clock& clock, absl::Time time) {
  for (absl::Time now = clock.Now(); now < time; now = clock.Now()) {
    Pause(std::min(time - now, absl::Duration(absl::Seconds(1))));
  }
}

}  // namespace farebox::drivers
