#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/decimal.h"
#include "client/cli/facts.h"
#include "client/cli/files.h"
#include "client/cli/pages.h"
#include "client/cli/show.h"
#include "client/cli/times.h"
#include "client/cli/words.h"
#include "farebox/v1/rate.pb.h"

namespace farebox::cli {
namespace {

void AddImport(Commands* commands, CLI::App* group) {
  struct Arguments {
    std::string deck;
    std::string path;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = commands->Add(
      group, "import", "Load a deck from CSV; takes effect at once", [arguments](Session* session) {
        const absl::StatusOr<std::string> csv = ReadAll(arguments->path);
        if (!csv.ok()) return session->Fail(csv.status());
        return session->Answer<v1::ImportRatesResponse>(
            session->client().ImportRates(arguments->deck, *csv, session->call_options()),
            [session](const v1::ImportRatesResponse& response) {
              const v1::RateDeck& deck = response.rate_deck();
              Facts facts(session);
              facts.Add("deck", {deck.deck(), Tone::kStrong})
                  .AddNumber("version", deck.version())
                  .Add("rates", absl::StrCat(deck.rate_count()))
                  .Add("imported", FormatTime(deck.import_time(), session->zone()));
              facts.Print();
            },
            "see `farebox rates decks` for a new version");
      });
  command->add_option("DECK", arguments->deck, "The deck's name")->type_name("")->required();
  command->add_option("FILE", arguments->path, "The CSV; - reads standard input")
      ->type_name(kFileType)
      ->required();
}

void AddExport(Commands* commands, CLI::App* group) {
  struct Arguments {
    v1::ExportRatesRequest request;
    std::string path = kStandardStream;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = commands->Add(
      group, "export", "Give a deck back as CSV that import takes", [arguments](Session* session) {
        // Whole before anything is written: half a deck must not look like one.
        v1::ExportRatesResponse whole;
        const absl::Status status = session->client().ExportRates(
            arguments->request,
            [&](absl::string_view piece) {
              whole.mutable_csv()->append(piece.data(), piece.size());
            },
            session->call_options());
        if (!status.ok()) return session->Fail(status);
        if (!session->has_json()) return session->Write(arguments->path, whole.csv());
        session->PrintJson(whole);
        return static_cast<int>(kExitOk);
      });
  command->add_option("DECK", *arguments->request.mutable_deck(), "The deck's name")
      ->type_name("")
      ->required();
  command->add_option("--output", arguments->path, "Write to this file; standard output by default")
      ->type_name(kFileType);
}

void ShowRates(Session* session, const v1::ListRatesResponse& response) {
  Table table({{"item"}, {"prefix"}, {"destination"}, {"price"}, {"from"}, {"to"}});
  for (const v1::Rate& rate : response.rates()) {
    table.AddRow({Word(rate.item()), rate.price().prefix(), rate.price().description(),
                  DescribePrice(rate.price()), FormatTime(rate.effective_from(), session->zone()),
                  FormatTime(rate.effective_to(), session->zone())});
  }
  if (table.empty()) {
    session->Note("No rates.");
  } else {
    session->Print(table);
  }
  NoteMore(session, response);
}

void AddRatesList(Commands* commands, CLI::App* group) {
  struct Arguments {
    v1::ListRatesRequest request;
    std::string account_id;
    std::string deck;
    int64_t limit = 100;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command =
      commands->Add(group, "list", "List tariffs by prefix", [arguments](Session* session) {
        if (arguments->deck.empty()) {
          arguments->request.set_account_id(arguments->account_id);
        } else {
          arguments->request.set_deck(arguments->deck);
        }
        const auto response =
            FetchPages(session, arguments->request, arguments->limit, kPageSizeMax,
                       &client::Client::ListRates, &v1::ListRatesResponse::rates);
        return session->Answer<v1::ListRatesResponse>(
            response, [session](const auto& rates) { ShowRates(session, rates); });
      });
  CLI::Option* const account =
      command->add_option("--account", arguments->account_id, "The deck of this account")
          ->type_name("ACCOUNT");
  command->add_option("--deck", arguments->deck, "The deck by name")
      ->type_name("DECK")
      ->excludes(account);
  command
      ->add_option("--prefix", *arguments->request.mutable_prefix(),
                   "Only destinations that begin so")
      ->type_name("DIGITS");
  AddLimit(command, &arguments->limit);
}

void ShowDecks(Session* session, const v1::ListRateDecksResponse& response) {
  Table table(
      {{"deck"}, {"version", Align::kRight}, {"rates", Align::kRight}, {"imported"}, {"in force"}});
  for (const v1::RateDeck& deck : response.rate_decks()) {
    table.AddRow({deck.deck(),
                  absl::StrCat(deck.version()),
                  absl::StrCat(deck.rate_count()),
                  FormatTime(deck.import_time(), session->zone()),
                  {deck.current() ? "yes" : "", Tone::kGood}});
  }
  if (table.empty()) {
    session->Note("No decks: see `farebox rates import`.");
  } else {
    session->Print(table);
  }
  NoteMore(session, response);
}

void AddDecks(Commands* commands, CLI::App* group) {
  auto limit = std::make_shared<int64_t>(100);
  CLI::App* const command = commands->Add(
      group, "decks", "List the versions of all decks, newest first", [limit](Session* session) {
        const auto response =
            FetchPages(session, v1::ListRateDecksRequest(), *limit, kPageSizeMax,
                       &client::Client::ListRateDecks, &v1::ListRateDecksResponse::rate_decks);
        return session->Answer<v1::ListRateDecksResponse>(
            response, [session](const auto& decks) { ShowDecks(session, decks); });
      });
  AddLimit(command, limit.get());
}

}  // namespace

void AddRatesCommands(Commands* commands) {
  CLI::App* const group = commands->AddGroup("rates", "Load and show rate decks");
  AddImport(commands, group);
  AddRatesList(commands, group);
  AddExport(commands, group);
  AddDecks(commands, group);
}

}  // namespace farebox::cli
