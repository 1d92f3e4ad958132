#include "server/web/json_message.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "farebox/v1/account.pb.h"
#include "farebox/v1/billing.pb.h"
#include "farebox/v1/rate.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "storage/errors.h"

namespace farebox::web {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::AllOf;
using ::testing::HasSubstr;

template <typename Message>
Message Text(const char* text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

v1::CreditRequest Credit(absl::string_view amount) {
  v1::CreditRequest request;
  const absl::Status read = ReadJson(absl::StrCat("{\"amount_micros\":", amount, "}"), &request);
  EXPECT_TRUE(read.ok()) << read << " for " << amount;
  return request;
}

TEST(ReadJsonTest, ReadsEveryKindOfField) {
  v1::AuthorizeRequest call;
  ASSERT_TRUE(ReadJson(R"({"account_id": "a", "requested_seconds": 60, "usage": {"call":
                           {"direction": "DIRECTION_OUTBOUND", "from": "\u002b12", "to": "+44"}}})",
                       &call)
                  .ok());
  EXPECT_TRUE(MessageDifferencer::Equals(
      call, Text<v1::AuthorizeRequest>("account_id: 'a' requested_seconds: 60 usage { call { "
                                       "direction: DIRECTION_OUTBOUND from: '+12' to: '+44' } }")));

  v1::UpdateAccountRequest update;
  ASSERT_TRUE(ReadJson(R"({"account": {"metadata": {"a": "1", "b": "2"}, "blockedPrefixes":
                           ["900", "901"]}, "update_mask": "lowBalanceThresholdMicros,email"})",
                       &update)
                  .ok());
  EXPECT_EQ(update.account().metadata().at("b"), "2");
  EXPECT_EQ(update.account().blocked_prefixes(1), "901");
  EXPECT_EQ(update.update_mask().paths(0), "low_balance_threshold_micros");

  v1::ListActivityRequest activity;
  ASSERT_TRUE(
      ReadJson(R"({"from_time": "2026-01-02T03:04:05.5Z", "items": [1, "ITEM_REFUND"]})", &activity)
          .ok());
  EXPECT_EQ(activity.from_time().nanos(), 500'000'000);
  EXPECT_EQ(activity.items_size(), 2);
}

TEST(ReadJsonTest, TakesNamesEitherWay) {
  v1::CreditRequest snake;
  v1::CreditRequest camel;

  ASSERT_TRUE(ReadJson(R"({"account_id": "a", "request_id": "b"})", &snake).ok());
  ASSERT_TRUE(ReadJson(R"({"accountId": "a", "requestId": "b"})", &camel).ok());

  EXPECT_TRUE(MessageDifferencer::Equals(snake, camel));
}

