// Charges by the simulated provider, on a ledger in memory that is "killed" between any two steps.

#include "server/base/document_kinds.h"
#include "tests/server/recharge/recharger_fixture.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(RechargerTest, ALowBalanceIsChargedAndCredited) {
  Enable({"pm_card_visa"});

  Work();

  EXPECT_EQ(Available(), Cents(70'00));
  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_THAT(Mails(), IsEmpty());
  Work();
  EXPECT_THAT(States(), SizeIs(1));
}

TEST_F(RechargerTest, WhatIsMissingUpToATargetIsChargedInWholeCents) {
  Enable({"pm_card_visa"});
  AimFor(Cents(100'00));
  Spend(Micros(2'876'544));

  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_EQ(Available(), Micros(100'003'456));
}

TEST_F(RechargerTest, AProcessThatIsKilledBetweenAnyStepsChargesAndCreditsOnce) {
  for (const char* const card : {"pm_card_visa", "pm_card_answerLost"}) {
    for (const char* const point : {"INTENT", "SENT", "answered", "RECHARGE_STATE_SUCCEEDED",
                                    "RECHARGE_STATE_UNKNOWN", "credited", "CREDITED"}) {
      SCOPED_TRACE(absl::StrCat(card, " ", point));
      clock_.Advance(absl::Hours(24 * 31));  // No cap.
      Enable({card});
      const size_t before = Attempts().size();
      Spend(Micros(Available().value() - 10'000'000));
      kill_at_ = point;
      for (int i = 0; i < 4; ++i) {
        try {
          Work();
        } catch (const Killed&) {
          Restart();
        }
        clock_.Advance(absl::Minutes(1));
      }

      // All but this: an answer that is not lost leaves no doubt.
      const bool has_doubt = absl::string_view(card) == "pm_card_answerLost";
      const bool is_of_doubt = absl::string_view(point) == "RECHARGE_STATE_UNKNOWN";
      EXPECT_EQ(kill_at_.empty(), has_doubt || !is_of_doubt);
      EXPECT_EQ(Attempts().size(), before + 1);
      EXPECT_EQ(Attempts()[0].state(), v1::RECHARGE_STATE_CREDITED);
      EXPECT_EQ(Available(), Cents(70'00));
      ExpectChargedIsCredited();
    }
  }
}

TEST_F(RechargerTest, SoftDeclinesBackOffAndTheFourthStops) {
  Enable({"pm_card_chargeDeclinedInsufficientFunds"});

  for (int minutes = 0; minutes < 60 * 24 * 10; minutes += 10) {
    Work();
    clock_.Advance(absl::Minutes(10));
  }

  EXPECT_THAT(States(), ElementsAre("DECLINED", "DECLINED", "DECLINED", "DECLINED"));
  EXPECT_THAT(Mails(), ElementsAre("off", "failed", "failed", "failed"));
  const std::vector<stored::v1::RechargeAttempt> attempts = Attempts();
  std::vector<int64_t> hours;
  for (size_t i = attempts.size() - 1; i > 0; --i) {
    const int64_t pause = attempts[i - 1].create_micros() - attempts[i].create_micros();
    hours.push_back(pause / absl::ToInt64Microseconds(absl::Hours(1)));
  }
  EXPECT_THAT(hours, ElementsAre(1, 6, 24));
}

TEST_F(RechargerTest, ADecisionIsMadeAnewWhereTheSettingsChangeMeanwhile) {
  Enable({"pm_card_visa"});
  when_deciding_ = [this] { AimFor(Cents(90'00)); };

  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_EQ(Available(), Cents(90'00));
}

TEST_F(RechargerTest, AHardDeclineTriesTheNextCardAtOnce) {
  Enable({"pm_card_chargeDeclinedLostCard", "pm_card_visa"});

  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED", "DECLINED"));
  EXPECT_THAT(Mails(), ElementsAre("failed"));
  EXPECT_EQ(Available(), Cents(70'00));

  // The first card stays refused, and nobody is told of it again.
  Spend(Cents(60'00));
  Work();
  EXPECT_THAT(States(), ElementsAre("CREDITED", "CREDITED", "DECLINED"));
  EXPECT_THAT(Mails(), ElementsAre("failed"));
}

TEST_F(RechargerTest, WhatIsUnderWayEndsAndNoOtherIsBegunOnceTheProcessIsToEnd) {
  Enable({"pm_card_chargeDeclinedLostCard", "pm_card_visa"});
  end_at_ = "SENT";

  Work();

  EXPECT_THAT(States(), ElementsAre("DECLINED"));
  end_at_.clear();
  is_ending_ = false;
  Work();
  EXPECT_THAT(States(), ElementsAre("CREDITED", "DECLINED"));
}

TEST_F(RechargerTest, AHardDeclineOfTheLastCardStops) {
  Enable({"pm_card_chargeDeclinedLostCard"});

  Work();
  clock_.Advance(absl::Hours(24 * 30));
  Work();

  EXPECT_THAT(States(), ElementsAre("DECLINED"));
  EXPECT_THAT(Mails(), ElementsAre("off"));
}

// Once, it held the new card back for an hour, and the mail asked for another card.
TEST_F(RechargerTest, ADeclineOfACardThatWasReplacedMeanwhileIsNoneOfTheNewOne) {
  Enable({"pm_card_chargeDeclinedInsufficientFunds"});
  altering_->LoseNext();
  Work();
  ASSERT_THAT(States(), ElementsAre("UNKNOWN"));
  Enable({"pm_card_visa"});

  clock_.Advance(absl::Minutes(1));
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED", "DECLINED"));
  EXPECT_EQ(Available(), Cents(70'00));
  EXPECT_THAT(Mails(), IsEmpty());
}

TEST_F(RechargerTest, ABankThatWantsTheCustomerIsWaitedFor) {
  Enable({"pm_card_authenticationRequired"});

  Work();
  EXPECT_THAT(States(), ElementsAre("ACTION_REQUIRED"));
  EXPECT_THAT(Mails(), ElementsAre("action"));
  clock_.Advance(absl::Minutes(6));
  Work();
  EXPECT_THAT(Mails(), SizeIs(1));

  ASSERT_TRUE(gateway_->AnswerBank(Attempts()[0].payment_id(), /*confirms=*/true).ok());
  clock_.Advance(absl::Minutes(6));
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
}

TEST_F(RechargerTest, ABankThatIsNotAnsweredIsGivenUpAfterADay) {
  Enable({"pm_card_authenticationRequired"});
  Work();

  clock_.Advance(absl::Hours(24));
  Work();

  EXPECT_EQ(Attempts().back().state(), v1::RECHARGE_STATE_DECLINED);
  EXPECT_EQ(Available(), Cents(10'00));
}

TEST_F(RechargerTest, TheCapsOfADayAndAMonthHoldAndAreToldOnce) {
  Enable({"pm_card_visa"});
  std::map<std::string, int> charges_of_day;
  for (int hour = 0; hour < 24 * 20; ++hour) {
    Spend(Micros(Available().value() - 10'000'000));
    const size_t before = Attempts().size();
    Work();
    const absl::CivilDay day = absl::ToCivilDay(
        clock_.Now(), *[] {
          static absl::TimeZone zone;
          absl::LoadTimeZone("America/New_York", &zone);
          return &zone;
        }());
    charges_of_day[absl::FormatCivilTime(day)] += static_cast<int>(Attempts().size() - before);
    clock_.Advance(absl::Hours(1));
  }

  Micros sum;
  for (const auto& [day, count] : charges_of_day) EXPECT_LE(count, 3) << day;
  for (const stored::v1::RechargeAttempt& attempt : Attempts()) {
    sum = Micros(sum.value() + attempt.amount_micros());
  }
  EXPECT_EQ(sum, Cents(600'00));
  // Three days with three charges, and the tenth charge on the fourth day.
  EXPECT_THAT(Mails(), ElementsAre("monthly", "daily", "daily", "daily"));
}

TEST_F(RechargerTest, ACapThatWasToldIsWrittenNoMore) {
  Enable({"pm_card_visa"});
  for (int i = 0; i < 4; ++i) {
    Spend(Micros(Available().value() - 10'000'000));
    Work();
  }
  ASSERT_THAT(Mails(), ElementsAre("daily"));
  const auto revision = [this] {
    return documents_->Find(kPaymentProfiles, "alice")->value().revision;
  };
  const int64_t told = revision();

  Work();

  EXPECT_EQ(revision(), told);
}

TEST_F(RechargerTest, ACapIsToldWithTheTimeWhenItEnds) {
  Enable({"pm_card_visa"});
  for (int i = 0; i < 4; ++i) {
    Spend(Micros(Available().value() - 10'000'000));
    Work();
  }
  clock_.Advance(absl::Hours(24));
  for (int day = 0; day < 3; ++day) {
    for (int i = 0; i < 3; ++i) {
      Work();
      Spend(Micros(Available().value() - 10'000'000));
    }
    clock_.Advance(absl::Hours(24));
  }
  Work();

  // Midnight in New York: of the next day, and of the next month.
  EXPECT_THAT(mails_.resume_times, ElementsAre("03-11 04:00", "04-01 04:00"));
}

TEST_F(RechargerTest, ACapThatWasToldIsNotToldAgainAfterAClockThatRanAhead) {
  Enable({"pm_card_visa"});
  RechargeRecords records(documents_.get());
  const auto change = [&](const std::function<void(stored::v1::PaymentProfile*)>& change_it) {
    ProfileRecord record = *records.ReadProfile(*ledger_->FindAccount("alice"));
    change_it(&record.profile);
    ASSERT_TRUE(records.Put({.profile = &record}).ok());
  };
  change([](auto* profile) { profile->mutable_auto_recharge()->set_monthly_sum_max_micros(0); });
  Work();
  ASSERT_THAT(Mails(), ElementsAre("monthly"));

  change([](auto* profile) { profile->set_month_cap_told(202604); });
  Work();

  EXPECT_THAT(Mails(), ElementsAre("monthly"));
}

TEST_F(RechargerTest, ADayThatComesBackWithATimeZoneIsNotToldAgain) {
  RechargeSubject subject = {.available = Cents(0), .time_zone = absl::FixedTimeZone(14 * 3600)};
  stored::v1::PaymentProfile profile;
  const auto tell = [&](RechargeObstacle cap) {
    return TellCap(cap, subject, clock_.Now(), &profile);
  };

  EXPECT_TRUE(tell(RechargeObstacle::kDailyCap));
  EXPECT_TRUE(tell(RechargeObstacle::kMonthlyCap));
  EXPECT_FALSE(tell(RechargeObstacle::kDailyCap));
  EXPECT_FALSE(tell(RechargeObstacle::kMonthlyCap));
  subject.time_zone = absl::UTCTimeZone();
  EXPECT_FALSE(tell(RechargeObstacle::kDailyCap));
  subject.time_zone = absl::FixedTimeZone(14 * 3600);
  EXPECT_FALSE(tell(RechargeObstacle::kDailyCap));
}

TEST_F(RechargerTest, ACreditedChargeHasOneReceiptWithTheBalanceAfterIt) {
  for (const char* const point : {"", "credited", "CREDITED"}) {
    SCOPED_TRACE(point);
    mails_.receipts = true;
    clock_.Advance(absl::Hours(24 * 31));  // No cap.
    Enable({"pm_card_visa"});
    const size_t before = Mails().size();
    Spend(Micros(Available().value() - 10'000'000));
    kill_at_ = point;
    try {
      Work();
    } catch (const Killed&) {
    }
    EXPECT_EQ(kill_at_, "");
    Restart();
    Work();

    EXPECT_EQ(Mails().size(), before + 1);
    EXPECT_EQ(Mails()[0], "receipt 70000000");
  }
}

TEST_F(RechargerTest, PayChargesOnceForEachRequest) {
  Enable({"pm_card_visa"});

  const auto first = recharger_->Pay("alice", "request-1", Cents(25'00));
  const auto again = recharger_->Pay("alice", "request-1", Cents(25'00));
  const auto other = recharger_->Pay("alice", "request-1", Cents(26'00));

  EXPECT_EQ(first->attempt.state(), v1::RECHARGE_STATE_CREDITED);
  EXPECT_EQ(again->attempt.entry_id(), first->attempt.entry_id());
  EXPECT_FALSE(first->replayed);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(GetReason(other.status()), Reason::kRequestIdReused);
  EXPECT_EQ(Available(), Cents(35'00));
}

TEST_F(RechargerTest, APaymentThatIsDeclinedChangesNothing) {
  Enable({"pm_card_chargeDeclined"});

  const auto declined = recharger_->Pay("alice", "request-1", Cents(25'00));

  EXPECT_EQ(declined->attempt.state(), v1::RECHARGE_STATE_DECLINED);
  EXPECT_EQ(declined->attempt.decline_code(), "generic_decline");
  EXPECT_EQ(Available(), Cents(10'00));
  EXPECT_THAT(Mails(), IsEmpty());
}

TEST_F(RechargerTest, AClosedAccountPaysNothing) {
  Enable({"pm_card_visa"});
  Spend(Available());
  ASSERT_TRUE(ledger_->Apply(ToChange("alice", {.status = AccountStatus::kClosed})).status.ok());

  EXPECT_EQ(GetReason(recharger_->Pay("alice", "r1", Cents(25'00)).status()),
            Reason::kAccountClosed);
  EXPECT_THAT(ChargesAtTheProvider(), IsEmpty());
}

TEST_F(RechargerTest, APaymentNeedsACardAndNoOtherAttempt) {
  EXPECT_EQ(GetReason(recharger_->Pay("alice", "r1", Cents(1'00)).status()), Reason::kNoCard);

  Enable({"pm_card_authenticationRequired"});
  Work();
  EXPECT_EQ(GetReason(recharger_->Pay("alice", "r2", Cents(1'00)).status()),
            Reason::kRechargeInProgress);
}

}  // namespace
}  // namespace farebox::server
