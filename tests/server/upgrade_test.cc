// What the newest release has written, read and gone on with by this version. tools/make_fixture
// made the ledger: journal.db as that release left it, and what its programs told of it.

#include <filesystem>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "farebox/v1/access.grpc.pb.h"
#include "farebox/v1/number.grpc.pb.h"
#include "farebox/v1/recharge.grpc.pb.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "nlohmann/json.hpp"
#include "tests/server/server_fixture.h"
#include "tests/support/read_file.h"

namespace farebox::server {
namespace {

using testing::ReadFile;

class UpgradeTest : public ServerTest {
 protected:
  void SetUp() override {
    answers_ = nlohmann::json::parse(ReadFile(absl::StrCat(kFixture, "/answers.json")));
    std::filesystem::create_directory(MakeConfig().data_directory);
    std::filesystem::copy_file(absl::StrCat(kFixture, "/journal.db"),
                               absl::StrCat(MakeConfig().data_directory, "/journal.db"));
    // A moment after the release has stopped: nothing is due that was not then.
    const auto last = Told<v1::ListActivityResponse>(answers_["accounts"]["acme"]["activity"]);
    clock_.Set(absl::FromUnixSeconds(last.entries(0).time().seconds() + 60));
    Start();
  }

  Config MakeConfig() const override {
    Config config = ServerTest::MakeConfig();
    config.payments.provider.provider = PaymentProvider::kSimulated;
    config.access.mode = AccessMode::kOpen;
    return config;
  }

  // What the release told, as a message of today.
  template <typename Message>
  static Message Told(const nlohmann::json& json) {
    Message message;
    const auto status = google::protobuf::util::JsonStringToMessage(json.dump(), &message);
    FAREBOX_CHECK(status.ok());
    return message;
  }

  // Everything that the release told is told today.
  template <typename Response>
  static void ExpectToldAgain(const nlohmann::json& told, const Answer<Response>& today) {
    ASSERT_TRUE(today.status.ok()) << today.status.error_message();
    google::protobuf::util::MessageDifferencer differencer;
    differencer.set_scope(google::protobuf::util::MessageDifferencer::PARTIAL);
    std::string difference;
    differencer.ReportDifferencesToString(&difference);
    EXPECT_TRUE(differencer.Compare(Told<Response>(told), today.value)) << difference;
  }

  template <typename Stub, typename Request, typename Response>
  static Answer<Response> Ask(Stub stub,
                              grpc::Status (Stub::element_type::*method)(grpc::ClientContext*,
                                                                         const Request&, Response*),
                              absl::string_view request) {
    grpc::ClientContext context;
    SetDeadline(&context);
    Answer<Response> answer;
    answer.status = ((*stub).*method)(&context, Parse<Request>(request), &answer.value);
    return answer;
  }

  int64_t open_hold_id() const { return std::stoll(answers_["open_hold_id"].get<std::string>()); }

