#include <memory>
#include <string>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/decimal.h"
#include "client/cli/facts.h"
#include "client/cli/show.h"
#include "client/cli/times.h"
#include "client/cli/words.h"
#include "farebox/v1/billing.pb.h"

namespace farebox::cli {
namespace {

void ShowBalance(Session* session, const std::string& account_id,
                 const v1::GetBalanceResponse& balance) {
  const std::string& currency = balance.currency_code();
  Facts facts(session);
  facts.Add("account", {account_id, Tone::kStrong})
      .Add("state", {Word(balance.state()),
                     balance.state() == v1::ACCOUNT_STATE_OPEN ? Tone::kGood : Tone::kBad})
      .AddMoney("balance", balance.balance_micros(), currency)
      .AddMoney("held", balance.held_micros(), currency)
      .AddMoney("credit limit", balance.credit_limit_micros(), currency)
      .AddMoney("available", balance.available_micros(), currency)
      .AddNumber("open holds", balance.open_holds())
      .AddNumber("as of entry", balance.as_of_entry());
  if (balance.low_balance()) facts.Add("low balance", {"yes", Tone::kBad});
  facts.Print();
}

void AddBalance(Commands* commands) {
  auto request = std::make_shared<v1::GetBalanceRequest>();
  CLI::App* const command =
      commands->Add("balance", "Show what an account has", [request](Session* session) {
        return session->Answer<v1::GetBalanceResponse>(
            session->client().GetBalance(*request, session->call_options()),
            [&](const auto& balance) { ShowBalance(session, request->account_id(), balance); });
      });
  AddAccountId(command, request->mutable_account_id());
}

// Nanos, from the 60ths of them in which the API keeps a step exact; "~" where that is not whole.
std::string StepAmount(const v1::PriceStep& step) {
  absl::uint128 exact = 0;
  if (!absl::SimpleAtoi(step.exact_nanos_times_60(), &exact)) return step.exact_nanos_times_60();
  return absl::StrCat(FormatNanos(absl::int128(exact / 60)), exact % 60 == 0 ? "" : "~");
}

void ShowQuote(Session* session, const v1::QuoteRequest& request, const v1::QuoteResponse& quote) {
  const bool is_of_account = !request.account_id().empty();
  const std::string currency = is_of_account ? session->CurrencyOf(request.account_id()) : "";
  Facts facts(session);
  facts.Add("for", DescribeUsage(request.usage()))
      .AddMoney("costs", quote.amount_micros(), currency)
      .Add("billed", quote.billed_seconds() > 0 ? FormatSeconds(quote.billed_seconds()) : "")
      .AddNumber("segments", quote.segments());
  AddPrice(quote.price(), &facts);
  if (is_of_account) {
    facts.Add("affordable", quote.affordable() ? Cell("yes", Tone::kGood) : Cell("no", Tone::kBad));
    if (request.usage().has_call()) {
      facts.Add("longest call", FormatSeconds(quote.affordable_seconds()));
    }
  }
  facts.Print();
  Table steps(
      {{"step"}, {"quantity", Align::kRight}, {"at", Align::kPoint}, {"adds", Align::kPoint}});
  for (const v1::PriceStep& step : quote.steps()) {
    steps.AddRow({step.description(), absl::StrCat(step.quantity()),
                  step.rate_nanos() == 0 ? "" : FormatNanos(step.rate_nanos()), StepAmount(step)});
  }
  if (steps.empty()) return;
  session->Print("\n");
  session->Print(steps);
}

void AddQuote(Commands* commands) {
  struct Arguments {
    std::string account_id;
    std::string deck;
    UsageArguments usage;
    int64_t seconds = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command =
      commands->Add("quote", "Compute a price and what the account could pay; moves nothing",
                    [arguments](Session* session) {
                      v1::QuoteRequest request;
                      if (arguments->deck.empty()) {
                        request.set_account_id(arguments->account_id);
                      } else {
                        request.set_deck(arguments->deck);
                      }
                      *request.mutable_usage() = arguments->usage.ToUsage();
                      request.set_seconds(arguments->seconds);
                      return session->Answer<v1::QuoteResponse>(
                          session->client().Quote(request, session->call_options()),
                          [&](const auto& quote) { ShowQuote(session, request, quote); });
                    });
  AddUsage(command, &arguments->usage)->required();
  CLI::Option* const account =
      command->add_option("--account", arguments->account_id, "Whose deck and balance")
          ->type_name("ACCOUNT");
  command->add_option("--deck", arguments->deck, "A deck by name, in place of an account")
      ->type_name("DECK")
      ->excludes(account);
  AddNumber(
      command, "--seconds", [arguments](int64_t seconds) { arguments->seconds = seconds; },
      "How long the call would last", "SECONDS");
}

// The lines that a debit and a credit share.
template <typename Response>
void ShowMoved(Session* session, const std::string& account_id, const Response& response,
               Facts* facts) {
  const std::string currency = session->CurrencyOf(account_id);
  facts->Add("account", {account_id, Tone::kStrong});
  AddEntry(session, response.entry(), currency, facts);
  facts->AddMoney("available", response.available_micros(), currency);
  if (response.replayed()) facts->Add("replayed", "yes: done before, by the same request id");
}

int RunDebit(Session* session, v1::DebitRequest request) {
  request.set_request_id(session->request_id());
  return session->Answer<v1::DebitResponse>(
      session->client().Debit(request, session->call_options()), [&](const auto& response) {
        Facts facts(session);
        ShowMoved(session, request.account_id(), response, &facts);
        if (response.billed_seconds() > 0) {
          facts.Add("billed", FormatSeconds(response.billed_seconds()));
        }
        facts.AddNumber("segments", response.segments());
        AddPrice(response.price(), &facts);
        facts.Print();
      });
}

void AddDebit(Commands* commands) {
  struct Arguments {
    v1::DebitRequest request;
    UsageArguments usage;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command =
      commands->Add("debit", "Take money: for what was used, priced by the deck, or a plain amount",
                    [arguments](Session* session) {
                      if (!arguments->usage.empty()) {
                        *arguments->request.mutable_usage() = arguments->usage.ToUsage();
                      }
                      return RunDebit(session, arguments->request);
                    });
  v1::DebitRequest* const request = &arguments->request;
  AddAccountId(command, request->mutable_account_id());
  CLI::Option* const kind = AddUsage(command, &arguments->usage);
  AddMoney(
      command, "--amount", [request](int64_t micros) { request->set_amount_micros(micros); },
      "A plain amount, in place of a usage; needs --item")
      ->excludes(kind);
  AddChoice<v1::Item>(
      command, "--item", [request](v1::Item item) { request->set_item(item); },
      "What a plain amount is for");
  AddNumber(
      command, "--used", [request](int64_t seconds) { request->set_used_seconds(seconds); },
      "How long the call lasted", "SECONDS");
  command->add_option("--description", *request->mutable_description(), "Shown in the activity")
      ->type_name("TEXT");
}

void AddSettle(Commands* commands) {
  auto request = std::make_shared<v1::DebitRequest>();
  CLI::App* const command =
      commands->Add("settle", "Charge a held call for what was used, and end its hold",
                    [request](Session* session) { return RunDebit(session, *request); });
  v1::Settlement* const settlement = request->mutable_settlement();
  AddAccountId(command, request->mutable_account_id());
  AddNumber(
      command, "HOLD", [settlement](int64_t id) { settlement->set_hold_id(id); },
      "The hold, from authorize or holds", "")
      ->required();
  AddNumber(command, "--used",
            [settlement](int64_t seconds) { settlement->set_used_seconds(seconds); },
            "Seconds from answer to now; 0 where nobody answered", "SECONDS", {.min = 0})
      ->required();
  command->add_flag_callback(
      "--interim", [settlement] { settlement->set_final(false); },
      "Charge what was used so far; the call goes on");
}

int RunCredit(Session* session, v1::CreditRequest request) {
  request.set_request_id(session->request_id());
  return session->Answer<v1::CreditResponse>(
      session->client().Credit(request, session->call_options()), [&](const auto& response) {
        Facts facts(session);
        ShowMoved(session, request.account_id(), response, &facts);
        facts.Print();
      });
}

CLI::App* AddCreditLike(Commands* commands, const char* name, const char* description,
                        const std::shared_ptr<v1::CreditRequest>& request) {
  CLI::App* const command = commands->Add(
      name, description, [request](Session* session) { return RunCredit(session, *request); });
  AddAccountId(command, request->mutable_account_id());
  command->add_option("--description", *request->mutable_description(), "Shown in the activity")
      ->type_name("TEXT");
  return command;
}

CLI::Option* AddAmount(CLI::App* command, const std::shared_ptr<v1::CreditRequest>& request) {
  return AddMoney(
             command, "AMOUNT", [request](int64_t micros) { request->set_amount_micros(micros); },
             "In currency units, e.g. 12.50")
      ->required();
}

void AddCredit(Commands* commands) {
  auto request = std::make_shared<v1::CreditRequest>();
  request->set_reason(v1::CREDIT_REASON_PAYMENT);
  CLI::App* const command = AddCreditLike(commands, "credit", "Give money", request);
  AddAmount(command, request);
  AddChoice<v1::CreditReason>(
      command, "--reason", [request](v1::CreditReason reason) { request->set_reason(reason); },
      "Why; payment by default. For a refund see `farebox refund`");
}

void AddRefund(Commands* commands) {
  auto request = std::make_shared<v1::CreditRequest>();
  request->set_reason(v1::CREDIT_REASON_REFUND);
  CLI::App* const command =
      AddCreditLike(commands, "refund", "Give back a debit or a part of it", request);
  AddNumber(
      command, "ENTRY", [request](int64_t id) { request->set_refunded_entry_id(id); },
      "The debit's entry, from activity", "")
      ->required();
  AddAmount(command, request);
}

}  // namespace

void AddMoneyCommands(Commands* commands) {
  AddBalance(commands);
  AddQuote(commands);
  AddDebit(commands);
  AddSettle(commands);
  AddCredit(commands);
  AddRefund(commands);
}

}  // namespace farebox::cli
