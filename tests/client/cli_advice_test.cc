// What the program says to do about a failure, where its reason alone does not tell.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/rpc/error_details.pb.h"
#include "tests/client/fake_server.h"
#include "tests/client/program.h"

namespace farebox::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Reaction Finds(absl::StatusCode code, const std::string& reason,
               const std::string& decline_code = "") {
  google::rpc::ErrorInfo info;
  info.set_domain("farebox");
  info.set_reason(reason);
  (*info.mutable_metadata())["decline_code"] = decline_code;
  Reaction reaction;
  reaction.status.set_code(static_cast<int>(code));
  reaction.status.set_message("no");
  reaction.status.add_details()->PackFrom(info);
  return reaction;
}

class CliAdviceTest : public ::testing::Test {
 protected:
  // What it complains of, where the server reacts so.
  std::string Complaint(const Reaction& reaction, const std::vector<std::string>& arguments) {
    server_.React({reaction});
    return RunFarebox(server_.address(), arguments).err;
  }

  FakeServer server_;
};

// Once, it was said of a charge that had been made and given back, as the account was closed.
TEST_F(CliAdviceTest, ThatNothingWasChargedIsSaidOnlyWhereABankHasRefusedIt) {
  const auto declined = [](const std::string& code) {
    return Finds(absl::StatusCode::kFailedPrecondition, "CARD_DECLINED", code);
  };

  EXPECT_THAT(Complaint(declined("insufficient_funds"), {"pay", "acme", "25"}),
              HasSubstr("Nothing was charged"));
  EXPECT_THAT(Complaint(declined(""), {"pay", "acme", "25"}),
              AllOf(HasSubstr("farebox recharge history"), Not(HasSubstr("othing was charged"))));
}

TEST_F(CliAdviceTest, WhoIsNotKnownIsToldHowToShowAKey) {
  EXPECT_THAT(
      Complaint(Finds(absl::StatusCode::kUnauthenticated, "UNAUTHENTICATED"), {"balance", "acme"}),
      AllOf(HasSubstr("--api-key-file"), HasSubstr("FAREBOX_API_KEY_FILE")));
}

// Once, it only asked whether the server was running.
TEST_F(CliAdviceTest, WhereToSeeWhetherAKeyOrADeckWasMadeIsSaid) {
  for (const Reaction& lost : {IsUnavailable(), IsFaulty()}) {
    EXPECT_THAT(Complaint(lost, {"rates", "import", "standard", "/dev/null"}),
                AllOf(HasSubstr("is unknown"), HasSubstr("farebox rates decks")));
  }
  EXPECT_THAT(Complaint(FindsFieldInvalid(), {"rates", "import", "standard", "/dev/null"}),
              Not(HasSubstr("is unknown")));

  EXPECT_THAT(Complaint(IsUnavailable(), {"key", "create", "router"}),
              AllOf(HasSubstr("is unknown"), HasSubstr("farebox key list")));
}

}  // namespace
}  // namespace farebox::testing
