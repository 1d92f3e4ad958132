// Hostile input, RPC by RPC: refused with the field that is to blame, and nothing is done. For ids
// see every_rpc_test.cc.

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;
using ::testing::AllOf;

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

// One way to spoil a request.
template <typename Request>
struct BadField {
  std::string name;
  std::string field;  // The one to blame.
  void (*spoil)(Request&);
};

class BadInput : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    OpenAccount("alice", 1'000'000);
    hold_id_ = AuthorizeCall("alice", "hold", 60)->hold_id();
  }

  int64_t Entries() { return Send<v1::GetStatusRequest>("")->entries(); }

  // Each spoiled request is refused and changes nothing; the request itself is not refused.
  template <typename Request>
  void ExpectRefused(const Request& good, const std::vector<BadField<Request>>& bad_fields) {
    const int64_t entries = Entries();
    for (const BadField<Request>& bad : bad_fields) {
      Request request = good;
      bad.spoil(request);
      EXPECT_THAT(Send(request), BlamesField(bad.field)) << bad.name;
    }
    EXPECT_EQ(Entries(), entries);
    EXPECT_TRUE(Send(good).status.ok());
  }

  v1::AuthorizeRequest GoodAuthorize() {
    return Parse<v1::AuthorizeRequest>(
        "account_id: 'alice' request_id: '{\"json\": \"; DROP TABLE\"}' requested_seconds: 60 "
        "usage { call { direction: DIRECTION_OUTBOUND from: 'sip-user' to: '+12025550123' } }");
  }
  v1::ReauthorizeRequest GoodReauthorize() {
    return Parse<v1::ReauthorizeRequest>(absl::StrCat(
        "account_id: 'alice' request_id: 'r' requested_seconds: 60 hold_id: ", hold_id_));
  }
  v1::DebitRequest GoodTextDebit() {
    return Parse<v1::DebitRequest>(
        "account_id: 'alice' request_id: 't' usage { text { direction: DIRECTION_OUTBOUND "
        "from: 'My Shop' to: '+12025550123' body: 'hello' } }");
  }
  v1::DebitRequest GoodDebit() {
    return Parse<v1::DebitRequest>(
        "account_id: 'alice' request_id: 'd' amount_micros: 1 item: ITEM_ADJUSTMENT");
  }
  v1::DebitRequest GoodSettlement() {
    return Parse<v1::DebitRequest>(absl::StrCat(
        "account_id: 'alice' request_id: 's' settlement { used_seconds: 30 hold_id: ", hold_id_,
        " }"));
  }
  v1::ReleaseRequest GoodRelease() {
    return Parse<v1::ReleaseRequest>(
        absl::StrCat("account_id: 'alice' request_id: 'rel' hold_id: ", hold_id_));
  }
  v1::CreditRequest GoodCredit() {
    return Parse<v1::CreditRequest>(
        "account_id: 'alice' request_id: 'c' amount_micros: 1 reason: CREDIT_REASON_PROMOTION");
  }

  int64_t hold_id_ = 0;
};

