// Each kind of mail as it reads, in golden files; run with FAREBOX_WRITE_GOLDEN=1 they are written
// anew, to be read before they are committed.

#include "server/mail/mail_templates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "tests/support/read_file.h"

namespace farebox::mail {
namespace {

using farebox::testing::ReadFile;
using ::testing::HasSubstr;
using ::testing::Not;

// 14:05 in Berlin.
const absl::Time kTime =
    absl::FromCivil(absl::CivilSecond(2027, 3, 1, 13, 5, 59), absl::UTCTimeZone());
const Card kCard = {.brand = "visa", .last_four = "4242"};

Letterhead HeadOf(absl::string_view account_id) {
  return {.to = "ada@example.com",
          .message_id = MessageId("recharge-7", "example.com"),
          .account_id = std::string(account_id),
          .currency_code = "EUR",
          .time_zone = "Europe/Berlin",
          .sender_name = "Example Telecom",
          .account_url = "https://example.com/account?id=acme&tab=cards"};
}

struct Kind {
  std::string name;
  // What stands in the golden file where words come from outside.
  std::string words;
  std::function<Mail(const Letterhead& head, const std::string& words)> write;
};

std::vector<Kind> AllKinds() {
  const Micros amount(20'000'000);
  return {
      {"recharge_failed", "the card has not enough money",
       [=](const Letterhead& head, const std::string& words) {
         return Write(head, RechargeFailed{amount, kCard, words, kTime});
       }},
      {"recharge_failed_next_card", "mastercard",
       [=](const Letterhead& head, const std::string& words) {
         return Write(
             head, RechargeFailed{
                       amount, {words, "4444"}, words + " says that it is stolen", std::nullopt});
       }},
      {"action_required", "7f3",
       [=](const Letterhead& head, const std::string& words) {
         return Write(head, ActionRequired{amount, kCard, "https://pay.example/c?id=1&x=" + words});
       }},
      {"recharge_switched_off", "the card was refused four times in a row",
       [](const Letterhead& head, const std::string& words) {
         return Write(head, RechargeSwitchedOff{words});
       }},
      {"daily_cap_reached", "",
       [](const Letterhead& head, const std::string&) {
         return Write(head, DailyCapReached{5, kTime});
       }},
      {"monthly_cap_reached", "",
       [](const Letterhead& head, const std::string&) {
         return Write(head, MonthlyCapReached{Micros(400'000'000), kTime});
       }},
      {"low_balance", "",
       [](const Letterhead& head, const std::string&) {
         return Write(head, LowBalance{Micros(3'219'999), Micros(5'000'000)});
       }},
      {"card_expiring", "visa",
       [](const Letterhead& head, const std::string& words) {
         return Write(head, CardExpiring{{words, "4242"}, 3, 2027});
       }},
      {"number_past_due", "",
       [](const Letterhead& head, const std::string&) {
         return Write(head, NumberPastDue{"+4930123456", Micros(1'150'000),
                                          NumberPastDue::Cause::kLowBalance, kTime});
       }},
      {"number_past_due_no_rate", "",
       [](const Letterhead& head, const std::string&) {
         return Write(head,
                      NumberPastDue{"+4930123456", Micros(), NumberPastDue::Cause::kNoRate, kTime});
       }},
      {"number_past_due_suspended", "",
       [](const Letterhead& head, const std::string&) {
         return Write(head, NumberPastDue{"+4930123456", Micros(1'150'000),
                                          NumberPastDue::Cause::kAccountSuspended, kTime});
       }},
      {"number_released", "4930123456",
       [](const Letterhead& head, const std::string& words) {
         return Write(head, NumberReleased{"+" + words, kTime});
       }},
      {"receipt", "01HV-7f3",
       [=](const Letterhead& head, const std::string& words) {
         return Write(head, Receipt{amount, Micros(23'219'999), kCard, words, kTime});
       }},
  };
}

// The mail as its golden file has it.
std::string Shown(const Mail& mail) {
  return absl::StrCat("To: ", mail.to, "\nMessage-ID: ", mail.message_id,
                      "\nSubject: ", mail.subject, "\n\n", mail.text, "\n--- HTML\n", mail.html);
}

TEST(MailTemplates, ReadAsTheyShould) {
  for (const Kind& kind : AllKinds()) {
    const std::string path = absl::StrCat(FAREBOX_GOLDEN_MAILS, "/", kind.name, ".txt");
    const std::string shown = Shown(kind.write(HeadOf("acme"), kind.words));
    if (std::getenv("FAREBOX_WRITE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
      std::ofstream(path) << shown;
    }
    EXPECT_EQ(shown, ReadFile(path)) << path;
  }
}

TEST(MailTemplates, CanBeSentWhateverStandsInThem) {
  const std::string hostile = absl::StrCat("x\r\nBcc: eve@example.com\r\n\r\n<script>\"'&\xff",
                                           std::string("\0\x1b", 2), std::string(3000, 'w'));
  for (const Kind& kind : AllKinds()) {
    Letterhead head = HeadOf(hostile);
    head.currency_code = hostile;
    head.time_zone = hostile;
    head.sender_name = hostile;
    head.account_url = hostile;

    const Mail mail = kind.write(head, hostile);

    EXPECT_EQ(CheckMail(mail), absl::OkStatus()) << kind.name;
    EXPECT_THAT(mail.html, Not(HasSubstr("<script"))) << kind.name;
    EXPECT_THAT(mail.html, Not(HasSubstr("<a"))) << kind.name;
    EXPECT_THAT(mail.text, Not(HasSubstr("\nBcc"))) << kind.name;
  }
}

TEST(MailTemplates, FetchAndColourNothing) {
  for (const Kind& kind : AllKinds()) {
    const Mail mail = kind.write(HeadOf("acme"), "words");
    for (const char* word : {"<img", "<link", "<script", "url(", "color:", "background", "src="}) {
      EXPECT_THAT(mail.html, Not(HasSubstr(word))) << kind.name;
    }
  }
}

TEST(MailTemplates, TellTimeWhereTheAccountIs) {
  struct Case {
    std::string time_zone;
    std::string moment;
  };
  const std::vector<Case> cases = {
      {"", "1 March 2027, 13:05 UTC\n"},
      {"UTC", "1 March 2027, 13:05 UTC\n"},
      {"Europe/Berlin", "1 March 2027, 14:05 (Europe/Berlin, UTC+01:00)\n"},
      {"America/New_York", "1 March 2027, 08:05 (America/New_York, UTC-05:00)\n"},
      {"Asia/Kolkata", "1 March 2027, 18:35 (Asia/Kolkata, UTC+05:30)\n"},
      {"Pacific/Kiritimati", "2 March 2027, 03:05 (Pacific/Kiritimati, UTC+14:00)\n"},
      {"Nowhere/Atlantis", "1 March 2027, 13:05 UTC\n"},
  };
  for (const Case& c : cases) {
    Letterhead head = HeadOf("acme");
    head.time_zone = c.time_zone;
    EXPECT_THAT(Write(head, NumberReleased{"+49", kTime}).text, HasSubstr(c.moment));
  }
}

TEST(MailTemplates, TellAmountsAsTheCurrencyHasThem) {
  Letterhead head = HeadOf("acme");
  head.currency_code = "JPY";

  const Mail mail = Write(head, LowBalance{Micros(350'900'000), Micros(500'000'000)});

  EXPECT_THAT(mail.subject, HasSubstr("350 JPY left"));
  EXPECT_THAT(mail.text, HasSubstr("500 JPY\n"));
}

TEST(MailTemplates, LeaveOutWhatTheOperatorHasNot) {
  Letterhead head = HeadOf("acme");
  head.account_url.clear();
  head.sender_name.clear();

  const Mail mail = Write(head, RechargeSwitchedOff{"four refusals"});

  EXPECT_THAT(mail.html, Not(HasSubstr("<a")));
  EXPECT_THAT(mail.text, Not(HasSubstr("Your account:")));
}

}  // namespace
}  // namespace farebox::mail
