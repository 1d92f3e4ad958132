#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/advice.h"
#include "client/cli/commands.h"
#include "client/cli/decimal.h"
#include "client/cli/facts.h"
#include "client/cli/pages.h"
#include "client/cli/show.h"
#include "client/cli/times.h"
#include "client/cli/words.h"
#include "farebox/v1/billing.pb.h"

namespace farebox::cli {
namespace {

// Shows the decision of Authorize or Reauthorize.
template <typename Response>
void ShowDecision(Session* session, const std::string& account_id, const Response& response) {
  const std::string currency = session->CurrencyOf(account_id);
  const bool is_granted = response.decision() == v1::DECISION_GRANTED;
  Facts facts(session);
  facts.Add("account", {account_id, Tone::kStrong})
      .Add("decision", {Word(response.decision()), is_granted ? Tone::kGood : Tone::kBad})
      .Add("reason", Word(response.reason()))
      .AddNumber("hold", response.hold_id());
  if (is_granted) {
    facts.Add("granted", FormatSeconds(response.granted_seconds()));
    if (response.reauthorize_after_seconds() > 0) {
      facts.Add("ask again after", FormatSeconds(response.reauthorize_after_seconds()));
    }
    facts.Add("expires", FormatTime(response.expire_time(), session->zone()))
        .AddMoney("held", response.held_micros(), currency);
    if (response.final()) facts.Add("final", "yes: the balance pays no more than this");
  }
  facts.AddMoney("available", response.available_micros(), currency);
  AddPrice(response.price(), &facts);
  if (response.replayed()) facts.Add("replayed", "yes: decided before, by the same request id");
  facts.Print();
  const std::string reason =
      absl::StrReplaceAll(absl::AsciiStrToUpper(Word(response.reason())), {{"-", "_"}});
  const absl::string_view advice = AdviceFor(reason);
  if (!is_granted && !advice.empty()) session->Note(absl::StrCat("farebox: ", advice));
}

// A denial is an answer, and yet a refusal.
template <typename Response>
int AnswerDecision(Session* session, const std::string& account_id,
                   const absl::StatusOr<Response>& response) {
  const int exit_code = session->Answer<Response>(
      response, [&](const Response& decision) { ShowDecision(session, account_id, decision); });
  const bool is_denied = response.ok() && response->decision() != v1::DECISION_GRANTED;
  return is_denied ? static_cast<int>(kExitRefused) : exit_code;
}

template <typename Request>
CLI::Option* AddHold(CLI::App* command, Request* request) {
  return AddNumber(
             command, "HOLD", [request](int64_t id) { request->set_hold_id(id); },
             "The hold, from authorize or holds", "")
      ->required();
}

template <typename Request>
void AddSeconds(CLI::App* command, Request* request, const char* description) {
  AddNumber(
      command, "--seconds", [request](int64_t seconds) { request->set_requested_seconds(seconds); },
      description, "SECONDS");
  AddNumber(
      command, "--ttl", [request](int64_t seconds) { request->set_hold_ttl_seconds(seconds); },
      "When the hold expires where nobody reports the end", "SECONDS");
}

void AddAuthorize(Commands* commands) {
  struct Arguments {
    v1::AuthorizeRequest request;
    UsageArguments usage;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = commands->Add(
      "authorize", "Ask whether an account can pay, and hold the money",
      [arguments](Session* session) {
        v1::AuthorizeRequest& request = arguments->request;
        *request.mutable_usage() = arguments->usage.ToUsage();
        request.set_request_id(session->request_id());
        return AnswerDecision(session, request.account_id(),
                              session->client().Authorize(request, session->call_options()));
      });
  AddAccountId(command, arguments->request.mutable_account_id());
  AddUsage(command, &arguments->usage)->required();
  AddSeconds(command, &arguments->request, "How long the call may last; fewer may be granted");
}

void AddReauthorize(Commands* commands) {
  auto request = std::make_shared<v1::ReauthorizeRequest>();
  CLI::App* const command = commands->Add(
      "reauthorize", "Ask for more seconds of a call that goes on", [request](Session* session) {
        request->set_request_id(session->request_id());
        return AnswerDecision(session, request->account_id(),
                              session->client().Reauthorize(*request, session->call_options()));
      });
  AddAccountId(command, request->mutable_account_id());
  AddHold(command, request.get());
  AddSeconds(command, request.get(), "How many seconds beyond those granted so far");
  AddNumber(
      command, "--used", [request](int64_t seconds) { request->set_used_seconds(seconds); },
      "How long the call has lasted", "SECONDS");
}

void AddRelease(Commands* commands) {
  auto request = std::make_shared<v1::ReleaseRequest>();
  CLI::App* const command = commands->Add(
      "release", "End the hold of a call that nobody answered", [request](Session* session) {
        request->set_request_id(session->request_id());
        return session->Answer<v1::ReleaseResponse>(
            session->client().Release(*request, session->call_options()),
            [&](const auto& response) {
              const std::string currency = session->CurrencyOf(request->account_id());
              Facts facts(session);
              facts.Add("account", {request->account_id(), Tone::kStrong});
              AddEntry(session, response.entry(), currency, &facts);
              facts.AddMoney("available", response.available_micros(), currency);
              facts.Print();
            });
      });
  AddAccountId(command, request->mutable_account_id());
  AddHold(command, request.get());
}

void ShowHolds(Session* session, const std::string& account_id,
               const v1::ListHoldsResponse& response) {
  const std::string currency = session->CurrencyOf(account_id);
  Table table({{"hold", Align::kRight},
               {"for"},
               {absl::StrCat("held ", currency), Align::kPoint},
               {absl::StrCat("charged ", currency), Align::kPoint},
               {"granted", Align::kRight},
               {"started"},
               {"expires"}});
  for (const v1::Hold& hold : response.holds()) {
    table.AddRow({absl::StrCat(hold.hold_id()), DescribeUsage(hold.usage()),
                  FormatMicros(hold.held_micros()), FormatMicros(hold.charged_micros()),
                  FormatSeconds(hold.granted_seconds()),
                  FormatTime(hold.start_time(), session->zone()),
                  FormatTime(hold.expire_time(), session->zone())});
  }
  if (table.empty()) {
    session->Note("No open holds.");
  } else {
    session->Print(table);
  }
  NoteMore(session, response);
}

void AddHolds(Commands* commands) {
  struct Arguments {
    v1::ListHoldsRequest request;
    int64_t limit = 100;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command =
      commands->Add("holds", "List the open holds, newest first", [arguments](Session* session) {
        const auto response =
            FetchPages(session, arguments->request, arguments->limit, kPageSizeMax,
                       &client::Client::ListHolds, &v1::ListHoldsResponse::holds);
        return session->Answer<v1::ListHoldsResponse>(response, [&](const auto& holds) {
          ShowHolds(session, arguments->request.account_id(), holds);
        });
      });
  AddAccountId(command, arguments->request.mutable_account_id());
  AddLimit(command, &arguments->limit);
}

}  // namespace

void AddHoldCommands(Commands* commands) {
  AddAuthorize(commands);
  AddReauthorize(commands);
  AddRelease(commands);
  AddHolds(commands);
}

}  // namespace farebox::cli