TEST_F(BadInput, AuthorizeNamesTheFieldToBlame) {
  using R = v1::AuthorizeRequest;
  ExpectRefused<R>(
      GoodAuthorize(),
      {{"no usage", "usage", [](R& r) { r.clear_usage(); }},
       {"empty usage", "usage", [](R& r) { r.mutable_usage()->clear_call(); }},
       {"no direction", "usage.call.direction",
        [](R& r) { r.mutable_usage()->mutable_call()->clear_direction(); }},
       {"direction 99", "usage.call.direction",
        [](R& r) {
          r.mutable_usage()->mutable_call()->set_direction(static_cast<v1::Direction>(99));
        }},
       {"direction -1", "usage.call.direction",
        [](R& r) {
          r.mutable_usage()->mutable_call()->set_direction(static_cast<v1::Direction>(-1));
        }},
       {"no from", "usage.call.from",
        [](R& r) { r.mutable_usage()->mutable_call()->clear_from(); }},
       {"no to", "usage.call.to", [](R& r) { r.mutable_usage()->mutable_call()->clear_to(); }},
       {"a plus alone", "usage.call.to",
        [](R& r) { r.mutable_usage()->mutable_call()->set_to("+"); }},
       {"too many digits", "usage.call.to",
        [](R& r) { r.mutable_usage()->mutable_call()->set_to("+1234567890123456"); }},
       {"letters after a plus", "usage.call.to",
        [](R& r) { r.mutable_usage()->mutable_call()->set_to("+1202555ABCD"); }},
       {"a space", "usage.call.to",
        [](R& r) { r.mutable_usage()->mutable_call()->set_to("1 202"); }},
       {"too long", "usage.call.to",
        [](R& r) { r.mutable_usage()->mutable_call()->set_to(std::string(65, '1')); }},
       {"full-width digits", "usage.call.to",
        [](R& r) { r.mutable_usage()->mutable_call()->set_to("\xEF\xBC\x91"); }},
       {"no seconds", "requested_seconds", [](R& r) { r.clear_requested_seconds(); }},
       {"negative seconds", "requested_seconds", [](R& r) { r.set_requested_seconds(-1); }},
       {"more than a day", "requested_seconds", [](R& r) { r.set_requested_seconds(86'401); }},
       {"the most seconds", "requested_seconds", [](R& r) { r.set_requested_seconds(kMax); }},
       {"negative ttl", "hold_ttl_seconds", [](R& r) { r.set_hold_ttl_seconds(-1); }},
       {"ttl of more than a day", "hold_ttl_seconds", [](R& r) { r.set_hold_ttl_seconds(86'401); }},
       {"seconds of a text", "requested_seconds", [](R& r) {
          r.mutable_usage()->mutable_text()->set_direction(v1::DIRECTION_OUTBOUND);
          r.mutable_usage()->mutable_text()->set_from("1");
          r.mutable_usage()->mutable_text()->set_to("1");
          r.mutable_usage()->mutable_text()->set_segments(1);
        }}});
}

TEST_F(BadInput, ReauthorizeNamesTheFieldToBlame) {
  using R = v1::ReauthorizeRequest;
  ExpectRefused<R>(
      GoodReauthorize(),
      {{"no hold", "hold_id", [](R& r) { r.clear_hold_id(); }},
       {"negative hold", "hold_id", [](R& r) { r.set_hold_id(kMin); }},
       {"negative use", "used_seconds", [](R& r) { r.set_used_seconds(-1); }},
       {"the most use", "used_seconds", [](R& r) { r.set_used_seconds(kMax); }},
       {"no seconds", "requested_seconds", [](R& r) { r.clear_requested_seconds(); }},
       {"the least seconds", "requested_seconds", [](R& r) { r.set_requested_seconds(kMin); }},
       {"ttl", "hold_ttl_seconds", [](R& r) { r.set_hold_ttl_seconds(kMax); }}});
}

TEST_F(BadInput, DebitOfAnAmountNamesTheFieldToBlame) {
  using R = v1::DebitRequest;
  ExpectRefused<R>(
      GoodDebit(),
      {{"no charge", "charge", [](R& r) { r.clear_charge(); }},
       {"nothing", "amount_micros", [](R& r) { r.set_amount_micros(0); }},
       {"negative", "amount_micros", [](R& r) { r.set_amount_micros(-1); }},
       {"the least", "amount_micros", [](R& r) { r.set_amount_micros(kMin); }},
       {"the most", "amount_micros", [](R& r) { r.set_amount_micros(kMax); }},
       {"above the cap", "amount_micros", [](R& r) { r.set_amount_micros(1'000'000'000'000'001); }},
       {"no item", "item", [](R& r) { r.clear_item(); }},
       {"item 99", "item", [](R& r) { r.set_item(static_cast<v1::Item>(99)); }},
       {"item -1", "item", [](R& r) { r.set_item(static_cast<v1::Item>(-1)); }},
       {"seconds", "used_seconds", [](R& r) { r.set_used_seconds(1); }},
       {"long description", "description", [](R& r) { r.set_description(std::string(257, 'a')); }},
       {"description of two lines", "description", [](R& r) { r.set_description("a\nb"); }},
       {"ANSI escapes", "description", [](R& r) { r.set_description("\x1B[31m"); }}});
}

TEST_F(BadInput, DebitOfAUsageNamesTheFieldToBlame) {
  using R = v1::DebitRequest;
  ExpectRefused<R>(
      GoodTextDebit(),
      {{"no length", "usage.text", [](R& r) { r.mutable_usage()->mutable_text()->clear_length(); }},
       {"no segments", "usage.text.segments",
        [](R& r) { r.mutable_usage()->mutable_text()->set_segments(0); }},
       {"negative segments", "usage.text.segments",
        [](R& r) { r.mutable_usage()->mutable_text()->set_segments(-1); }},
       {"too many segments", "usage.text.segments",
        [](R& r) { r.mutable_usage()->mutable_text()->set_segments(256); }},
       {"long body", "usage.text.body",
        [](R& r) { r.mutable_usage()->mutable_text()->set_body(std::string(1601, 'a')); }},
       {"no direction", "usage.text.direction",
        [](R& r) { r.mutable_usage()->mutable_text()->clear_direction(); }},
       {"control character", "usage.text.from",
        [](R& r) { r.mutable_usage()->mutable_text()->set_from("a\nb"); }},
       {"no receiver", "usage.text.to",
        [](R& r) { r.mutable_usage()->mutable_text()->clear_to(); }},
       {"an item", "item", [](R& r) { r.set_item(v1::ITEM_OUTGOING_TEXT); }},
       {"seconds", "used_seconds", [](R& r) { r.set_used_seconds(1); }},
       {"a call without seconds", "used_seconds",
        [](R& r) {
          r.mutable_usage()->mutable_call()->set_direction(v1::DIRECTION_OUTBOUND);
          r.mutable_usage()->mutable_call()->set_from("1");
          r.mutable_usage()->mutable_call()->set_to("12025550123");
        }},
       {"a number that is none", "usage.phone_number.number",
        [](R& r) { r.mutable_usage()->mutable_phone_number()->set_number("alice"); }},
       {"a number without kind", "usage.phone_number.kind",
        [](R& r) { r.mutable_usage()->mutable_phone_number()->set_number("+12025550123"); }},
       {"a ring-through to nobody", "usage.ring_through.to",
        [](R& r) { r.mutable_usage()->mutable_ring_through()->set_from("1"); }}});
}

TEST_F(BadInput, SettlementAndReleaseNameTheFieldToBlame) {
  using R = v1::DebitRequest;
  ExpectRefused<R>(
      GoodSettlement(),
      {{"no hold", "settlement.hold_id", [](R& r) { r.mutable_settlement()->clear_hold_id(); }},
       {"negative use", "settlement.used_seconds",
        [](R& r) { r.mutable_settlement()->set_used_seconds(-1); }},
       {"the most use", "settlement.used_seconds",
        [](R& r) { r.mutable_settlement()->set_used_seconds(kMax); }},
       {"seconds elsewhere", "used_seconds", [](R& r) { r.set_used_seconds(1); }},
       {"an item", "item", [](R& r) { r.set_item(v1::ITEM_OUTBOUND_CALL); }}});

  v1::ReleaseRequest release = GoodRelease();
  release.clear_hold_id();
  EXPECT_THAT(Send(release), BlamesField("hold_id"));
}

TEST_F(BadInput, CreditNamesTheFieldToBlame) {
  using R = v1::CreditRequest;
  ExpectRefused<R>(
      GoodCredit(),
      {{"nothing", "amount_micros", [](R& r) { r.set_amount_micros(0); }},
       {"a hidden debit", "amount_micros", [](R& r) { r.set_amount_micros(-1); }},
       {"above the cap", "amount_micros", [](R& r) { r.set_amount_micros(1'000'000'000'000'001); }},
       {"no reason", "reason", [](R& r) { r.clear_reason(); }},
       {"reason 99", "reason", [](R& r) { r.set_reason(static_cast<v1::CreditReason>(99)); }},
       {"a refund of nothing", "refunded_entry_id",
        [](R& r) { r.set_reason(v1::CREDIT_REASON_REFUND); }},
       {"a refund that is none", "refunded_entry_id", [](R& r) { r.set_refunded_entry_id(1); }},
       {"long description", "description",
        [](R& r) { r.set_description(std::string(257, 'a')); }}});
}

// Who has left an enum out has sent no 0.
TEST_F(BadInput, AnErrorGivesAnEnumBackOnlyWhereItWasSent) {
  const auto value_of = [](const auto& answer) -> std::string {
    const auto metadata = DetailsOf(answer.status).error_info.metadata();
    return metadata.count("value") == 0 ? "none" : metadata.at("value");
  };

  v1::DebitRequest debit = GoodDebit();
  debit.clear_item();
  EXPECT_EQ(value_of(Send(debit)), "none");
  debit.set_item(static_cast<v1::Item>(99));
  EXPECT_EQ(value_of(Send(debit)), "99");

  v1::CreditRequest credit = GoodCredit();
  credit.clear_reason();
  EXPECT_EQ(value_of(Send(credit)), "none");
  credit.set_reason(static_cast<v1::CreditReason>(99));
  EXPECT_EQ(value_of(Send(credit)), "99");

  v1::AuthorizeRequest authorize = GoodAuthorize();
  authorize.mutable_usage()->mutable_call()->clear_direction();
  EXPECT_EQ(value_of(Send(authorize)), "none");
  authorize.mutable_usage()->mutable_call()->set_direction(static_cast<v1::Direction>(99));
  EXPECT_EQ(value_of(Send(authorize)), "99");

  v1::DebitRequest purchase = GoodDebit();
  purchase.clear_item();
  purchase.mutable_usage()->mutable_phone_number()->set_number("+12025550123");
  EXPECT_EQ(value_of(Send(purchase)), "none");
  purchase.mutable_usage()->mutable_phone_number()->set_kind(static_cast<v1::PhoneNumber::Kind>(9));
  EXPECT_EQ(value_of(Send(purchase)), "9");
}

TEST_F(BadInput, ABalanceNeverLeavesItsRange) {
  OpenAccount("rich");
  v1::CreditRequest credit = Parse<v1::CreditRequest>(
      "account_id: 'rich' amount_micros: 1000000000000000 reason: CREDIT_REASON_PAYMENT");
  v1::ApplyBatchRequest batch;
  for (int i = 0; i < 1001; ++i) {
    credit.set_request_id(absl::StrCat("credit ", i));
    *batch.add_operations()->mutable_credit() = credit;
  }

  const auto answer = Send(batch);

  ASSERT_TRUE(answer.status.ok());
  EXPECT_TRUE(answer->results(999).has_credit());
  const ErrorDetails refused = DetailsOf(answer->results(1000).error());
  EXPECT_EQ(refused.error_info.reason(), "AMOUNT_OVERFLOW");
  EXPECT_EQ(refused.error_info.metadata().at("field"), "amount_micros");
  ASSERT_EQ(refused.bad_request.field_violations_size(), 1);
  EXPECT_EQ(refused.bad_request.field_violations(0).field(), "amount_micros");
  EXPECT_EQ(Balance("rich").balance_micros(), 1'000'000'000'000'000'000);
}

TEST_F(BadInput, APriceThatNoHoldCanHaveBlamesWhatItIsOf) {
  const auto overflow_of = [](const char* field) {
    return AllOf(FailsWith(StatusCode::INVALID_ARGUMENT, "AMOUNT_OVERFLOW"), BlamesField(field));
  };
  ASSERT_TRUE(Import("standard",
                     "item,prefix,rate_per_minute,unit_fee\n"
                     "OUTBOUND_CALL,1,600000000,\n"
                     "OUTGOING_TEXT,,,600000000\n")
                  .status.ok());
  OpenAccount("rich", 1'000'000'000'000'000);
  ASSERT_TRUE(Send<v1::CreditRequest>("account_id: 'rich' request_id: 'more' "
                                      "amount_micros: 1000000000000000 "
                                      "reason: CREDIT_REASON_PAYMENT")
                  .status.ok());
  const auto minute = AuthorizeCall("rich", "minute", 60);
  ASSERT_THAT(minute, Answers("decision: DECISION_GRANTED held_micros: 600000000000000"));

  EXPECT_THAT(AuthorizeCall("rich", "two minutes", 120), overflow_of("requested_seconds"));
  EXPECT_THAT(Send<v1::ReauthorizeRequest>(
                  absl::StrCat("account_id: 'rich' request_id: 'one more' requested_seconds: 60 "
                               "hold_id: ",
                               minute->hold_id())),
              overflow_of("requested_seconds"));
  EXPECT_THAT(Send<v1::AuthorizeRequest>(
                  "account_id: 'rich' request_id: 'text' usage { text { from: '1' segments: 2 "
                  "direction: DIRECTION_OUTBOUND to: '+12025550123' } }"),
              overflow_of("usage"));
}

TEST_F(BadInput, CreateAccountNamesTheFieldToBlame) {
  using R = v1::CreateAccountRequest;
  ExpectRefused<R>(
      Parse<R>("account { account_id: 'carol' currency_code: 'USD' } request_id: 'x'"),
      {{"no account", "account.account_id", [](R& r) { r.clear_account(); }},
       {"path", "account.account_id",
        [](R& r) { r.mutable_account()->set_account_id("../../etc"); }},
       {"no currency", "account.currency_code",
        [](R& r) { r.mutable_account()->clear_currency_code(); }},
       {"small letters", "account.currency_code",
        [](R& r) { r.mutable_account()->set_currency_code("usd"); }},
       {"no currency by name", "account.currency_code",
        [](R& r) { r.mutable_account()->set_currency_code("XXX"); }},
       {"a currency that is none", "account.currency_code",
        [](R& r) { r.mutable_account()->set_currency_code("UDS"); }},
       {"after all currencies", "account.currency_code",
        [](R& r) { r.mutable_account()->set_currency_code("ZZZ"); }},
       {"a currency of the past", "account.currency_code",
        [](R& r) { r.mutable_account()->set_currency_code("DEM"); }},
       {"time zone", "account.time_zone",
        [](R& r) { r.mutable_account()->set_time_zone("Mars/Olympus_Mons"); }},
       {"time zone by path", "account.time_zone",
        [](R& r) { r.mutable_account()->set_time_zone("/etc/passwd"); }},
       {"deck", "account.deck", [](R& r) { r.mutable_account()->set_deck("a deck"); }},
       {"negative limit", "account.credit_limit_micros",
        [](R& r) { r.mutable_account()->set_credit_limit_micros(-1); }},
       {"the most limit", "account.credit_limit_micros",
        [](R& r) { r.mutable_account()->set_credit_limit_micros(kMax); }},
       {"negative threshold", "account.low_balance_threshold_micros",
        [](R& r) { r.mutable_account()->set_low_balance_threshold_micros(-1); }},
       {"negative holds", "account.open_holds_max",
        [](R& r) { r.mutable_account()->set_open_holds_max(-1); }},
       {"too many holds", "account.open_holds_max",
        [](R& r) { r.mutable_account()->set_open_holds_max(10'001); }},
       {"e-mail", "account.email", [](R& r) { r.mutable_account()->set_email("nobody"); }},
       {"e-mail that no mail can be sent to", "account.email",
        [](R& r) { r.mutable_account()->set_email("a@b"); }},
       {"e-mail of two", "account.email",
        [](R& r) { r.mutable_account()->set_email("a@b.org\r\nBcc: c@d.org"); }},
       {"33 labels", "account.metadata",
        [](R& r) {
          for (int i = 0; i < 33; ++i) {
            (*r.mutable_account()->mutable_metadata())[absl::StrCat("key", i)] = "value";
          }
        }},
       {"a long label", "account.metadata",
        [](R& r) { (*r.mutable_account()->mutable_metadata())["key"] = std::string(65, 'a'); }},
       {"letters", "account.blocked_prefixes",
        [](R& r) { r.mutable_account()->add_blocked_prefixes("1a"); }},
       {"an empty prefix", "account.blocked_prefixes",
        [](R& r) { r.mutable_account()->add_blocked_prefixes(""); }},
       {"failure handling 99", "account.failure_handling",
        [](R& r) {
          r.mutable_account()->set_failure_handling(static_cast<v1::FailureHandling>(99));
        }},
       {"no request id", "request_id", [](R& r) { r.clear_request_id(); }}});
}

TEST_F(BadInput, UpdateAccountNamesTheFieldToBlame) {
  using R = v1::UpdateAccountRequest;
  ExpectRefused<R>(
      Parse<R>("account { account_id: 'alice' email: 'a@example.org' } request_id: 'x' "
               "update_mask { paths: 'email' }"),
      {{"no mask", "update_mask", [](R& r) { r.clear_update_mask(); }},
       {"currency", "update_mask",
        [](R& r) { r.mutable_update_mask()->add_paths("currency_code"); }},
       {"state", "update_mask", [](R& r) { r.mutable_update_mask()->add_paths("state"); }},
       {"id", "update_mask", [](R& r) { r.mutable_update_mask()->add_paths("account_id"); }},
       {"all", "update_mask", [](R& r) { r.mutable_update_mask()->add_paths("*"); }},
       {"a bad value", "account.email", [](R& r) { r.mutable_account()->set_email("nobody"); }}});
}

TEST_F(BadInput, ListsRefuseForgedTokensAndNegativeSizes) {
  OpenAccount("bob", 1);
  const auto page =
      Send<v1::ListActivityRequest>("account_id: 'alice' page_size: 1 show: ACTIVITY_SHOW_JOURNAL");
  ASSERT_NE(page->next_page_token(), "");
  const auto list = [&](absl::string_view account, const std::string& token) {
    v1::ListActivityRequest request;
    request.set_account_id(std::string(account));
    request.set_page_size(1);
    request.set_show(v1::ACTIVITY_SHOW_JOURNAL);
    request.set_page_token(token);
    return Send(request);
  };

  EXPECT_TRUE(list("alice", page->next_page_token()).status.ok());
  EXPECT_THAT(list("bob", page->next_page_token()), BlamesField("page_token"));
  EXPECT_THAT(list("alice", "forged"), BlamesField("page_token"));
  EXPECT_THAT(list("alice", page->next_page_token() + "A"), BlamesField("page_token"));
  EXPECT_THAT(list("alice", std::string(10'000, 'A')), BlamesField("page_token"));
  EXPECT_THAT(Send<v1::ListActivityRequest>("account_id: 'alice' page_size: -1"),
              BlamesField("page_size"));
  EXPECT_THAT(Send<v1::ListAccountsRequest>("page_size: -1"), BlamesField("page_size"));
  EXPECT_THAT(Send<v1::ListAccountsRequest>("page_token: 'x'"), BlamesField("page_token"));
  EXPECT_THAT(Send<v1::ListRateDecksRequest>("page_token: 'x'"), BlamesField("page_token"));
  EXPECT_THAT(Send<v1::ListHoldsRequest>("account_id: 'alice' page_token: 'x'"),
              BlamesField("page_token"));
  EXPECT_THAT(Send<v1::ListRatesRequest>("deck: 'standard' page_token: 'x'"),
              BlamesField("page_token"));
  EXPECT_TRUE(
      Send<v1::ListActivityRequest>("account_id: 'alice' page_size: 1000000000").status.ok());
}

TEST_F(BadInput, QueriesNameTheFieldToBlame) {
  EXPECT_THAT(Send<v1::ListActivityRequest>("account_id: 'alice' show: 99"), BlamesField("show"));
  EXPECT_THAT(Send<v1::ListActivityRequest>("account_id: 'alice' items: 0"), BlamesField("items"));
  EXPECT_THAT(Send<v1::ListActivityRequest>("account_id: 'alice' items: 99"), BlamesField("items"));
  EXPECT_THAT(Send<v1::ListActivityRequest>("account_id: 'alice' from_time { nanos: -1 }"),
              BlamesField("from_time"));
  EXPECT_THAT(Send<v1::ListActivityRequest>("account_id: 'alice' to_time { nanos: 1000000000 }"),
              BlamesField("to_time"));
  EXPECT_THAT(
      Send<v1::ListActivityRequest>("account_id: 'alice' to_time { seconds: 999999999999 }"),
      BlamesField("to_time"));
  EXPECT_THAT(Send<v1::QuoteRequest>("account_id: 'alice'"), BlamesField("usage"));
  EXPECT_THAT(Send<v1::QuoteRequest>("usage { ring_through { from: '1' to: '+12025550123' } }"),
              BlamesField("deck_of"));
  EXPECT_THAT(Send<v1::ListRatesRequest>(""), BlamesField("deck_of"));
  EXPECT_THAT(Send<v1::ListRatesRequest>("deck: 'standard' prefix: 'x'"), BlamesField("prefix"));
  EXPECT_THAT(Send<v1::ListRatesRequest>("deck: 'standard' item: ITEM_REFUND"),
              BlamesField("item"));
  EXPECT_THAT(Send<v1::ListRatesRequest>("deck: 'standard' item: 99"), BlamesField("item"));
  EXPECT_THAT(Send<v1::ListRatesRequest>("deck: 'nothing'"),
              FailsWith(StatusCode::NOT_FOUND, "DECK_NOT_FOUND"));
}

TEST_F(BadInput, BatchesOfNothingAndOfTooMuchAreRefused) {
  EXPECT_THAT(Send<v1::ApplyBatchRequest>(""), BlamesField("operations"));

  v1::ApplyBatchRequest batch;
  for (int i = 0; i < 10'001; ++i) batch.add_operations();
  EXPECT_THAT(Send(batch), BlamesField("operations"));
}

}  // namespace
}  // namespace farebox::server
