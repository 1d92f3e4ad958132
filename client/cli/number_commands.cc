#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/facts.h"
#include "client/cli/pages.h"
#include "client/cli/show.h"
#include "client/cli/table.h"
#include "client/cli/times.h"
#include "client/cli/words.h"
#include "farebox/v1/number.pb.h"

namespace farebox::cli {
namespace {

Cell StateOf(const v1::RentedNumber& number) {
  const Tone tone = number.state() == v1::NUMBER_STATE_ACTIVE     ? Tone::kGood
                    : number.state() == v1::NUMBER_STATE_PAST_DUE ? Tone::kBad
                                                                  : Tone::kFaint;
  return {Word(number.state()), tone};
}

// When it was released, or will be.
std::string ReleaseOf(const Session& session, const v1::RentedNumber& number) {
  const bool is_to_come = number.state() == v1::NUMBER_STATE_PAST_DUE;
  return absl::StrCat(FormatTime(number.release_time(), session.zone()),
                      is_to_come ? " unless paid" : "");
}

void AddRental(Session* session, const v1::RentedNumber& number, Facts* facts) {
  facts->Add("number", {number.number(), Tone::kStrong})
      .Add("account", number.account_id())
      .Add("state", StateOf(number))
      .Add("bought", FormatTime(number.purchase_time(), session->zone()))
      .AddNumber("months renewed", number.months_renewed())
      .Add("next month", FormatTime(number.next_renewal_time(), session->zone()))
      .Add("released", ReleaseOf(*session, number));
}

int RunBuy(Session* session, v1::PurchaseNumberRequest request) {
  request.set_request_id(session->request_id());
  return session->Answer<v1::PurchaseNumberResponse>(
      session->client().PurchaseNumber(request, session->call_options()),
      [&](const auto& response) {
        Facts facts(session);
        AddRental(session, response.number(), &facts);
        AddEntry(session, response.entry(), session->CurrencyOf(request.account_id()), &facts);
        if (response.replayed())
          facts.Add("replayed", "yes: bought before, by the same request id");
        facts.Print();
      });
}

CLI::Option* AddNumberOption(CLI::App* command, std::string* number) {
  return command->add_option("NUMBER", *number, "E.164, e.g. +12025550123")
      ->type_name("")
      ->required();
}

void AddNumberBuy(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::PurchaseNumberRequest>();
  CLI::App* const command =
      commands->Add(group, "buy", "Charge a number and give it to the account, or neither",
                    [request](Session* session) { return RunBuy(session, *request); });
  AddAccountId(command, request->mutable_account_id());
  AddNumberOption(command, request->mutable_number());
}

void AddNumberRelease(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::ReleaseNumberRequest>();
  CLI::App* const command = commands->Add(
      group, "release", "Take a number from the account", [request](Session* session) {
        return session->Answer<v1::ReleaseNumberResponse>(
            session->client().ReleaseNumber(*request, session->call_options()),
            [&](const auto& response) {
              Facts facts(session);
              AddRental(session, response.number(), &facts);
              facts.Print();
            });
      });
  AddAccountId(command, request->mutable_account_id());
  AddNumberOption(command, request->mutable_number());
}

void ShowNumbers(Session* session, const v1::ListNumbersResponse& response) {
  Table table(
      {{"number"}, {"state"}, {"bought"}, {"months", Align::kRight}, {"next month"}, {"released"}});
  for (const v1::RentedNumber& number : response.numbers()) {
    table.AddRow({{number.number(), Tone::kStrong},
                  StateOf(number),
                  FormatTime(number.purchase_time(), session->zone()),
                  absl::StrCat(number.months_renewed()),
                  FormatTime(number.next_renewal_time(), session->zone()),
                  ReleaseOf(*session, number)});
  }
  if (table.empty()) {
    session->Note("No numbers: see `farebox number buy`.");
  } else {
    session->Print(table);
  }
  NoteMore(session, response);
}

void AddNumberList(Commands* commands, CLI::App* group) {
  struct Arguments {
    v1::ListNumbersRequest request;
    int64_t limit = 100;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = commands->Add(
      group, "list", "List an account's numbers, newest first", [arguments](Session* session) {
        const auto response =
            FetchPages(session, arguments->request, arguments->limit, kPageSizeMax,
                       &client::Client::ListNumbers, &v1::ListNumbersResponse::numbers);
        return session->Answer<v1::ListNumbersResponse>(
            response, [session](const auto& list) { ShowNumbers(session, list); });
      });
  AddAccountId(command, arguments->request.mutable_account_id());
  AddLimit(command, &arguments->limit);
}

}  // namespace

void AddNumberCommands(Commands* commands) {
  CLI::App* const group = commands->AddGroup("number", "Numbers that cost money by the month");
  AddNumberBuy(commands, group);
  AddNumberList(commands, group);
  AddNumberRelease(commands, group);
}

}  // namespace farebox::cli
