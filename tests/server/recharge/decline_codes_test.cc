#include "server/recharge/decline_codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace farebox::server {
namespace {

TEST(DeclineCodesTest, WhetherTheCardMayPayAnotherTime) {
  constexpr DeclineKind kSoft = DeclineKind::kSoft;
  constexpr DeclineKind kHard = DeclineKind::kHard;
  const struct {
    const char* code;
    const char* advice;
    DeclineKind kind;
  } kRows[] = {
      {"insufficient_funds", "", kSoft},
      {"insufficient_funds", "try_again_later", kSoft},
      {"insufficient_funds", "do_not_try_again", kHard},
      {"generic_decline", "", kSoft},
      {"generic_decline", "confirm_card_data", kHard},
      {"do_not_honor", "", kSoft},
      {"issuer_not_available", "", kSoft},
      {"processing_error", "", kSoft},
      {"card_velocity_exceeded", "", kSoft},
      {"authentication_required", "", kSoft},
      {"payment_cancelled", "", kSoft},
      {"lost_card", "", kHard},
      {"lost_card", "try_again_later", kHard},
      {"stolen_card", "", kHard},
      {"pickup_card", "", kHard},
      {"fraudulent", "", kHard},
      {"expired_card", "", kHard},
      {"incorrect_cvc", "", kHard},
      {"do_not_try_again", "", kHard},
      {"transaction_not_allowed", "", kHard},
      {"revocation_of_all_authorizations", "", kHard},
      {"a_code_of_next_year", "", kSoft},
      {"", "", kSoft},
  };
  for (const auto& row : kRows) {
    const Decline decline = DescribeDecline(row.code, row.advice);

    EXPECT_EQ(decline.kind, row.kind) << row.code << " " << row.advice;
    EXPECT_EQ(decline.code, row.code);
    EXPECT_FALSE(decline.reason.empty());
    EXPECT_FALSE(decline.advice.empty());
  }
}

TEST(DeclineCodesTest, EachCodeIsListedOnce) {
  std::set<std::string> codes;
  for (const Decline& decline : KnownDeclines()) {
    EXPECT_TRUE(codes.emplace(decline.code).second) << decline.code;
  }
  EXPECT_GE(codes.size(), 50u);
}

TEST(DeclineCodesTest, WordsForCustomersAreSentencesWithoutSuspicion) {
  for (const Decline& decline : KnownDeclines()) {
    for (const absl::string_view words : {decline.reason, decline.advice}) {
      EXPECT_TRUE(absl::EndsWith(words, ".")) << decline.code;
      const std::string lower = absl::AsciiStrToLower(words);
      for (const char* const suspicion : {"stolen", "lost", "fraud", "blacklist", "risk"}) {
        EXPECT_FALSE(absl::StrContains(lower, suspicion)) << decline.code << ": " << words;
      }
    }
  }
}

}  // namespace
}  // namespace farebox::server