  static constexpr char kFixture[] = FAREBOX_FIXTURES "/ledger-0.1.0";
  nlohmann::json answers_;
};

TEST_F(UpgradeTest, TheJournalIsWhatItWas) {
  ExpectToldAgain(answers_["verified"], Send<v1::VerifyRequest>(""));
}

TEST_F(UpgradeTest, EveryAccountHasWhatItHad) {
  for (const auto& [id, told] : answers_["accounts"].items()) {
    SCOPED_TRACE(id);
    const std::string of = absl::Substitute("account_id: '$0' ", id);
    ExpectToldAgain(told["balance"], Send<v1::GetBalanceRequest>(of));
    ExpectToldAgain(told["account"], Send<v1::GetAccountRequest>(of));
    ExpectToldAgain(told["activity"], Send<v1::ListActivityRequest>(absl::StrCat(
                                          of, "show: ACTIVITY_SHOW_JOURNAL page_size: 500")));
  }
}

TEST_F(UpgradeTest, CardsNumbersAttemptsAndKeysAreThere) {
  ExpectToldAgain(answers_["card"], Ask(v1::RechargeService::NewStub(channel_),
                                        &v1::RechargeService::Stub::GetCard, "account_id: 'acme'"));
  ExpectToldAgain(answers_["recharges"],
                  Ask(v1::RechargeService::NewStub(channel_),
                      &v1::RechargeService::Stub::ListRecharges, "account_id: 'acme'"));
  ExpectToldAgain(answers_["numbers"],
                  Ask(v1::NumberService::NewStub(channel_), &v1::NumberService::Stub::ListNumbers,
                      "account_id: 'acme'"));
  ExpectToldAgain(answers_["keys"], Ask(v1::AccessService::NewStub(channel_),
                                        &v1::AccessService::Stub::ListApiKeys, ""));
}

TEST_F(UpgradeTest, ARequestThatWasAnsweredBeforeIsNotDoneAgain) {
  const int64_t before = Balance("acme").balance_micros();

  const auto again = Send<v1::CreditRequest>(
      "account_id: 'acme' request_id: 'credit-acme' amount_micros: 25000000 "
      "reason: CREDIT_REASON_PAYMENT description: 'bank transfer'");
  const auto other = Send<v1::CreditRequest>(
      "account_id: 'acme' request_id: 'credit-acme' amount_micros: 26000000 "
      "reason: CREDIT_REASON_PAYMENT description: 'bank transfer'");

  EXPECT_THAT(again, Answers("replayed: true entry { amount_micros: 25000000 }"));
  EXPECT_THAT(other, FailsWith(grpc::StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED"));
  EXPECT_EQ(Balance("acme").balance_micros(), before);
}

TEST_F(UpgradeTest, ACallThatWasConnectedBeforeIsSettledByItsTariff) {
  const auto settled = Settle("acme", "after", open_hold_id(), 95);

  // 0.05 to connect, and 95 seconds of 0.012 a minute.
  EXPECT_THAT(settled, Answers("entry { kind: ENTRY_KIND_HOLD_SETTLED amount_micros: -69000 "
                               "held_after_micros: 0 } billed_seconds: 95"));
}

TEST_F(UpgradeTest, ItGoesOnAndTheChainHolds) {
  ASSERT_THAT(Settle("acme", "after-1", open_hold_id(), 95), Answers(""));
  ASSERT_TRUE(Import("standard", DeckCsv()).status.ok());
  ASSERT_THAT(AuthorizeCall("acme", "after-2", 60), Answers("decision: DECISION_GRANTED"));
  OpenAccount("new", 5'000'000);
  const int64_t balance_micros = Balance("acme").balance_micros();

  Restart();

  EXPECT_EQ(Balance("acme").balance_micros(), balance_micros);
  EXPECT_EQ(Balance("new").balance_micros(), 5'000'000);
  EXPECT_THAT(Send<v1::VerifyRequest>(""), Answers("ok: true accounts: 5"));
}

// A release reads the money that another one keeps: its keys let in here too.
class UpgradeWithKeysTest : public UpgradeTest {
 protected:
  Config MakeConfig() const override {
    Config config = UpgradeTest::MakeConfig();
    config.access.mode = AccessMode::kKeys;
    return config;
  }

  // Verification is not for a router.
  void TearDown() override {
    if (server_ != nullptr) server_->Drain();
  }
};

TEST_F(UpgradeWithKeysTest, AKeyThatWasMadeBeforeLetsIn) {
  const std::string key(
      absl::StripAsciiWhitespace(ReadFile(absl::StrCat(kFixture, "/router.key"))));
  const auto ask = [&](const std::string& bearer) {
    grpc::ClientContext context;
    SetDeadline(&context);
    context.AddMetadata("authorization", absl::StrCat("Bearer ", bearer));
    Answer<v1::GetBalanceResponse> answer;
    answer.status = billing_->GetBalance(
        &context, Parse<v1::GetBalanceRequest>("account_id: 'acme'"), &answer.value);
    return answer;
  };

  ExpectToldAgain(answers_["accounts"]["acme"]["balance"], ask(key));
  EXPECT_THAT(ask(absl::StrCat(key, "0")),
              FailsWith(grpc::StatusCode::UNAUTHENTICATED, "UNAUTHENTICATED"));
}

}  // namespace
}  // namespace farebox::server
