#include "server/web/simulated_pages.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/recharge/simulated_cards.h"
#include "server/recharge/webhook_signature.h"

namespace farebox::web {
namespace {

std::string Escape(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

// No script, nothing from elsewhere, and forms lead back here only.
constexpr char kSimulatedPolicy[] =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'";

constexpr char kStyle[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;"
    "color:#1a2230;background:#f7f8fa}"
    "main{background:#fff;border:1px solid #d9dee7;border-radius:8px;padding:1.5rem 2rem}"
    "h1{font-size:1.3rem}label{display:block;padding:.2rem 0}small{color:#5b6678}"
    "button{font:inherit;padding:.5rem 1.2rem;margin:1rem .5rem 0 0;border-radius:6px;"
    "border:1px solid #2c5fd0;background:#2c5fd0;color:#fff}"
    "button.no{background:#fff;color:#2c5fd0}code{background:#eef1f6;padding:0 .3rem}";

Response Show(int status, absl::string_view title, absl::string_view body) {
  return {.status = status,
          .headers = {{"content-type", "text/html; charset=utf-8"},
                      {"content-security-policy", kSimulatedPolicy}},
          .body = absl::StrCat(
              "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
              "<meta name=\"viewport\" content=\"width=device-width\"><title>",
              title, "</title><style>", kStyle, "</style><main><h1>", title, "</h1>", body,
              "<p><small>A simulated payment provider. It takes no card numbers and charges "
              "nobody.</small></main></html>")};
}

Response ShowProblem(const absl::Status& status) {
  const int code = absl::IsNotFound(status) ? 404 : absl::IsUnavailable(status) ? 503 : 400;
  return Show(code, "That did not work", absl::StrCat("<p>", Escape(status.message()), ".</p>"));
}

std::string Hidden(absl::string_view name, absl::string_view value) {
  return absl::StrCat("<input type=\"hidden\" name=\"", name, "\" value=\"", Escape(value), "\">");
}

// Of the query, or of the form that was sent.
std::string Field(const Request& request, absl::string_view name) {
  const bool is_form = request.method == "POST";
  return FormField(is_form ? request.body : request.query, name).value_or("");
}

// What becomes of a charge with the card, in a word or two.
std::string TellCard(const server::SimulatedCard& card) {
  const std::string code = absl::StrReplaceAll(card.decline_code, {{"_", " "}});
  switch (card.outcome) {
    case server::SimulatedCard::Outcome::kDeclined:
      return absl::StrCat("declined: ", code);
    case server::SimulatedCard::Outcome::kActionRequired:
      return code.empty() ? "the bank asks the customer"
                          : absl::StrCat("the bank asks the customer, then declines: ", code);
    case server::SimulatedCard::Outcome::kSlow:
      return "charged, slowly";
    case server::SimulatedCard::Outcome::kAnswerLost:
      return "charged, but the answer is lost";
    case server::SimulatedCard::Outcome::kApproved:
      break;
  }
  return "charged";
}

Response ShowCards(const Request& request) {
  std::string cards;
  for (const server::SimulatedCard& card : server::SimulatedCards()) {
    absl::StrAppend(&cards, "<label><input type=\"radio\" name=\"token\" required value=\"",
                    Escape(card.token), "\"", cards.empty() ? " checked" : "", "> ",
                    Escape(card.brand), " ", Escape(card.last_four), " <small>", TellCard(card),
                    "</small></label>");
  }
  return Show(200, "Which card?",
              absl::StrCat("<form method=\"post\">", Hidden("setup_id", Field(request, "setup_id")),
                           Hidden("return_url", Field(request, "return_url")), cards,
                           "<button>Use this card</button></form>"));
}

// A link where the customer came from, if it is a page at all.
std::string WayBack(absl::string_view url) {
  if (!absl::StartsWith(url, "https://") && !absl::StartsWith(url, "http://")) return "";
  return absl::StrCat("<p><a href=\"", Escape(url), "\">Go back</a></p>");
}

Response EnterCard(server::SimulatedGateway* gateway, const Request& request) {
  const std::string setup_id = Field(request, "setup_id");
  const absl::Status entered = gateway->EnterCard(setup_id, Field(request, "token"));
  if (!entered.ok()) return ShowProblem(entered);
  return Show(200, "The card is registered",
              absl::StrCat("<p>Complete the setup with <code>", Escape(setup_id), "</code>.</p>",
                           WayBack(Field(request, "return_url"))));
}

Response AskCustomer(const Request& request) {
  return Show(
      200, "Do you want to pay?",
      absl::StrCat("<p>Your bank asks whether this payment is yours.</p><form method=\"post\">",
                   Hidden("payment_id", Field(request, "payment_id")),
                   "<button name=\"answer\" value=\"yes\">Yes, pay</button>"
                   "<button class=\"no\" name=\"answer\" value=\"no\">No</button></form>"));
}

absl::Status TellEvent(const SimulatedPagesParts& parts, const std::string& payment_id) {
  const absl::StatusOr<std::string> body = parts.gateway->EventBody(payment_id);
  if (!body.ok()) return body.status();
  return parts.events->Hear(*body,
                            server::SignWebhook(*body, parts.webhook_secret, parts.clock->Now()));
}

Response TakeAnswer(const SimulatedPagesParts& parts, const Request& request) {
  const std::string payment_id = Field(request, "payment_id");
  const bool confirms = Field(request, "answer") == "yes";
  const absl::StatusOr<server::CardCharge> charge = parts.gateway->AnswerBank(payment_id, confirms);
  if (!charge.ok()) return ShowProblem(charge.status());
  const absl::Status told = TellEvent(parts, payment_id);
  if (!told.ok()) return ShowProblem(told);
  const bool is_charged = charge->state == server::ChargeState::kCharged;
  return Show(
      200, is_charged ? "Paid" : "Not paid",
      is_charged ? "<p>The account is credited in a moment.</p>" : "<p>Nothing was charged.</p>");
}

}  // namespace

void AddSimulatedPages(const SimulatedPagesParts& parts, Router* routes) {
  // Mails and other pages lead to them; their forms are sent by themselves only.
  const auto add_page = [&](const std::string& path, WaitingHandler show) {
    routes->AddWaiting("GET", path, [origins = parts.origins, show](const Request& request) {
      const absl::Status allowed = origins->CheckName(request);
      return allowed.ok() ? show(request) : TextResponse(403, allowed.message());
    });
  };
  const auto add_form = [&](const std::string& path, WaitingHandler take) {
    routes->AddWaiting("POST", path, [origins = parts.origins, take](const Request& request) {
      const absl::Status allowed = origins->Check(request);
      return allowed.ok() ? take(request) : TextResponse(403, allowed.message());
    });
  };
  const std::string card = absl::StrCat(kSimulatedPages, "/card");
  const std::string confirm = absl::StrCat(kSimulatedPages, "/confirm");
  add_page(card, ShowCards);
  add_form(card, [gateway = parts.gateway](const Request& request) {
    return EnterCard(gateway, request);
  });
  add_page(confirm, AskCustomer);
  add_form(confirm, [parts](const Request& request) { return TakeAnswer(parts, request); });
}

}  // namespace farebox::web
