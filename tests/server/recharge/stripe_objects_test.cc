#include "server/recharge/stripe_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/recharge/json_fields.h"
#include "tests/server/recharge/provider_fixture.h"

namespace farebox::server {
namespace {

using ::nlohmann::json;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kAttempt[] = "attempt-1";

json Payment(const std::string& status) {
  return {{"id", "pi_1"},
          {"object", "payment_intent"},
          {"status", status},
          {"currency", "eur"},
          {"amount_received", status == "succeeded" ? 2'000 : 0},
          {"metadata", {{"attempt_id", kAttempt}}}};
}

json Error(const std::string& type) {
  return {{"error", {{"type", type}, {"message", "No."}, {"payment_intent", {{"id", "pi_1"}}}}}};
}

CardCharge Read(int status, const json& body) {
  return stripe::ChargeOf(stripe::Answer{.status = status, .body = body}, kAttempt);
}

TEST(StripeObjectsTest, EachStatusOfAPaymentHasItsState) {
  json declined = Payment("requires_payment_method");
  declined["last_payment_error"] = {{"code", "card_declined"}, {"decline_code", "lost_card"}};
  json unconfirmed = Payment("requires_payment_method");
  unconfirmed["last_payment_error"] = {{"code", "authentication_required"}};
  json codeless = Payment("requires_payment_method");
  codeless["last_payment_error"] = {{"code", "expired_card"}};
  const struct {
    json payment;
    ChargeState state;
    const char* decline_code;
  } kRows[] = {
      {Payment("succeeded"), ChargeState::kCharged, ""},
      {Payment("requires_action"), ChargeState::kActionRequired, "authentication_required"},
      {declined, ChargeState::kDeclined, "lost_card"},
      {unconfirmed, ChargeState::kActionRequired, "authentication_required"},
      {codeless, ChargeState::kDeclined, "expired_card"},
      {Payment("requires_payment_method"), ChargeState::kPending, ""},
      {Payment("requires_confirmation"), ChargeState::kPending, ""},
      {Payment("processing"), ChargeState::kPending, ""},
      {Payment("requires_capture"), ChargeState::kPending, ""},
      {Payment("canceled"), ChargeState::kDeclined, "payment_cancelled"},
      {Payment("a status of next year"), ChargeState::kUnknown, ""},
  };
  for (const auto& row : kRows) {
    const CardCharge charge = Read(200, row.payment);

    EXPECT_THAT(charge, IsIn(row.state)) << row.payment;
    EXPECT_EQ(charge.decline_code, row.decline_code) << row.payment;
    EXPECT_EQ(charge.payment_id, "pi_1");
  }
}

TEST(StripeObjectsTest, OnlyTheProvidersOwnWordsRefuse) {
  const struct {
    int status;
    json body;
    ChargeState state;
  } kRows[] = {
      {400, Error("invalid_request_error"), ChargeState::kRejected},
      {401, Error("invalid_request_error"), ChargeState::kRejected},
      {403, Error("invalid_request_error"), ChargeState::kRejected},
      {404, Error("invalid_request_error"), ChargeState::kRejected},
      {402, Error("card_error"), ChargeState::kDeclined},
      {400, Error("idempotency_error"), ChargeState::kUnknown},
      {409, Error("invalid_request_error"), ChargeState::kUnknown},
      {429, Error("invalid_request_error"), ChargeState::kUnknown},
      {500, Error("api_error"), ChargeState::kUnknown},
      {503, Error("api_error"), ChargeState::kUnknown},
      {500, Error("card_error"), ChargeState::kUnknown},
      {402, Error("api_error"), ChargeState::kUnknown},
      {200, Error("card_error"), ChargeState::kUnknown},
      {400, json(nullptr), ChargeState::kUnknown},
      {402, json(nullptr), ChargeState::kUnknown},
      {403, json::object(), ChargeState::kUnknown},
      {404, json{{"error", "not found"}}, ChargeState::kUnknown},
      {301, json::object(), ChargeState::kUnknown},
      {0, json(nullptr), ChargeState::kUnknown},
      {201, Payment("succeeded"), ChargeState::kUnknown},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(Read(row.status, row.body), IsIn(row.state)) << row.status << " " << row.body;
  }
}

TEST(StripeObjectsTest, AWrongKeyIsTheOperators) {
  for (const int status : {400, 401, 402, 403, 404}) {
    const CardCharge charge = Read(status, Error(status == 402 ? "card_error" : "invalid_request"));

    EXPECT_EQ(charge.is_misconfigured, status == 401 || status == 403) << status;
  }
}

TEST(StripeObjectsTest, AnotherAttemptsPaymentIsNoAnswer) {
  json payment = Payment("succeeded");
  payment["metadata"]["attempt_id"] = "attempt-2";

  EXPECT_THAT(Read(200, payment), IsIn(ChargeState::kUnknown));
}

TEST(StripeObjectsTest, OnlyAPageOfTheWebIsAPage) {
  for (const char* const url : {"javascript:alert(1)", "http://bank.example", "", "//bank"}) {
    json payment = Payment("requires_action");
    payment["next_action"] = {{"redirect_to_url", {{"url", url}}}};

    EXPECT_THAT(Read(200, payment).action_url, IsEmpty()) << url;
  }
}

TEST(StripeObjectsTest, NamesThatAreNotNamesAreLeftOut) {
  json error = Error("card_error");
  error["error"]["code"] = "card_declined";
  error["error"]["decline_code"] = "<script>";
  error["error"]["advice_code"] = std::string(10'000, 'a');
  error["error"]["payment_intent"]["id"] = "../../x";

  const CardCharge charge = Read(402, error);

  EXPECT_EQ(charge.decline_code, "card_declined");
  EXPECT_THAT(charge.advice_code, IsEmpty());
  EXPECT_THAT(charge.payment_id, IsEmpty());
}

// Every way in which one value of a good answer can be missing or of another kind.
TEST(StripeObjectsTest, ADamagedSuccessIsTheSameSuccessOrUnknown) {
  const json good = Payment("succeeded");
  const CardCharge expected = Read(200, good);
  const json others[] = {json(nullptr), json(true), json(-1),  json(1e300),   json(UINT64_MAX),
                         json("x"),     json(""),   json({1}), json::object()};
  int unknown = 0;
  for (const auto& [name, value] : good.items()) {
    std::vector<json> damaged = {good};
    damaged[0].erase(name);
    for (const json& other : others) {
      damaged.push_back(good);
      damaged.back()[name] = other;
    }
    for (const json& answer : damaged) {
      const CardCharge charge = Read(200, answer);
      if (charge.state == ChargeState::kUnknown) {
        ++unknown;
        continue;
      }
      EXPECT_THAT(charge, IsIn(expected.state)) << answer;
      EXPECT_EQ(charge.amount, expected.amount) << answer;
      EXPECT_EQ(charge.currency_code, expected.currency_code) << answer;
    }
  }
  EXPECT_GE(unknown, 50);
}

TEST(StripeObjectsTest, ACutAnswerIsUnknownWhereverItIsCut) {
  const std::string whole = Payment("succeeded").dump();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(Read(200, ParseJson(whole.substr(0, size))), IsIn(ChargeState::kUnknown)) << size;
  }
  EXPECT_THAT(Read(200, ParseJson(whole)), IsIn(ChargeState::kCharged));
}

json AnyJson(std::mt19937_64& random, int depth) {
  const std::string words[] = {"id",     "object", "payment_intent",  "status", "succeeded",
                               "error",  "type",   "card_error",      "code",   "metadata",
                               "refund", "data",   "amount_received", "eur",    "attempt_id"};
  const auto word = [&] { return words[random() % std::size(words)]; };
  switch (random() % (depth == 0 ? 5 : 8)) {
    case 0:
      return nullptr;
    case 1:
      return static_cast<int64_t>(random());
    case 2:
      return static_cast<double>(random());
    case 3:
    case 4:
      return word();
    case 5: {
      json array = json::array();
      for (uint64_t i = random() % 4; i > 0; --i) array.push_back(AnyJson(random, depth - 1));
      return array;
    }
    default: {
      json object = json::object();
      for (uint64_t i = random() % 8; i > 0; --i) object[word()] = AnyJson(random, depth - 1);
      return object;
    }
  }
}

TEST(StripeObjectsTest, AnyJsonIsUnknownAndNoCrash) {
  std::mt19937_64 random(20'261'123);  // NOLINT(cert-msc51-cpp): the same each time
  for (int i = 0; i < 20'000; ++i) {
    const json body = AnyJson(random, 4);
    const std::string text = body.dump();

    ASSERT_THAT(Read(200, body), IsIn(ChargeState::kUnknown)) << text;
    ASSERT_THAT(Read(500, body), IsIn(ChargeState::kUnknown)) << text;
    (void)Read(402, body);
    (void)stripe::StatusOf({.status = 404, .body = body});
    (void)stripe::CardOf(body, "cus_1");
    (void)stripe::EventOf(text);
  }
}

TEST(StripeObjectsTest, AnyBytesAreUnknownAndNoCrash) {
  std::mt19937_64 random(20'261'124);  // NOLINT(cert-msc51-cpp): the same each time
  const std::string good = Payment("requires_action").dump();
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (uint64_t changes = 1 + random() % 4; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    ASSERT_THAT(Read(200, ParseJson(bytes)), Not(IsIn(ChargeState::kCharged))) << bytes;
    (void)stripe::EventOf(bytes);
  }
}

TEST(StripeObjectsTest, DeepNestingIsNoCrash) {
  EXPECT_THAT(Read(200, ParseJson(std::string(1'000'000, '['))), IsIn(ChargeState::kUnknown));
  std::string deep(200'000, '[');
  deep.append(200'000, ']');
  EXPECT_THAT(Read(200, ParseJson(deep)), IsIn(ChargeState::kUnknown));
}

std::string Event(const std::string& type, const json& object) {
  return json({{"id", "evt_1"}, {"type", type}, {"data", {{"object", object}}}}).dump();
}

TEST(StripeObjectsTest, MoneyThatGoesBackIsToldOncePerCause) {
  using Kind = PaymentEvent::Kind;
  const json dispute = {
      {"id", "dp_1"}, {"payment_intent", "pi_1"}, {"currency", "eur"}, {"amount", 2'000}};
  json refund = dispute;
  refund["id"] = "re_1";
  refund["payment_intent"] = {{"id", "pi_1"}};
  refund["metadata"] = {{"refund_id", "r-1"}};
  json cancelled = refund;
  cancelled["status"] = "canceled";
  const struct {
    const char* type;
    json object;
    Kind kind;
    const char* cause;
    const char* refund_id;
  } kRows[] = {
      {"charge.dispute.funds_withdrawn", dispute, Kind::kMoneyBack, "dp_1", ""},
      {"charge.dispute.funds_reinstated", dispute, Kind::kMoneyBackUndone, "dp_1", ""},
      {"refund.created", refund, Kind::kMoneyBack, "re_1", "r-1"},
      {"refund.failed", refund, Kind::kMoneyBackUndone, "re_1", "r-1"},
      {"refund.updated", cancelled, Kind::kMoneyBackUndone, "re_1", "r-1"},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<PaymentEvent> event = stripe::EventOf(Event(row.type, row.object));

    ASSERT_THAT(event, IsOk()) << row.type;
    EXPECT_EQ(event->kind, row.kind) << row.type;
    EXPECT_EQ(event->cause_id, row.cause) << row.type;
    EXPECT_EQ(event->refund_id, row.refund_id) << row.type;
    EXPECT_EQ(event->charge.payment_id, "pi_1") << row.type;
    EXPECT_EQ(event->charge.amount, Micros(20'000'000)) << row.type;
    EXPECT_EQ(event->charge.currency_code, "EUR") << row.type;
  }
}

TEST(StripeObjectsTest, AnEventOfNoConcernIsTakenAndOneThatCannotBeReadIsNot) {
  EXPECT_EQ(stripe::EventOf(Event("customer.created", json::object()))->kind,
            PaymentEvent::Kind::kOther);
  EXPECT_EQ(stripe::EventOf(Event("refund.updated", {{"status", "succeeded"}}))->kind,
            PaymentEvent::Kind::kOther);
  for (const std::string& body : {std::string(), std::string("[]"), std::string("{}"),
                                  Event("refund.created", {{"id", "re_1"}})}) {
    EXPECT_THAT(stripe::EventOf(body), HasCode(absl::StatusCode::kInvalidArgument)) << body;
  }
}

}  // namespace
}  // namespace farebox::server
