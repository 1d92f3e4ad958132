// AccountService: accounts and their activity.

#include <string>
#include <vector>

#include "absl/strings/substitute.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

class Accounts : public ServerTest {
 protected:
  std::vector<int64_t> ListAll(absl::string_view query, int page_size) {
    std::vector<int64_t> ids;
    auto request = Parse<v1::ListActivityRequest>(query);
    request.set_page_size(page_size);
    do {
      const auto page = Send(request);
      EXPECT_TRUE(page.status.ok()) << page.status.error_message();
      for (const v1::Entry& entry : page->entries()) ids.push_back(entry.entry_id());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }
};

TEST_F(Accounts, CreateAnswersTheAccountWithItsDefaults) {
  EXPECT_THAT(Send<v1::CreateAccountRequest>(
                  "account { account_id: 'alice' currency_code: 'USD' } request_id: 'x'"),
              Answers("account { account_id: 'alice' currency_code: 'USD' time_zone: 'UTC' "
                      "open_holds_max: 10000 state: ACCOUNT_STATE_OPEN create_time { seconds: "
                      "1767225600 } }"));
  EXPECT_THAT(Send<v1::CreateAccountRequest>(
                  "account { account_id: 'alice' currency_code: 'USD' } request_id: 'y'"),
              FailsWith(StatusCode::ALREADY_EXISTS, "ACCOUNT_EXISTS"));
  EXPECT_THAT(Send<v1::CreateAccountRequest>("account { account_id: 'bob' currency_code: 'USD' "
                                             "deck: 'none' } request_id: 'x'"),
              FailsWith(StatusCode::NOT_FOUND, "DECK_NOT_FOUND"));
}

TEST_F(Accounts, GetShowsEverySetting) {
  constexpr char kAccount[] =
      "account { account_id: 'alice' currency_code: 'EUR' time_zone: 'Europe/Berlin' deck: "
      "'standard' credit_limit_micros: 5 low_balance_threshold_micros: 7 open_holds_max: 9 email: "
      "'a@example.org' metadata { key: 'k' value: 'v' } blocked_prefixes: '1900' "
      "failure_handling: FAILURE_HANDLING_CONTINUE }";
  Send<v1::CreateAccountRequest>(absl::StrCat(kAccount, " request_id: 'x'"));

  EXPECT_THAT(Send<v1::GetAccountRequest>("account_id: 'alice'"), Answers(kAccount));
  EXPECT_THAT(Send<v1::GetAccountRequest>("account_id: 'bob'"),
              FailsWith(StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"));
  EXPECT_THAT(AuthorizeCall("alice", "a", 60), Answers("decision: DECISION_DENIED"));
}

TEST_F(Accounts, UpdateTakesWhatTheMaskNamesAndNothingElse) {
  OpenAccount("alice");

  EXPECT_THAT(Send<v1::UpdateAccountRequest>(
                  "account { account_id: 'alice' email: 'a@example.org' time_zone: 'Asia/Tokyo' "
                  "metadata { key: 'k' value: 'v' } currency_code: 'EUR' } "
                  "update_mask { paths: 'email' paths: 'metadata' } request_id: 'u'"),
              Answers("account { email: 'a@example.org' time_zone: 'UTC' currency_code: 'USD' "
                      "deck: 'standard' metadata { key: 'k' value: 'v' } }"));
  const auto cleared = Send<v1::UpdateAccountRequest>(
      "account { account_id: 'alice' } update_mask { paths: 'email' paths: 'deck' } request_id: "
      "'v'");
  EXPECT_EQ(cleared->account().email(), "");
  EXPECT_EQ(cleared->account().deck(), "");
}

TEST_F(Accounts, SuspendStopsWhatIsNewAndResumeUndoesIt) {
  OpenAccount("alice", 1'000'000);
  const auto hold = AuthorizeCall("alice", "a", 60);

  EXPECT_THAT(Send<v1::SuspendAccountRequest>("account_id: 'alice' request_id: 's'"),
              Answers("account { state: ACCOUNT_STATE_SUSPENDED }"));
  EXPECT_THAT(AuthorizeCall("alice", "b", 60), Answers("reason: REASON_ACCOUNT_SUSPENDED"));
  EXPECT_THAT(Settle("alice", "s2", hold->hold_id(), 60), Answers("available_micros: 800000"));
  EXPECT_THAT(Send<v1::CreditRequest>("account_id: 'alice' request_id: 'c' amount_micros: 1 "
                                      "reason: CREDIT_REASON_PAYMENT"),
              Answers("available_micros: 800001"));

  EXPECT_THAT(Send<v1::ResumeAccountRequest>("account_id: 'alice' request_id: 'r'"),
              Answers("account { state: ACCOUNT_STATE_OPEN }"));
  EXPECT_THAT(AuthorizeCall("alice", "d", 60), Answers("decision: DECISION_GRANTED"));
}

TEST_F(Accounts, CloseNeedsAnEmptyAccountAndIsForGood) {
  OpenAccount("alice", 5);
  const auto refused = Send<v1::CloseAccountRequest>("account_id: 'alice' request_id: 'close'");
  EXPECT_THAT(refused, FailsWith(StatusCode::FAILED_PRECONDITION, "ACCOUNT_NOT_EMPTY"));
  EXPECT_EQ(DetailsOf(refused.status).error_info.metadata().at("balance_micros"), "5");
  Send<v1::DebitRequest>(
      "account_id: 'alice' request_id: 'd' amount_micros: 5 item: ITEM_ADJUSTMENT");

  EXPECT_THAT(Send<v1::CloseAccountRequest>("account_id: 'alice' request_id: 'close'"),
              Answers("account { state: ACCOUNT_STATE_CLOSED }"));

  EXPECT_THAT(Send<v1::ResumeAccountRequest>("account_id: 'alice' request_id: 'r'"),
              FailsWith(StatusCode::FAILED_PRECONDITION, "ACCOUNT_CLOSED"));
  EXPECT_THAT(Send<v1::CreditRequest>("account_id: 'alice' request_id: 'c' amount_micros: 1 "
                                      "reason: CREDIT_REASON_PAYMENT"),
              FailsWith(StatusCode::FAILED_PRECONDITION, "ACCOUNT_CLOSED"));
}

TEST_F(Accounts, ListPagesNewestFirst) {
  for (const char* id : {"a", "b", "c", "d", "e"}) OpenAccount(id);

  const auto first = Send<v1::ListAccountsRequest>("page_size: 3");
  ASSERT_EQ(first->accounts_size(), 3);
  EXPECT_EQ(first->accounts(0).account_id(), "e");
  const auto second = Send<v1::ListAccountsRequest>(
      absl::Substitute("page_size: 3 page_token: '$0'", first->next_page_token()));
  ASSERT_EQ(second->accounts_size(), 2);
  EXPECT_EQ(second->accounts(1).account_id(), "a");
  EXPECT_EQ(second->next_page_token(), "");
}

class Activity : public Accounts {
 protected:
  // Entries of alice, with somebody else's between: opened 1, paid in 2, debit 5, declined 6,
  // hold 7, released 8, hold 9, settled 10, credit 11; an hour between 6 and 7.
  void SetUp() override {
    Accounts::SetUp();
    OpenAccount("alice", 1'000'000);
    OpenAccount("bob", 1);
    Send<v1::DebitRequest>(
        "account_id: 'alice' request_id: 'd' amount_micros: 5 item: ITEM_ADJUSTMENT");
    Send<v1::DebitRequest>(
        "account_id: 'alice' request_id: 'x' amount_micros: 9000000 item: ITEM_ADJUSTMENT");
    clock_.Advance(absl::Hours(1));
    AuthorizeCall("alice", "h", 60);
    Send<v1::ReleaseRequest>("account_id: 'alice' request_id: 'r' hold_id: 7");
    AuthorizeCall("alice", "h2", 60);
    Settle("alice", "s", 9, 60);
    Send<v1::CreditRequest>(
        "account_id: 'alice' request_id: 'c' amount_micros: 1 reason: CREDIT_REASON_PROMOTION");
  }
};

TEST_F(Activity, ShowsTheLinesThatAreAskedFor) {
  using Ids = std::vector<int64_t>;
  EXPECT_EQ(ListAll("account_id: 'alice'", 0), (Ids{11, 10, 5, 2}));
  EXPECT_EQ(ListAll("account_id: 'alice' show: ACTIVITY_SHOW_DEBITS", 0), (Ids{10, 5}));
  EXPECT_EQ(ListAll("account_id: 'alice' show: ACTIVITY_SHOW_CREDITS", 0), (Ids{11, 2}));
  EXPECT_EQ(ListAll("account_id: 'alice' show: ACTIVITY_SHOW_JOURNAL", 0),
            (Ids{11, 10, 9, 8, 7, 6, 5, 2, 1}));
  EXPECT_EQ(ListAll("account_id: 'alice' items: ITEM_OUTBOUND_CALL items: ITEM_PROMOTION", 0),
            (Ids{11, 10}));
  EXPECT_EQ(ListAll("account_id: 'bob'", 0), (Ids{4}));
}

TEST_F(Activity, PagesAreTheSameListInPieces) {
  const std::vector<int64_t> all = ListAll("account_id: 'alice' show: ACTIVITY_SHOW_JOURNAL", 0);
  for (const int page_size : {1, 2, 3, 9, 10}) {
    EXPECT_EQ(ListAll("account_id: 'alice' show: ACTIVITY_SHOW_JOURNAL", page_size), all)
        << page_size;
  }
}

TEST_F(Activity, KeepsToTheTimesThatAreAskedFor) {
  using Ids = std::vector<int64_t>;
  EXPECT_EQ(ListAll("account_id: 'alice' from_time { seconds: 1767229200 }", 0), (Ids{11, 10}));
  EXPECT_EQ(ListAll("account_id: 'alice' to_time { seconds: 1767229200 }", 0), (Ids{5, 2}));
  EXPECT_EQ(ListAll("account_id: 'alice' to_time { seconds: 1767225600 }", 0), Ids{});
  EXPECT_EQ(ListAll("account_id: 'alice' from_time { seconds: 1767225600 } to_time { seconds: "
                    "1767225601 }",
                    1),
            (Ids{5, 2}));
}

TEST_F(Activity, APageGoesOnWhereItWasWhateverCameMeanwhile) {
  const auto first = Send<v1::ListActivityRequest>("account_id: 'alice' page_size: 2");
  Send<v1::CreditRequest>(
      "account_id: 'alice' request_id: 'new' amount_micros: 1 reason: CREDIT_REASON_PROMOTION");

  const auto second = Send<v1::ListActivityRequest>(absl::Substitute(
      "account_id: 'alice' page_size: 2 page_token: '$0'", first->next_page_token()));

  ASSERT_EQ(second->entries_size(), 2);
  EXPECT_EQ(second->entries(0).entry_id(), 5);
}

TEST_F(Activity, LinesShowWhatWasUsedAndTheBalanceAfterIt) {
  const auto page = Send<v1::ListActivityRequest>("account_id: 'alice' page_size: 2");

  EXPECT_THAT(page->entries(1),
              Shows("kind: ENTRY_KIND_HOLD_SETTLED item: ITEM_OUTBOUND_CALL amount_micros: -200000 "
                    "balance_after_micros: 799995 hold_id: 9 used_seconds: 60 billed_seconds: 60 "
                    "usage { call { to: '+12025550123' } } price { prefix: '1' } account_id: "
                    "'alice'"));
}

}  // namespace
}  // namespace farebox::server
