// What owners are told, on a ledger in memory.

#include "server/notices/notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/document_kinds.h"
#include "server/recharge/card_reminders.h"
#include "tests/server/notices/notices_fixture.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LowBalanceNotices : public NoticesTest {
 protected:
  bool Look() { return notices_->LookAtBalance(Account("alice"), /*rise=*/0).value(); }

  // Has a card of hers charged below 5.00.
  void Recharge() {
    PutCard("alice", "pm", 12, 2030);
    ChangeProfile("alice", [](stored::v1::PaymentProfile* profile) {
      v1::AutoRecharge& settings = *profile->mutable_auto_recharge();
      settings.set_enabled(true);
      settings.set_amount_micros(Cents(60'00).value());
      settings.set_threshold_micros(Cents(5'00).value());
      settings.set_daily_charges_max(5);
      settings.set_monthly_sum_max_micros(Cents(600'00).value());
    });
  }
};

TEST_F(LowBalanceNotices, AFallIsToldOnceHoweverOftenItIsLookedAt) {
  Open("alice", Cents(10'00));
  EXPECT_FALSE(Look());
  EXPECT_THAT(Mails(), IsEmpty());
  Spend("alice", Cents(1));

  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Look());
    Spend("alice", Cents(1));
    Restart();
  }

  EXPECT_THAT(Mails(), ElementsAre("account/alice/low-balance/1"));
  const stored::v1::StoredMail mail = Mail("account/alice/low-balance/1");
  EXPECT_EQ(mail.to(), "ada@example.com");
  EXPECT_THAT(mail.subject(), HasSubstr("Low balance: 9.99 USD left"));
  EXPECT_THAT(mail.text(), HasSubstr("Example Telecom"));
}

TEST_F(LowBalanceNotices, AFallAfterMoneyCameInIsToldAgain) {
  Open("alice", Cents(9'00));
  EXPECT_TRUE(Look());
  PayIn("alice", Cents(50'00));

  EXPECT_FALSE(Look());
  Spend("alice", Cents(55'00));
  EXPECT_TRUE(Look());

  EXPECT_THAT(Mails(), ElementsAre("account/alice/low-balance/1", "account/alice/low-balance/2"));
}

TEST_F(LowBalanceNotices, WhoHasNoAddressIsNotToldAndNothingIsKept) {
  Open("alice", Cents(9'00), "");

  EXPECT_FALSE(Look());

  EXPECT_THAT(Mails(), IsEmpty());
  EXPECT_EQ(documents_->Find(kAccountNotices, "low/alice").value(), std::nullopt);
}

TEST_F(LowBalanceNotices, WhoIsRechargedIsNotTold) {
  Open("alice", Cents(9'00));
  Recharge();

  EXPECT_TRUE(Look());

  EXPECT_THAT(Mails(), IsEmpty());
}

// Once, they had neither a charge nor a mail.
TEST_F(LowBalanceNotices, WhoIsRechargedIsToldWhileChargesAreHeld) {
  Open("alice", Cents(9'00));
  Recharge();
  is_held_ = true;

  EXPECT_TRUE(Look());

  EXPECT_THAT(Mails(), ElementsAre("account/alice/low-balance/1"));
}

class CardNotices : public NoticesTest {
 protected:
  void SetUp() override { Open("alice", Cents(50'00)); }

  void Remind() {
    while (notices_->RemindOfCard().value()) {
    }
  }

  void SetClock(absl::CivilSecond new_york) {
    absl::TimeZone zone;
    ASSERT_TRUE(absl::LoadTimeZone("America/New_York", &zone));
    clock_.Set(absl::FromCivil(new_york, zone));
  }

  const std::string key_ = "card/alice/pm_1/expiring";
};

TEST_F(CardNotices, TheOwnerIsToldOnceThirtyDaysBeforeTheEndOfTheCard) {
  PutCard("alice", "pm_1", 5, 2026);

  SetClock(absl::CivilSecond(2026, 5, 1, 23, 59, 59));
  Remind();
  EXPECT_THAT(Mails(), IsEmpty());
  SetClock(absl::CivilSecond(2026, 5, 2, 0, 0, 0));
  Remind();
  EXPECT_THAT(Mails(), ElementsAre(key_));
  EXPECT_TRUE(Profile("alice").cards(0).expiry_told());
  for (int day = 0; day < 100; ++day) {
    clock_.Advance(absl::Hours(24));
    Restart();
    Remind();
  }

  EXPECT_THAT(Mails(), ElementsAre(key_));
  EXPECT_THAT(Mail(key_).subject(), HasSubstr("visa ending in 4242 expires soon"));
  EXPECT_THAT(Mail(key_).text(), HasSubstr("end of 05/2026"));
}

TEST_F(CardNotices, ACardThatIsAboutToExpireIsToldOfAtOnceAndOneThatHasIsNot) {
  PutCard("alice", "pm_1", 3, 2026);
  PutCard("alice", "pm_2", 2, 2026);

  Remind();

  EXPECT_THAT(Mails(), ElementsAre(key_));
}

TEST_F(CardNotices, ACardThatIsGoneIsNotToldOf) {
  PutCard("alice", "pm_1", 5, 2026);
  ChangeProfile("alice", [](stored::v1::PaymentProfile* profile) { profile->clear_cards(); });

  SetClock(absl::CivilSecond(2026, 5, 20, 0, 0, 0));
  Remind();

  EXPECT_THAT(Mails(), IsEmpty());
}

TEST_F(CardNotices, ACardThatWasDeletedAndComesBackIsToldOfOnce) {
  PutCard("alice", "pm_1", 3, 2026);
  Remind();
  ChangeProfile("alice", [](stored::v1::PaymentProfile* profile) { profile->clear_cards(); });
  PutCard("alice", "pm_1", 3, 2026);

  Remind();

  EXPECT_THAT(Mails(), ElementsAre(key_));
  EXPECT_TRUE(Profile("alice").cards(0).expiry_told());
}

TEST_F(CardNotices, AnOwnerWithoutAnAddressIsToldAsSoonAsThereIsOne) {
  Open("bob", Cents(50'00), "");
  PutCard("bob", "pm_1", 3, 2026);
  Remind();
  EXPECT_THAT(Mails(), IsEmpty());
  ChangeProfile("bob", [](stored::v1::PaymentProfile* profile) {
    profile->mutable_auto_recharge()->set_failure_email("bob@example.com");
  });

  clock_.Advance(absl::Hours(24));
  Remind();

  EXPECT_THAT(Mails(), ElementsAre("card/bob/pm_1/expiring"));
  EXPECT_EQ(Mail("card/bob/pm_1/expiring").to(), "bob@example.com");
}

TEST_F(CardNotices, ADatelessCardNeverExpires) {
  stored::v1::PaymentCard card;
  EXPECT_EQ(ExpiryOf(Account("alice"), card), absl::InfiniteFuture());
}

TEST(NoticesDeathTest, NobodyForgetsToSayHowToSeeARestore) {
  DocumentStore documents(nullptr, nullptr);
  const Notices::Parts parts = {.documents = &documents};

  EXPECT_DEATH({ Notices notices(parts); }, "is_held");
}

}  // namespace
}  // namespace farebox::server
