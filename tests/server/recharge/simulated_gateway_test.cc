#include "server/recharge/simulated_gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/recharge/provider_id.h"
#include "server/recharge/simulated_cards.h"
#include "server/recharge/webhook_signature.h"
#include "storage/clock.h"
#include "tests/server/recharge/provider_fixture.h"
#include "tests/support/temporary_directory.h"

// What is the simulated provider's alone; the rest is in payment_gateway_contract_test.cc.
namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kSecret[] = "whsec_of_the_tests";

class SimulatedGatewayTest : public ::testing::Test {
 protected:
  SimulatedGateway::Options Options() {
    return {.file = directory_ / "provider",
            .webhook_secret = kSecret,
            .wait = [this](absl::Duration delay) { waits_.push_back(delay); },
            .clock = &clock_};
  }
  // As another server would find it.
  void Reopen() {
    gateway_.reset();
    gateway_ = *SimulatedGateway::Create(Options());
  }

  testing::TemporaryDirectory directory_;
  ManualClock clock_{absl::FromUnixSeconds(1'790'000'000)};
  std::vector<absl::Duration> waits_;
  std::unique_ptr<SimulatedGateway> gateway_ = *SimulatedGateway::Create(Options());
};

TEST_F(SimulatedGatewayTest, AllIsKeptAcrossARestart) {
  const ChargeRequest request = RequestFor("a-1");
  const std::string payment_id = gateway_->TakeCharge(request).payment_id;
  const RefundRequest refund = {.refund_id = "r-1",
                                .payment_id = payment_id,
                                .amount = Micros(20'000'000),
                                .currency_code = "EUR"};
  EXPECT_THAT(gateway_->Refund(refund), IsOk());
  const std::string setup_id = gateway_->StartCardSetup("acme", "", "https://f.example")->setup_id;
  const ProviderCard card = *gateway_->CompleteCardSetup("acme", setup_id + ":pm_card_amex");

  Reopen();

  EXPECT_EQ(gateway_->TakeCharge(request).payment_id, payment_id);
  EXPECT_THAT(gateway_->Refund(refund), IsOk());
  EXPECT_EQ(*gateway_->CompleteCardSetup("acme", setup_id), card);
  EXPECT_THAT(AllCharges(*gateway_), ElementsAre(Pair("a-1", 20'000'000)));
}

// A server charges and is killed before it knows.
TEST_F(SimulatedGatewayTest, AChargeOutlivesTheServerThatIsKilled) {
  gateway_.reset();
  const pid_t server = fork();
  ASSERT_GE(server, 0);
  if (server == 0) {
    SimulatedGateway::Options options = Options();
    // The charge is in the books, and its answer on the way.
    options.wait = [](absl::Duration) { kill(getpid(), SIGKILL); };
    (*SimulatedGateway::Create(options))->TakeCharge(RequestFor("a-1", "pm_card_slow"));
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(server, &status, 0), server);
  ASSERT_TRUE(WIFSIGNALED(status));

  Reopen();

  EXPECT_THAT(gateway_->FindCharge({.attempt_id = "a-1"}), IsIn(ChargeState::kCharged));
  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-1", "pm_card_slow")), IsIn(ChargeState::kCharged));
  EXPECT_THAT(AllCharges(*gateway_), ElementsAre(Pair("a-1", 20'000'000)));
}

TEST_F(SimulatedGatewayTest, TheSlowCardIsLateOnce) {
  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-1", "pm_card_slow")), IsIn(ChargeState::kCharged));
  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-1", "pm_card_slow")), IsIn(ChargeState::kCharged));
  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-2")), IsIn(ChargeState::kCharged));

  EXPECT_THAT(waits_, ElementsAre(SimulatedGateway::Options().slow_delay));
}

TEST_F(SimulatedGatewayTest, AnotherRequestUnderAUsedIdIsAnError) {
  const ChargeRequest first = RequestFor("a-1");
  EXPECT_THAT(gateway_->TakeCharge(first), IsIn(ChargeState::kCharged));
  std::vector<ChargeRequest> others(5, first);
  others[0].amount = Micros(30'000'000);
  others[1].currency_code = "USD";
  others[2].account_id = "umbrella";
  others[3].card.token = "pm_card_amex";
  others[4].card.customer = "cus_umbrella";

  for (const ChargeRequest& other : others) {
    EXPECT_THAT(gateway_->TakeCharge(other), IsIn(ChargeState::kUnknown));
  }
  ChargeRequest same = first;
  same.maybe_delivered = true;
  same.card.brand = "told to people only";
  EXPECT_THAT(gateway_->TakeCharge(same), IsIn(ChargeState::kCharged));
}

TEST_F(SimulatedGatewayTest, EveryCardCanBeRegisteredAndCharged) {
  std::set<std::string> tokens;
  for (const SimulatedCard& test_card : SimulatedCards()) {
    const std::string token(test_card.token);
    EXPECT_TRUE(tokens.insert(token).second) << token;
    const std::string setup_id =
        gateway_->StartCardSetup("acme", "", "https://f.example")->setup_id;
    const absl::StatusOr<ProviderCard> card =
        gateway_->CompleteCardSetup("acme", absl::StrCat(setup_id, ":", token));
    ASSERT_THAT(card, IsOk()) << token;
    EXPECT_TRUE(IsProviderId(card->token)) << card->token;
    EXPECT_THAT(card->last_four, SizeIs(4)) << token;
    ChargeRequest registered = RequestFor(token + ":registered");
    registered.card = *card;

    const CardCharge charge = gateway_->TakeCharge(registered);

    const CardCharge plain = gateway_->TakeCharge(RequestFor(token + ":plain", token));
    EXPECT_THAT(charge, IsIn(plain.state)) << token;
    EXPECT_EQ(charge.decline_code, plain.decline_code) << token;
  }
}

TEST_F(SimulatedGatewayTest, ATokenThatWasNotGivenOutIsNoCard) {
  (void)gateway_->StartCardSetup("acme", "cus_acme", "https://f.example");
  EXPECT_THAT(gateway_->EnterCard("cs_simulated_1", "pm_card_visa"), IsOk());

  for (const char* const token : {"pm_card_visa-2", "pm_card_visa-01", "pm_card_visa-",
                                  "pm_card_visa-x", "pm_card_amex-1", "-1", ""}) {
    EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-1", token)), IsIn(ChargeState::kRejected))
        << token;
  }
  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-1", "pm_card_visa-1")),
              IsIn(ChargeState::kCharged));
}

TEST_F(SimulatedGatewayTest, WithoutAPageTheCustomerComesStraightBackWithACard) {
  const absl::StatusOr<CardSetup> setup =
      gateway_->StartCardSetup("acme", "", "https://f.example/cards?tab=2");

  EXPECT_EQ(setup->url, "https://f.example/cards?tab=2&setup_id=cs_simulated_1:pm_card_visa");
  EXPECT_EQ(gateway_->CompleteCardSetup("acme", "cs_simulated_1:pm_card_visa")->token,
            "pm_card_visa-1");
}

TEST_F(SimulatedGatewayTest, ACardIsEnteredOnce) {
  const std::string id = gateway_->StartCardSetup("acme", "", "https://f.example")->setup_id;

  EXPECT_THAT(gateway_->EnterCard(id, "pm_card_none"),
              HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(gateway_->EnterCard(id, "pm_card_visa"), IsOk());
  EXPECT_THAT(gateway_->EnterCard(id, "pm_card_visa"), IsOk());
  EXPECT_THAT(gateway_->EnterCard(id, "pm_card_amex"),
              HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(gateway_->EnterCard("cs_simulated_2", "pm_card_visa"),
              HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(gateway_->CompleteCardSetup("acme", id + ":pm_card_amex"),
              HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(SimulatedGatewayTest, OneIdIsOneSetup) {
  (void)gateway_->StartCardSetup("acme", "", "https://f.example");

  for (const char* const id : {"cs_simulated_01", "cs_simulated_+1", "cs_simulated_ 1",
                               "cs_simulated_", "cs_simulated_99999999999999999999", "1", ""}) {
    EXPECT_THAT(gateway_->CompleteCardSetup("acme", id), HasCode(absl::StatusCode::kNotFound))
        << id;
  }
}

TEST_F(SimulatedGatewayTest, TheBankIsAnsweredOnce) {
  const std::string waiting =
      gateway_->TakeCharge(RequestFor("a-1", "pm_card_authenticationRequired")).payment_id;
  const std::string refused =
      gateway_->TakeCharge(RequestFor("a-2", "pm_card_authenticationRequired")).payment_id;
  const std::string poor =
      gateway_
          ->TakeCharge(
              RequestFor("a-3", "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"))
          .payment_id;

  EXPECT_THAT(*gateway_->AnswerBank(waiting, true), IsIn(ChargeState::kCharged));
  EXPECT_THAT(*gateway_->AnswerBank(waiting, false), IsIn(ChargeState::kCharged));
  EXPECT_EQ(gateway_->AnswerBank(refused, false)->decline_code,
            "payment_intent_authentication_failure");
  EXPECT_EQ(gateway_->AnswerBank(poor, true)->decline_code, "insufficient_funds");
  EXPECT_THAT(gateway_->AnswerBank("pi_simulated_9", true), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(AllCharges(*gateway_), ElementsAre(Pair("a-1", 20'000'000)));
}

TEST_F(SimulatedGatewayTest, AnEventTellsWhatThePaymentTells) {
  const struct {
    const char* token;
    const char* event_id;
  } kRows[] = {{"pm_card_visa", "evt_simulated_1_succeeded"},
               {"pm_card_chargeDeclinedLostCard", "evt_simulated_2_payment_failed"},
               {"pm_card_authenticationRequired", "evt_simulated_3_requires_action"}};
  for (const auto& row : kRows) {
    const CardCharge charge = gateway_->TakeCharge(RequestFor(row.token, row.token));
    const std::string body = *gateway_->EventBody(charge.payment_id);

    const absl::StatusOr<PaymentEvent> event =
        gateway_->ReadEvent(body, SignWebhook(body, kSecret, clock_.Now()), clock_.Now());

    ASSERT_THAT(event, IsOk());
    EXPECT_EQ(event->event_id, row.event_id);
    EXPECT_EQ(event->kind, PaymentEvent::Kind::kCharge);
    EXPECT_EQ(event->attempt_id, row.token);
    EXPECT_THAT(event->charge, IsIn(charge.state));
    EXPECT_EQ(event->charge.payment_id, charge.payment_id);
    EXPECT_EQ(event->charge.amount, charge.amount);
    EXPECT_EQ(event->charge.decline_code, charge.decline_code);
    EXPECT_EQ(event->charge.action_url, charge.action_url);
  }
  gateway_->CancelCharge({.attempt_id = "pm_card_authenticationRequired"});
  const std::string body = *gateway_->EventBody("pi_simulated_3");
  EXPECT_EQ(gateway_->ReadEvent(body, SignWebhook(body, kSecret, clock_.Now()), clock_.Now())
                ->charge.decline_code,
            kCancelledCode);
}

TEST_F(SimulatedGatewayTest, WithoutASecretNoEventIsRead) {
  gateway_.reset();
  SimulatedGateway::Options options = Options();
  options.webhook_secret = "";
  gateway_ = *SimulatedGateway::Create(options);

  EXPECT_THAT(gateway_->ReadEvent("{}", SignWebhook("{}", "", clock_.Now()), clock_.Now()),
              HasCode(absl::StatusCode::kUnauthenticated));
}

TEST_F(SimulatedGatewayTest, AForeignFileIsLeftAlone) {
  const std::string path = directory_ / "notes.txt";
  std::ofstream(path) << std::string(5'000, 'a');
  SimulatedGateway::Options options = Options();
  options.file = path;
  EXPECT_FALSE(SimulatedGateway::Create(options).ok());

  options.file = directory_ / "other.sqlite";
  auto other = *sqlite::Connection::Open(options.file, {.create = true});
  EXPECT_THAT(other.Execute("CREATE TABLE mine (a)"), IsOk());
  EXPECT_THAT(SimulatedGateway::Create(options).status(),
              HasCode(absl::StatusCode::kFailedPrecondition));

  options.file = directory_ / "no/such/folder";
  EXPECT_FALSE(SimulatedGateway::Create(options).ok());
}

// Somebody else holds the file: nothing is lied about.
TEST_F(SimulatedGatewayTest, BooksThatCannotBeWrittenAreUnknown) {
  auto other = *sqlite::Connection::Open(directory_ / "provider", {});
  EXPECT_THAT(other.Execute("DROP TABLE payment"), IsOk());

  EXPECT_THAT(gateway_->TakeCharge(RequestFor("a-1")), IsIn(ChargeState::kUnknown));
  EXPECT_THAT(gateway_->FindCharge({.attempt_id = "a-1"}), IsIn(ChargeState::kUnknown));
  EXPECT_THAT(gateway_->CancelCharge({.attempt_id = "a-1"}), IsIn(ChargeState::kUnknown));
  EXPECT_THAT(gateway_->ListCharges(
                  absl::InfinitePast(), absl::InfiniteFuture(), [] { return true; },
                  [](absl::string_view, const CardCharge&) {}),
              HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace farebox::server
