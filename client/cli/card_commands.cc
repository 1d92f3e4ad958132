#include <memory>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/facts.h"
#include "client/cli/table.h"
#include "farebox/v1/recharge.pb.h"

namespace farebox::cli {
namespace {

std::string Expiry(const v1::Card& card) {
  return absl::StrFormat("%02d/%d", card.expiry_month(), card.expiry_year());
}

void AddCard(const v1::Card& card, Facts* facts) {
  facts->Add("card", {card.card_id(), Tone::kStrong})
      .Add("brand", card.brand())
      .Add("ends with", card.last_four())
      .Add("expires", Expiry(card))
      .Add("charged first", card.primary() ? "yes" : "no");
}

void AddCardSetup(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::StartCardSetupRequest>();
  CLI::App* const command = commands->Add(
      group, "setup", "Begin to register a card, on the provider's page",
      [request](Session* session) {
        return session->Answer<v1::StartCardSetupResponse>(
            session->client().StartCardSetup(*request, session->call_options()),
            [&](const auto& response) {
              Facts facts(session);
              facts.Add("page", response.url()).Add("setup", response.setup_id());
              facts.Print();
              session->Note(absl::StrCat("When the card is entered there: farebox card complete ",
                                         request->account_id(), " ", response.setup_id()));
            });
      });
  AddAccountId(command, request->mutable_account_id());
  command
      ->add_option("--return-url", *request->mutable_return_url(),
                   "Where the provider's page leads back to")
      ->type_name("URL");
}

void AddCardComplete(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::CompleteCardSetupRequest>();
  CLI::App* const command = commands->Add(
      group, "complete", "Put the card on file that was entered", [request](Session* session) {
        return session->Answer<v1::CompleteCardSetupResponse>(
            session->client().CompleteCardSetup(*request, session->call_options()),
            [&](const auto& response) {
              Facts facts(session);
              AddCard(response.card(), &facts);
              facts.Print();
            });
      });
  AddAccountId(command, request->mutable_account_id());
  command->add_option("SETUP", *request->mutable_setup_id(), "From card setup")
      ->type_name("")
      ->required();
  command->add_flag_callback(
      "--second", [request] { request->set_second(true); },
      "Keep it as the second card, which is charged when the first is refused");
}

void ShowCards(Session* session, const v1::GetCardResponse& response) {
  Table table({{"card"}, {"brand"}, {"ends with"}, {"expires"}, {"charged first"}});
  for (const v1::Card& card : response.cards()) {
    table.AddRow({{card.card_id(), Tone::kStrong},
                  card.brand(),
                  card.last_four(),
                  Expiry(card),
                  card.primary() ? "yes" : ""});
  }
  if (table.empty()) {
    session->Note("No card: see `farebox card setup`.");
  } else {
    session->Print(table);
  }
}

void AddCardShow(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::GetCardRequest>();
  CLI::App* const command =
      commands->Add(group, "show", "Show the cards on file", [request](Session* session) {
        return session->Answer<v1::GetCardResponse>(
            session->client().GetCard(*request, session->call_options()),
            [session](const auto& response) { ShowCards(session, response); });
      });
  AddAccountId(command, request->mutable_account_id());
}

// The id of the only card.
absl::StatusOr<std::string> OnlyCard(const v1::GetCardResponse& cards) {
  if (cards.cards_size() == 1) return cards.cards(0).card_id();
  return absl::InvalidArgumentError(
      cards.cards().empty() ? "there is no card on file"
                            : "there are two cards; name one, from `farebox card show`");
}

int RunDelete(Session* session, v1::DeleteCardRequest request) {
  v1::GetCardRequest of_account;
  of_account.set_account_id(request.account_id());
  const auto cards = session->client().GetCard(of_account, session->call_options());
  if (!cards.ok()) return session->Fail(cards.status());
  if (request.card_id().empty()) {
    const absl::StatusOr<std::string> only = OnlyCard(*cards);
    if (!only.ok()) return session->Fail(only.status());
    request.set_card_id(*only);
  }
  // The server deletes it all the same: one that was deleted a moment ago is no error there.
  const bool is_there = absl::c_any_of(
      cards->cards(), [&](const v1::Card& card) { return card.card_id() == request.card_id(); });
  return session->Answer<v1::DeleteCardResponse>(
      session->client().DeleteCard(request, session->call_options()), [&](const auto& response) {
        Facts facts(session);
        facts.Add(is_there ? "deleted" : "not on file", request.card_id());
        if (response.auto_recharge_switched_off()) {
          facts.Add("auto-recharge", {"switched off: no card is left", Tone::kBad});
        }
        facts.Print();
      });
}

void AddCardDelete(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::DeleteCardRequest>();
  CLI::App* const command =
      commands->Add(group, "delete", "Take a card off the file",
                    [request](Session* session) { return RunDelete(session, *request); });
  AddAccountId(command, request->mutable_account_id());
  command->add_option("CARD", *request->mutable_card_id(), "Which; the only one by default")
      ->type_name("");
}

}  // namespace

void AddCardCommands(Commands* commands) {
  CLI::App* const group = commands->AddGroup("card", "Register and show cards");
  AddCardSetup(commands, group);
  AddCardComplete(commands, group);
  AddCardShow(commands, group);
  AddCardDelete(commands, group);
}

}  // namespace farebox::cli
