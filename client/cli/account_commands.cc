#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/commands.h"
#include "client/cli/decimal.h"
#include "client/cli/facts.h"
#include "client/cli/pages.h"
#include "client/cli/times.h"
#include "client/cli/words.h"
#include "farebox/v1/account.pb.h"

namespace farebox::cli {
namespace {

Cell State(v1::AccountState state) {
  return {Word(state), state == v1::ACCOUNT_STATE_OPEN ? Tone::kGood : Tone::kBad};
}

std::string Metadata(const v1::Account& account) {
  std::vector<std::string> pairs;
  for (const auto& [key, value] : account.metadata())
    pairs.push_back(absl::StrCat(key, "=", value));
  std::sort(pairs.begin(), pairs.end());
  return absl::StrJoin(pairs, ", ");
}

void ShowAccount(Session* session, const v1::Account& account, bool is_replayed) {
  const std::string& currency = account.currency_code();
  Facts facts(session);
  facts.Add("account", {account.account_id(), Tone::kStrong})
      .Add("state", State(account.state()))
      .Add("currency", currency)
      .Add("time zone", account.time_zone())
      .Add("deck", account.deck())
      .AddMoney("credit limit", account.credit_limit_micros(), currency)
      .AddMoney("low balance below", account.low_balance_threshold_micros(), currency)
      .AddNumber("open holds at most", account.open_holds_max())
      .Add("e-mail", account.email())
      .Add("metadata", Metadata(account))
      .Add("blocked prefixes", absl::StrJoin(account.blocked_prefixes(), ", "))
      .Add("when out of reach", Word(account.failure_handling()))
      .Add("created", FormatTime(account.create_time(), session->zone()));
  if (is_replayed) facts.Add("replayed", "yes: done before, by the same request id");
  facts.Print();
}

// An answer to what only reads does not say.
template <typename Response>
bool IsReplayed(const Response& answer) {
  if constexpr (requires { answer.replayed(); }) {
    return answer.replayed();
  } else {
    return false;
  }
}

// Shows the account in any answer that has one.
template <typename Response>
int AnswerAccount(Session* session, const absl::StatusOr<Response>& response) {
  return session->Answer<Response>(response, [session](const Response& answer) {
    ShowAccount(session, answer.account(), IsReplayed(answer));
  });
}

// `key=value` into the account; without `=` the value is empty. One empty pair clears.
void SetMetadata(const std::vector<std::string>& pairs, v1::Account* account) {
  account->clear_metadata();
  for (const std::string& pair : pairs) {
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    (*account->mutable_metadata())[pair.substr(0, equals)] =
        equals == std::string::npos ? "" : pair.substr(equals + 1);
  }
}

void SetBlockedPrefixes(const std::vector<std::string>& prefixes, v1::Account* account) {
  account->clear_blocked_prefixes();
  for (const std::string& prefix : prefixes) {
    if (!prefix.empty()) account->add_blocked_prefixes(prefix);
  }
}

// Of both messages that take settings, the account; `paths` gets the names of those that were
// given.
void AddSettings(CLI::App* command, v1::Account* account, std::vector<std::string>* paths) {
  const auto add_text = [&](const char* name, const char* path, std::string* field,
                            const char* description, const char* type_name) {
    command
        ->add_option_function<std::string>(
            name,
            [field, paths, path](const std::string& text) {
              *field = text;
              paths->push_back(path);
            },
            description)
        ->type_name(type_name);
  };
  add_text("--time-zone", "time_zone", account->mutable_time_zone(),
           "IANA name, e.g. America/New_York", "ZONE");
  add_text("--deck", "deck", account->mutable_deck(), "The rate deck by name", "DECK");
  add_text("--email", "email", account->mutable_email(), "Where mails about it go", "ADDRESS");
  AddMoney(
      command, "--credit-limit",
      [=](int64_t micros) {
        account->set_credit_limit_micros(micros);
        paths->push_back("credit_limit_micros");
      },
      "How far below zero the balance may go");
  AddMoney(
      command, "--low-balance",
      [=](int64_t micros) {
        account->set_low_balance_threshold_micros(micros);
        paths->push_back("low_balance_threshold_micros");
      },
      "Signal when less than this is available; 0 for never");
  AddNumber(
      command, "--open-holds-max",
      [=](int64_t count) {
        account->set_open_holds_max(static_cast<int32_t>(std::min<int64_t>(count, INT32_MAX)));
        paths->push_back("open_holds_max");
      },
      "Calls at once", "COUNT");
  command
      ->add_option_function<std::vector<std::string>>(
          "--metadata",
          [=](const std::vector<std::string>& pairs) {
            SetMetadata(pairs, account);
            paths->push_back("metadata");
          },
          "A label of your own, repeatable; replaces all, \"\" clears them")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option_function<std::vector<std::string>>(
          "--blocked-prefix",
          [=](const std::vector<std::string>& prefixes) {
            SetBlockedPrefixes(prefixes, account);
            paths->push_back("blocked_prefixes");
          },
          "Digits that must not be called, repeatable; replaces all, \"\" clears them")
      ->type_name("DIGITS")
      ->allow_extra_args(false);
  AddChoice<v1::FailureHandling>(
      command, "--failure-handling",
      [=](v1::FailureHandling handling) {
        account->set_failure_handling(handling);
        paths->push_back("failure_handling");
      },
      "What routers do when Farebox cannot be reached");
}

void AddAccountCreate(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::CreateAccountRequest>();
  auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App* const command = commands->Add(
      group, "create", "Open an account with a zero balance", [request, paths](Session* session) {
        request->set_request_id(session->request_id());
        return AnswerAccount(session,
                             session->client().CreateAccount(*request, session->call_options()));
      });
  v1::Account* const account = request->mutable_account();
  AddAccountId(command, account->mutable_account_id());
  command->add_option("--currency", *account->mutable_currency_code(), "ISO 4217, e.g. USD")
      ->type_name("CODE")
      ->required();
  AddSettings(command, account, paths.get());
}

void AddAccountUpdate(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::UpdateAccountRequest>();
  auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App* const command = commands->Add(
      group, "update", "Change the settings that are given", [request, paths](Session* session) {
        for (const std::string& path : *paths) request->mutable_update_mask()->add_paths(path);
        request->set_request_id(session->request_id());
        return AnswerAccount(session,
                             session->client().UpdateAccount(*request, session->call_options()));
      });
  AddAccountId(command, request->mutable_account()->mutable_account_id());
  AddSettings(command, request->mutable_account(), paths.get());
}

void AddAccountShow(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::GetAccountRequest>();
  CLI::App* const command =
      commands->Add(group, "show", "Show an account's settings", [request](Session* session) {
        return AnswerAccount(session,
                             session->client().GetAccount(*request, session->call_options()));
      });
  AddAccountId(command, request->mutable_account_id());
}

void ShowAccounts(Session* session, const v1::ListAccountsResponse& response) {
  Table table({{"account"},
               {"state"},
               {"currency"},
               {"deck"},
               {"credit limit", Align::kPoint},
               {"created"}});
  for (const v1::Account& account : response.accounts()) {
    table.AddRow({account.account_id(), State(account.state()), account.currency_code(),
                  account.deck(), FormatMicros(account.credit_limit_micros()),
                  FormatTime(account.create_time(), session->zone())});
  }
  session->Print(table);
  NoteMore(session, response);
}

void AddAccountList(Commands* commands, CLI::App* group) {
  auto limit = std::make_shared<int64_t>(100);
  CLI::App* const command =
      commands->Add(group, "list", "List accounts, newest first", [limit](Session* session) {
        const auto response =
            FetchPages(session, v1::ListAccountsRequest(), *limit, kPageSizeMax,
                       &client::Client::ListAccounts, &v1::ListAccountsResponse::accounts);
        return session->Answer<v1::ListAccountsResponse>(
            response, [session](const auto& accounts) { ShowAccounts(session, accounts); });
      });
  AddLimit(command, limit.get());
}

// Suspend, resume and close differ in the method alone.
template <typename Request, typename Response>
void AddChange(Commands* commands, CLI::App* group, const char* name, const char* description,
               absl::StatusOr<Response> (client::Client::*method)(Request,
                                                                  const client::CallOptions&)) {
  auto request = std::make_shared<Request>();
  CLI::App* const command =
      commands->Add(group, name, description, [request, method](Session* session) {
        request->set_request_id(session->request_id());
        return AnswerAccount(session,
                             (session->client().*method)(*request, session->call_options()));
      });
  AddAccountId(command, request->mutable_account_id());
}

}  // namespace

void AddAccountCommands(Commands* commands) {
  CLI::App* const group = commands->AddGroup("account", "Open, show and change accounts");
  AddAccountCreate(commands, group);
  AddAccountShow(commands, group);
  AddAccountUpdate(commands, group);
  AddAccountList(commands, group);
  AddChange(commands, group, "suspend", "Stop new calls and debits; running calls are told to end",
            &client::Client::SuspendAccount);
  AddChange(commands, group, "resume", "Undo a suspension", &client::Client::ResumeAccount);
  AddChange(commands, group, "close", "Close an account for good; needs a zero balance, no hold",
            &client::Client::CloseAccount);
}

}  // namespace farebox::cli