TEST(ReadJsonTest, TakesAmountsAsDigits) {
  EXPECT_EQ(Credit("\"12\"").amount_micros(), 12);
  EXPECT_EQ(Credit("12").amount_micros(), 12);
  EXPECT_EQ(Credit("\"0\"").amount_micros(), 0);
  EXPECT_EQ(Credit("\"-7\"").amount_micros(), -7);
  EXPECT_EQ(Credit("-7").amount_micros(), -7);
  EXPECT_EQ(Credit("null").amount_micros(), 0);
  EXPECT_EQ(Credit("9007199254740992").amount_micros(), 9'007'199'254'740'992);
  EXPECT_EQ(Credit("\"9223372036854775807\"").amount_micros(), INT64_MAX);
  EXPECT_EQ(Credit("\"-9223372036854775808\"").amount_micros(), INT64_MIN);
}

TEST(ReadJsonTest, RefusesAmountsThatAreWrittenOtherwise) {
  for (const char* const amount : {"NaN",
                                   "Infinity",
                                   "-Infinity",
                                   "1e3",
                                   "\"1e3\"",
                                   "0x10",
                                   "\"0x10\"",
                                   "1.5",
                                   "\"1.5\"",
                                   "1.0",
                                   "\"1.0\"",
                                   "\"١٢\"",
                                   "\"１２\"",
                                   "\"+5\"",
                                   "+5",
                                   "\" 5\"",
                                   "\"5 \"",
                                   "\"5\\n\"",
                                   "\"\"",
                                   "\"-\"",
                                   "\"-0\"",
                                   "\"05\"",
                                   "05",
                                   "\"5,000\"",
                                   "\"5_000\"",
                                   "9007199254740993",
                                   "-9007199254740993",
                                   "18446744073709551615",
                                   "99999999999999999999999",
                                   "\"9223372036854775808\"",
                                   "\"-9223372036854775809\"",
                                   "true",
                                   "[1]",
                                   "[]",
                                   "{}",
                                   "\"twelve\"",
                                   "\"5\\u0000\""}) {
    v1::CreditRequest request;
    const absl::Status read = ReadJson(absl::StrCat("{\"amount_micros\":", amount, "}"), &request);

    ASSERT_TRUE(absl::IsInvalidArgument(read)) << amount << " " << read;
    EXPECT_EQ(GetErrorDetail(read)->reason, Reason::kFieldInvalid);
  }
}

TEST(ReadJsonTest, NamesTheFieldThatIsWrong) {
  const struct {
    const char* json;
    const char* problem;
  } kRows[] = {
      {R"({"usage": {"call": {"to": 5}}})", "usage.call.to: must not be a number"},
      {R"({"usage": {"call": {"direction": "UP"}}})",
       "usage.call.direction: must be one of the Direction"},
      {R"({"usage": {"call": {"too": ""}}})", "usage.call: has no field too"},
      {R"({"usage": {"call": {}, "text": {}}})", "usage.text: and call exclude each other"},
      {R"({"usage": []})", "usage: must not be a JSON array"},
      {R"({"usage": "x"})", "usage: must be a JSON object"},
      {R"({"account_id": {}})", "account_id: must not be a JSON object"},
      {R"({"account_id": true})", "account_id: must not be a truth value"},
      {R"({"account_id": "a", "account_id": "b"})", "account_id: comes twice"},
      {R"({"account_id": "a", "accountId": "b"})", "account_id: comes twice"},
      {R"({"account_id": null, "account_id": "b"})", "account_id: comes twice"},
      {R"({"<script>": 1})", "request: has a field that is unknown"},
      {R"([])", "request: must be a JSON object"},
      {R"("x")", "request: must be a JSON object"},
      {R"(null)", "request: must be a JSON object"},
      {R"(1)", "request: must be a JSON object"},
  };
  for (const auto& row : kRows) {
    v1::AuthorizeRequest request;
    EXPECT_THAT(ReadJson(row.json, &request).message(), HasSubstr(row.problem)) << row.json;
  }
  v1::ApplyBatchRequest batch;
  EXPECT_THAT(
      ReadJson(R"({"operations": [{}, {"credit": {"amount_micros": 1.5}}]})", &batch).message(),
      HasSubstr("operations[1].credit.amount_micros: must be a whole number"));
  v1::CreateAccountRequest create;
  EXPECT_THAT(ReadJson(R"({"account": {"metadata": {"a": "", "a": ""}}})", &create).message(),
              HasSubstr("account.metadata[0]: comes twice"));
  EXPECT_THAT(ReadJson(R"({"account": {"blocked_prefixes": [null]}})", &create).message(),
              HasSubstr("account.blocked_prefixes[0]: must not be null"));
}

TEST(ReadJsonTest, RefusesWhatIsNoJson) {
  const std::string deep = absl::StrCat("{\"usage\":", std::string(10'000, '['));
  const std::string nested = absl::StrCat(std::string(10'000, '{'), "");
  for (const std::string& json :
       {std::string(""), std::string(" "), std::string("{"), std::string("{}{}"),
        std::string("{} x"), std::string("\xef\xbb\xbf{}"), std::string("{\"account_id\":\"a\",}"),
        std::string("{'account_id':'a'}"), std::string("{account_id:\"a\"}"),
        std::string("{\"account_id\":\"a\xff\"}"), std::string("{\"account_id\":\"\\ud800\"}"),
        std::string("{\"account_id\":\"a\nb\"}"), std::string("// x\n{}"), std::string("{}\0", 3),
        std::string("nul"), std::string("{\"account_id\" \"a\"}"), deep, nested}) {
    v1::AuthorizeRequest request;
    EXPECT_TRUE(absl::IsInvalidArgument(ReadJson(json, &request))) << json.substr(0, 80);
  }
}

TEST(ReadJsonTest, TakesBytesAsBase64) {
  for (const char* const text : {"+/8=", "+/8", "-_8=", "-_8"}) {
    v1::ImportRatesRequest request;
    ASSERT_TRUE(ReadJson(absl::StrCat("{\"csv\":\"", text, "\"}"), &request).ok()) << text;
    EXPECT_EQ(request.csv(), "\xfb\xff") << text;
  }
  v1::ImportRatesRequest request;
  EXPECT_FALSE(ReadJson(R"({"csv": "a*b"})", &request).ok());
}

TEST(WriteJsonTest, WritesWhatProtobufDoes) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  google::rpc::Status status = Text<google::rpc::Status>("code: 3 message: 'a \"b\" \\\\ c'");
  google::rpc::ErrorInfo info =
      Text<google::rpc::ErrorInfo>("reason: 'X' metadata { key: 'field' value: 'usage' }");
  status.add_details()->PackFrom(info);
  google::rpc::RetryInfo retry = Text<google::rpc::RetryInfo>("retry_delay { nanos: 50000000 }");
  status.add_details()->PackFrom(retry);
  const v1::AuthorizeResponse call = Text<v1::AuthorizeResponse>(
      "decision: DECISION_GRANTED hold_id: 12 granted_seconds: 60 final: true "
      "expire_time { seconds: 1767225600 nanos: 1000 } price { prefix: '44' }");
  const v1::ListActivityRequest activity =
      Text<v1::ListActivityRequest>("items: ITEM_REFUND items: 99 from_time { seconds: 1 }");
  const v1::UpdateAccountRequest update = Text<v1::UpdateAccountRequest>(
      "account { account_id: 'ä\\n\\t\\001' } update_mask { paths: 'low_balance_threshold_micros' "
      "}");
  for (const google::protobuf::Message* const message :
       std::initializer_list<const google::protobuf::Message*>{&status, &call, &activity,
                                                               &update}) {
    std::string wanted;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(*message, &wanted, options).ok());

    // Escapes may differ, what is said may not.
    const std::unique_ptr<google::protobuf::Message> read(message->New());
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(WriteJson(*message), read.get()).ok())
        << WriteJson(*message);
    EXPECT_TRUE(MessageDifferencer::Equals(*read, *message)) << WriteJson(*message);
    EXPECT_EQ(WriteJson(*message).size(), wanted.size()) << WriteJson(*message) << wanted;
  }
}

TEST(WriteJsonTest, ReadsBackWhatItWrites) {
  v1::ApplyBatchRequest batch = Text<v1::ApplyBatchRequest>(
      "operations { credit { account_id: 'a' amount_micros: 9223372036854775807 } } "
      "operations { release { hold_id: -1 } }");
  v1::ApplyBatchRequest again;

  ASSERT_TRUE(ReadJson(WriteJson(batch), &again).ok());

  EXPECT_TRUE(MessageDifferencer::Equals(batch, again));
}

TEST(WriteJsonTest, WritesLargeNumbersAsStrings) {
  const v1::GetBalanceResponse balance = Text<v1::GetBalanceResponse>("balance_micros: 5");

  EXPECT_EQ(WriteJson(balance), R"({"balance_micros":"5"})");
}

}  // namespace
}  // namespace farebox::web
