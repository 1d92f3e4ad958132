#include "tests/server/recharge/fake_stripe.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/recharge/json_fields.h"
#include "server/recharge/simulated_cards.h"

namespace farebox::server {
namespace {

using ::nlohmann::json;
using Outcome = SimulatedCard::Outcome;
using Fields = std::map<std::string, std::string>;

// Small, so that lists have several pages.
constexpr size_t kPageSize = 2;

// Of a charge, in the currency's smallest unit: what it is for most.
constexpr int64_t kAmountMin = 50;

std::string Decode(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    int byte = 0;
    if (text[i] == '%' && absl::SimpleHexAtoi(text.substr(i + 1, 2), &byte)) {
      decoded.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

Fields FieldsOf(absl::string_view form) {
  Fields fields;
  for (const absl::string_view field : absl::StrSplit(form, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(field, '=');
    fields[Decode(parts.first)] = Decode(parts.second);
  }
  return fields;
}

std::string At(const Fields& fields, const std::string& name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

int64_t NumberAt(const Fields& fields, const std::string& name, int64_t otherwise) {
  int64_t number = 0;
  return absl::SimpleAtoi(At(fields, name), &number) ? number : otherwise;
}

// {"attempt_id": ...} of "metadata[attempt_id]".
json MetadataOf(const Fields& fields) {
  json metadata = json::object();
  for (const auto& [name, value] : fields) {
    absl::string_view key = name;
    if (absl::ConsumePrefix(&key, "metadata[") && absl::ConsumeSuffix(&key, "]")) {
      metadata[std::string(key)] = value;
    }
  }
  return metadata;
}

StubAnswer Ok(const json& object) { return {.status = 200, .body = object.dump()}; }

StubAnswer CardError(const json& payment) {
  json error = payment["last_payment_error"];
  error["payment_intent"] = payment;
  return {.status = 402, .body = json({{"error", error}}).dump()};
}

json CardErrorOf(const SimulatedCard& card) {
  json error = {{"type", "card_error"}, {"message", "Your card was declined."}};
  if (card.outcome == Outcome::kActionRequired) {
    error["code"] = "authentication_required";
    error["decline_code"] = "authentication_required";
  } else {
    error["code"] = "card_declined";
    error["decline_code"] = std::string(card.decline_code);
  }
  return error;
}

StubAnswer NoSuch(const std::string& what) {
  return StripeError(404, "invalid_request_error", absl::StrCat("No such ", what));
}

StubAnswer AlreadyRefunded() {
  return {.status = 400,
          .body = json({{"error",
                         {{"type", "invalid_request_error"},
                          {"code", "charge_already_refunded"},
                          {"message", "Charge has already been refunded."}}}})
                      .dump()};
}

json* FindIn(std::vector<json>* objects, const std::string& id) {
  for (json& object : *objects) {
    if (object["id"] == id) return &object;
  }
  return nullptr;
}

// A page of a list, newest first, as `query` wants it.
StubAnswer Page(const std::vector<json>& objects, const Fields& query, const char* filter) {
  const std::string after = At(query, "starting_after");
  const std::string wanted = At(query, filter);
  json page = json::array();
  bool is_after = after.empty();
  bool has_more = false;
  for (auto object = objects.rbegin(); object != objects.rend(); ++object) {
    const int64_t created = object->value("created", int64_t{0});
    const bool is_wanted = (wanted.empty() || object->value(filter, "") == wanted) &&
                           created >= NumberAt(query, "created[gte]", INT64_MIN) &&
                           created < NumberAt(query, "created[lt]", INT64_MAX);
    if (is_wanted && is_after) {
      has_more = page.size() == kPageSize;
      if (has_more) break;
      page.push_back(*object);
    }
    is_after = is_after || (*object)["id"] == after;
  }
  return Ok({{"object", "list"}, {"data", page}, {"has_more", has_more}});
}

}  // namespace

StubAnswer StripeError(int status, const std::string& type, const std::string& message) {
  return {.status = status,
          .body = json({{"error", {{"type", type}, {"message", message}}}}).dump()};
}

FakeStripe::FakeStripe(Clock* clock)
    : clock_(clock), server_(std::make_unique<StubServer>([this](const StubRequest& request) {
        return Handle(request);
      })) {}

StripeGateway::Options FakeStripe::GatewayOptions() const {
  return {.base_url = url(),
          .secret_key = kFakeStripeKey,
          .webhook_secret = kFakeWebhookSecret,
          .return_url = "https://farebox.example/confirmed"};
}

void FakeStripe::AnswerInstead(StubAnswer answer) {
  MutexLock lock(&mu_);
  faults_.push_back({.has_effect = false, .answer = std::move(answer)});
}

void FakeStripe::AnswerAfterwards(StubAnswer answer) {
  MutexLock lock(&mu_);
  faults_.push_back({.has_effect = true, .answer = std::move(answer)});
}

void FakeStripe::ClearFaults() {
  MutexLock lock(&mu_);
  faults_.clear();
}

void FakeStripe::HoldUp(std::function<void()> wait) {
  MutexLock lock(&mu_);
  wait_ = std::move(wait);
}

void FakeStripe::RefuseRefunds(bool are_refused) {
  MutexLock lock(&mu_);
  refunds_are_refused_ = are_refused;
}

void FakeStripe::ForgetKeys() {
  MutexLock lock(&mu_);
  kept_.clear();
}

size_t FakeStripe::refund_count() {
  MutexLock lock(&mu_);
  return refunds_.size();
}

void FakeStripe::EnterCard(const std::string& session_id, const std::string& token) {
  MutexLock lock(&mu_);
  json& session = sessions_.at(session_id);
  const SimulatedCard* const card = FindSimulatedCard(token);
  const std::string id = NewId("pm");
  cards_[id] = {{"id", id},
                {"object", "payment_method"},
                {"customer", session["customer"]},
                {"card",
                 {{"brand", std::string(card->brand)},
                  {"last4", std::string(card->last_four)},
                  {"exp_month", 12},
                  {"exp_year", 2040}}},
                {"test_token", token}};
  session["status"] = "complete";
  session["setup_intent"] = {{"status", "succeeded"}, {"payment_method", cards_[id]}};
}

void FakeStripe::Confirm(const std::string& payment_id) {
  MutexLock lock(&mu_);
  json* const payment = FindIn(&payments_, payment_id);
  (*payment)["status"] = "succeeded";
  (*payment)["amount_received"] = (*payment)["amount"];
}

StubAnswer FakeStripe::Handle(const StubRequest& request) {
  std::function<void()> wait;
  {
    MutexLock lock(&mu_);
    wait = wait_;
  }
  wait();
  MutexLock lock(&mu_);
  std::optional<Fault> fault;
  if (!faults_.empty()) {
    fault = std::move(faults_.front());
    faults_.pop_front();
    if (!fault->has_effect) return fault->answer;
  }
  if (request.Header("authorization") != absl::StrCat("Bearer ", kFakeStripeKey)) {
    return StripeError(401, "invalid_request_error", "Invalid API Key provided: sk_test_****");
  }
  const StubAnswer answer = Keyed(request);
  return fault.has_value() ? fault->answer : answer;
}

StubAnswer FakeStripe::Keyed(const StubRequest& request) {
  const std::string key = request.Header("idempotency-key");
  if (key.empty()) return Route(request);
  const std::string content = absl::StrCat(request.target, "\n", request.body);
  const auto kept = kept_.find(key);
  if (kept == kept_.end()) {
    StubAnswer answer = Route(request);
    StubAnswer& again = kept_[key].answer;
    kept_[key].request = content;
    again = answer;
    again.ending = StubAnswer::Ending::kWhole;
    again.headers.emplace_back("Idempotent-Replayed: true");
    return answer;
  }
  if (kept->second.request == content) return kept->second.answer;
  return StripeError(400, "idempotency_error", "Keys can only be used with the same parameters");
}

StubAnswer FakeStripe::Route(const StubRequest& request) {
  const std::pair<std::string, std::string> target = absl::StrSplit(request.target, '?');
  const Fields query = FieldsOf(target.second);
  const Fields form = FieldsOf(request.body);
  const std::vector<std::string> path = absl::StrSplit(target.first, '/');
  const std::string kind = path.size() > 2 ? path[2] : "";
  const std::string id = path.size() > 3 ? path[3] : "";
  const std::string action = path.size() > 4 ? path[4] : "";
  const bool is_post = request.method == "POST";
  if (kind == "payment_intents") {
    if (!id.empty()) return RoutePayment(request.method, id, action);
    return is_post ? MakePayment(form) : Page(payments_, query, "customer");
  }
  if (kind == "refunds")
    return is_post ? MakeRefund(form) : Page(refunds_, query, "payment_intent");
  if (kind == "customers") return Ok({{"id", NewId("cus")}, {"object", "customer"}});
  if (kind == "payment_methods") return RouteCard(id, action);
  if (kind == "checkout" && is_post) return MakeSession(form);
  const auto session = sessions_.find(action);
  return session == sessions_.end() ? NoSuch("checkout.session") : Ok(session->second);
}

StubAnswer FakeStripe::RoutePayment(absl::string_view method, const std::string& id,
                                    absl::string_view action) {
  json* const payment = FindIn(&payments_, id);
  if (payment == nullptr) return NoSuch("payment_intent");
  if (method == "GET") return Ok(*payment);
  const json status = (*payment)["status"];
  if (status != "requires_payment_method" && status != "requires_action") {
    return StripeError(400, "invalid_request_error", "This PaymentIntent has another status");
  }
  if (action == "cancel") {
    (*payment)["status"] = "canceled";
  } else {
    (*payment)["status"] = "requires_action";
    (*payment)["next_action"] = {
        {"redirect_to_url", {{"url", absl::StrCat("https://bank.example/", id)}}}};
  }
  return Ok(*payment);
}

StubAnswer FakeStripe::MakePayment(const Fields& form) {
  const std::string method = At(form, "payment_method");
  const auto registered = cards_.find(method);
  const bool is_registered = registered != cards_.end();
  const SimulatedCard* const card =
      FindSimulatedCard(is_registered ? registered->second.value("test_token", "") : method);
  if (card == nullptr) return NoSuch("PaymentMethod");
  if (is_registered && registered->second["customer"] != At(form, "customer")) {
    return StripeError(400, "invalid_request_error", "The PaymentMethod is not the Customer's");
  }
  const int64_t amount = NumberAt(form, "amount", 0);
  if (amount < kAmountMin) {
    return StripeError(400, "invalid_request_error", "Amount must be at least 50 cents");
  }
  json payment = {{"id", NewId("pi")},
                  {"object", "payment_intent"},
                  {"amount", amount},
                  {"amount_received", 0},
                  {"currency", At(form, "currency")},
                  {"customer", At(form, "customer")},
                  {"created", absl::ToUnixSeconds(clock_->Now())},
                  {"metadata", MetadataOf(form)},
                  {"status", "succeeded"}};
  const bool is_refused =
      card->outcome == Outcome::kDeclined || card->outcome == Outcome::kActionRequired;
  if (is_refused) {
    payment["status"] = "requires_payment_method";
    payment["last_payment_error"] = CardErrorOf(*card);
  } else {
    payment["amount_received"] = payment["amount"];
  }
  payments_.push_back(payment);
  StubAnswer answer = is_refused ? CardError(payment) : Ok(payment);
  if (card->outcome == Outcome::kAnswerLost) answer.ending = StubAnswer::Ending::kNothing;
  return answer;
}

StubAnswer FakeStripe::MakeRefund(const Fields& form) {
  const json* const payment = FindIn(&payments_, At(form, "payment_intent"));
  if (payment == nullptr) return NoSuch("payment_intent");
  int64_t left = payment->value("amount_received", int64_t{0});
  for (const json& refund : refunds_) {
    if (refund["payment_intent"] == (*payment)["id"]) left -= refund["amount"].get<int64_t>();
  }
  if (refunds_are_refused_) {
    return StripeError(400, "invalid_request_error", "Insufficient funds in your Stripe balance");
  }
  if (left == 0) return AlreadyRefunded();
  const int64_t amount = NumberAt(form, "amount", 0);
  if (amount > left) {
    return StripeError(400, "invalid_request_error", "Refund amount is greater than unrefunded");
  }
  refunds_.push_back({{"id", NewId("re")},
                      {"object", "refund"},
                      {"amount", amount},
                      {"payment_intent", (*payment)["id"]},
                      {"metadata", MetadataOf(form)},
                      {"status", "succeeded"}});
  return Ok(refunds_.back());
}

StubAnswer FakeStripe::MakeSession(const Fields& form) {
  const std::string id = NewId("cs_test");
  sessions_[id] = {{"id", id},
                   {"object", "checkout.session"},
                   {"customer", At(form, "customer")},
                   {"metadata", MetadataOf(form)},
                   {"setup_intent", {{"status", "requires_payment_method"}}},
                   {"status", "open"},
                   {"url", absl::StrCat("https://checkout.example/", id)}};
  return Ok(sessions_[id]);
}

StubAnswer FakeStripe::RouteCard(const std::string& id, absl::string_view action) {
  const auto card = cards_.find(id);
  if (card == cards_.end()) return NoSuch("PaymentMethod");
  if (action == "detach") {
    if (card->second["customer"].is_null()) {
      return StripeError(400, "invalid_request_error", "The payment method is not attached");
    }
    card->second["customer"] = nullptr;
    for (auto& [session_id, session] : sessions_) {
      json& intent = session["setup_intent"];
      if (intent.value("/payment_method/id"_json_pointer, "") == id) {
        intent["payment_method"] = card->second;
      }
    }
  }
  return Ok(card->second);
}

std::string FakeStripe::NewId(absl::string_view prefix) {
  return absl::StrCat(prefix, "_", ++last_id_);
}

}  // namespace farebox::server
