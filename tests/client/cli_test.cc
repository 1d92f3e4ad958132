// The program itself, against a server that does as it is told.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/client/fake_server.h"
#include "tests/client/program.h"

namespace farebox::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

auto Exits(int exit_code) { return Field("exit_code", &Outcome::exit_code, exit_code); }
template <typename Matcher>
auto Says(Matcher matcher) {
  return Field("out", &Outcome::out, matcher);
}
template <typename Matcher>
auto Complains(Matcher matcher) {
  return Field("err", &Outcome::err, matcher);
}

class CliTest : public ::testing::Test {
 protected:
  Outcome Run(std::vector<std::string> arguments) {
    return RunFarebox(server_.address(), arguments);
  }

  // The same by a shell, which knows pipes and redirections.
  Outcome RunByShell(const std::string& arguments) {
    return RunProgram({"bash", "-c", FAREBOX_BINARY " " + arguments}, "",
                      {"FAREBOX_SERVER=" + server_.address(), "TZ=UTC"});
  }

  FakeServer server_;
};

const std::vector<std::string> kDebit = {"debit", "acme",   "--amount",
                                         "4.99",  "--item", "adjustment"};

TEST_F(CliTest, ShowsABalanceWithItsCurrency) {
  EXPECT_THAT(Run({"balance", "acme"}), AllOf(Exits(0), Says(HasSubstr("12.50 USD"))));
}

TEST_F(CliTest, PrintsJsonWithTheNamesOfTheApi) {
  const Outcome outcome = Run({"balance", "acme", "--json"});

  ASSERT_THAT(outcome, Exits(0));
  const nlohmann::json json = nlohmann::json::parse(outcome.out, nullptr, false);
  EXPECT_EQ(json["balance_micros"], "12500000");
  EXPECT_EQ(json["held_micros"], "0");
  EXPECT_EQ(json["currency_code"], "USD");
}

TEST_F(CliTest, PrintsARefusalAsJson) {
  server_.React({FindsInsufficientBalance()});
  std::vector<std::string> arguments = kDebit;
  arguments.push_back("--json");

  const Outcome outcome = Run(arguments);

  EXPECT_THAT(outcome, AllOf(Exits(1), Says(IsEmpty())));
  const nlohmann::json json = nlohmann::json::parse(outcome.err, nullptr, false);
  EXPECT_EQ(json["details"][0]["reason"], "INSUFFICIENT_BALANCE");
}

TEST_F(CliTest, SendsAnAmountExactly) {
  EXPECT_THAT(Run({"debit", "acme", "--amount", "0.300001", "--item", "adjustment"}),
              AllOf(Exits(0), Says(HasSubstr("-0.300001 USD"))));
}

// Once, 0060 were the 48 that C takes it for.
TEST_F(CliTest, ANumberIsDecimalWhateverItBeginsWith) {
  ASSERT_THAT(Run({"settle", "acme", "08", "--used", "0060"}), Exits(0));
  EXPECT_EQ(server_.debit().settlement().hold_id(), 8);
  EXPECT_EQ(server_.debit().settlement().used_seconds(), 60);

  ASSERT_THAT(Run({"debit", "acme", "text", "--segments", "010"}), Exits(0));
  EXPECT_EQ(server_.debit().usage().text().segments(), 10);

  ASSERT_THAT(Run({"refund", "acme", "010", "1"}), Exits(0));
  EXPECT_EQ(server_.credit().refunded_entry_id(), 10);
}

TEST_F(CliTest, SendsTheRequestIdThatIsGiven) {
  std::vector<std::string> arguments = kDebit;
  arguments.insert(arguments.end(), {"--request-id", "mine"});

  ASSERT_THAT(Run(arguments), Exits(0));

  EXPECT_EQ(server_.request_ids()[0], "mine");
}

TEST_F(CliTest, RefusesACommandThatIsWrongWithoutAskingTheServer) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"frobnicate"},
                                             {"account"},
                                             {"account", "frobnicate"},
                                             {"balance"},
                                             {"balance", "acme", "other"},
                                             {"balance", "acme", "--frobnicate"},
                                             {"credit", "acme"},
                                             {"credit", "acme", "1.2.3"},
                                             {"credit", "acme", "-5"},
                                             {"credit", "acme", "0.0000001"},
                                             {"credit", "acme", "1", "--reason", "bribe"},
                                             {"debit", "acme", "call", "--amount", "1"},
                                             {"authorize", "acme"},
                                             {"authorize", "acme", "fax"},
                                             {"settle", "acme", "seven", "--used", "1"},
                                             {"settle", "acme", "0", "--used", "1"},
                                             {"settle", "acme", "1", "--used", "0x10"},
                                             {"settle", "acme", "1", "--used", "-1"},
                                             {"watch", "--from-entry", "0"},
                                             {"key", "create", "router", "--rate", "0x10"},
                                             {"key", "create", "router", "--burst", "4294967296"},
                                             {"activity", "acme", "--from", "noon"},
                                             {"activity", "acme", "--limit", "-1"},
                                             {"balance", "acme", "--timeout", "soon"},
                                             {"verify", "--data"},
                                             {"pay", "acme"},
                                             {"pay", "acme", "much"},
                                             {"recharge"},
                                             {"recharge", "set", "acme", "--fixed", "--target"},
                                             {"recharge", "set", "acme", "--daily-max", "0"},
                                             {"recharge", "set", "acme", "--daily-max", "101"},
                                             {"recharge", "reconcile", "--from", "noon"},
                                             {"card", "complete", "acme"},
                                             {"completion", "tcsh"}}) {
    EXPECT_THAT(Run(arguments),
                AllOf(Exits(2), Says(IsEmpty()), Complains(StartsWith("farebox: "))))
        << ::testing::PrintToString(arguments);
  }
  EXPECT_THAT(server_.request_ids(), IsEmpty());
}

TEST_F(CliTest, NamesTheWordThatIsUnknown) {
  EXPECT_THAT(Run({"frobnicate"}), Complains(HasSubstr("\"frobnicate\" is not known")));
}

TEST_F(CliTest, ExitsByTheKindOfFailure) {
  struct Row {
    Reaction reaction;
    int exit_code;
    const char* word;
  };
  for (const Row& row : {Row{FindsInsufficientBalance(), 1, "INSUFFICIENT_BALANCE"},
                         Row{FindsRequestIdReused(), 1, "REQUEST_ID_REUSED"},
                         Row{FindsFieldInvalid(), 2, "usage.call.to"},
                         Row{FindsMessageTooLarge(), 4, "MESSAGE_TOO_LARGE"}}) {
    server_.React({row.reaction});

    EXPECT_THAT(Run(kDebit), AllOf(Exits(row.exit_code), Complains(HasSubstr(row.word))));
  }
}

TEST_F(CliTest, SaysWhatToDoAboutARefusalInOneLine) {
  server_.React({FindsInsufficientBalance()});

  EXPECT_EQ(Run(kDebit).err,
            "farebox: INSUFFICIENT_BALANCE: 0.10 available, 4.99 required (account_id=acme). See "
            "`farebox balance`; credit the account or raise its limit.\n");
}

TEST_F(CliTest, SaysThatNobodyIsThere) {
  auto server = std::make_unique<FakeServer>();
  const std::string address = server->address();
  server.reset();

  EXPECT_THAT(RunFarebox(address, {"balance", "acme", "--timeout", "100ms"}),
              AllOf(Exits(4), Complains(HasSubstr(address))));
}

TEST_F(CliTest, TellsTheRequestIdWhereTheOutcomeIsUnknown) {
  server_.React({IsSilent()});
  std::vector<std::string> arguments = kDebit;
  arguments.insert(arguments.end(), {"--timeout", "100ms"});

  const Outcome outcome = Run(arguments);

  EXPECT_THAT(outcome, Exits(4));
  ASSERT_THAT(server_.request_ids(), Not(IsEmpty()));
  EXPECT_THAT(outcome.err, HasSubstr("--request-id " + server_.request_ids()[0]));
}

// Once, it did not, and repeating the command was a second change.
TEST_F(CliTest, TellsTheRequestIdWhereTheServerFailed) {
  for (const Reaction& failure : {IsFaulty(), IsUnknown()}) {
    server_.React({failure});

    const Outcome outcome = Run({"credit", "acme", "25"});

    EXPECT_THAT(outcome,
                AllOf(Exits(6),
                      Complains(AllOf(HasSubstr("is unknown"),
                                      HasSubstr("--request-id " + server_.request_ids().back())))));
  }
}

TEST_F(CliTest, TellsTheRequestIdOfAFailureInJsonToo) {
  server_.React({IsSilent()});
  std::vector<std::string> arguments = kDebit;
  arguments.insert(arguments.end(), {"--timeout", "100ms", "--json"});

  const Outcome outcome = Run(arguments);

  const nlohmann::json json = nlohmann::json::parse(outcome.err, nullptr, false);
  ASSERT_THAT(server_.request_ids(), Not(IsEmpty()));
  EXPECT_EQ(json["details"][0]["request_id"], server_.request_ids()[0]);
}

// Once, it said that nothing was done, and whoever believed it paid twice.
TEST_F(CliTest, DoesNotSayThatNothingWasDoneWhereAnAttemptWasLost) {
  std::vector<std::string> arguments = kDebit;
  arguments.insert(arguments.end(), {"--timeout", "800ms"});
  for (const Reaction& lost : {IsUnavailable(), IsCancelled()}) {
    server_.React({lost, IsOverloaded(absl::Milliseconds(900))});
    const size_t before = server_.request_ids().size();

    const Outcome outcome = Run(arguments);

    EXPECT_THAT(outcome, AllOf(Exits(4), Complains(Not(HasSubstr("othing was done")))));
    ASSERT_THAT(server_.request_ids(), SizeIs(before + 2));
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("OVERLOADED"), HasSubstr("is unknown"),
                                   HasSubstr("--request-id " + server_.request_ids()[before])));
  }
}

TEST_F(CliTest, ComesThroughAServerThatIsAwayForAMoment) {
  server_.React({IsUnavailable(), IsUnavailable()});

  EXPECT_THAT(Run({"balance", "acme"}), Exits(0));
}

// Once, it was read twice: the second time a pipe has nothing more to say.
TEST_F(CliTest, AKeyMayComeByAPipe) {
  EXPECT_THAT(RunByShell("balance acme --api-key-file <(echo fbx_one)"), Exits(0));
  EXPECT_THAT(RunByShell("balance acme --api-key-file - <<<fbx_two"), Exits(0));

  EXPECT_THAT(server_.authorizations(), ElementsAre("Bearer fbx_one", "Bearer fbx_two"));
}

// Once, it connected in the clear, and sent the key that way.
TEST_F(CliTest, WhoWantsTlsIsNotConnectedWithoutIt) {
  for (const std::string option :
       {"--tls-ca <(echo junk)", "--tls-cert <(echo junk)", "--tls-key <(echo junk)",
        "--tls-name ''", "--tls-ca <(true)", "--tls-ca ''"}) {
    EXPECT_THAT(RunByShell("balance acme --timeout 500ms " + option), Not(Exits(0))) << option;
  }
  EXPECT_THAT(server_.authorizations(), IsEmpty());
}

TEST_F(CliTest, FilesThatCannotBeUsedAreSaidSo) {
  for (const std::string option : {"--api-key-file", "--tls-ca", "--tls-cert", "--tls-key"}) {
    EXPECT_THAT(Run({"balance", "acme", option, "/dev/null"}),
                AllOf(Exits(6), Complains(HasSubstr("/dev/null is empty"))))
        << option;
    EXPECT_THAT(Run({"balance", "acme", option, "/"}),
                AllOf(Exits(6), Complains(HasSubstr("cannot read /"))))
        << option;
  }
  EXPECT_THAT(Run({"rates", "import", "standard", "/"}),
              AllOf(Exits(6), Complains(HasSubstr("cannot read /"))));
}

// Once, it named the zone as it is called today, over what was in the other half of the year.
TEST_F(CliTest, TheTimesOfActivityNameTheirZoneWhereItHasOneNameOnly) {
  const auto run = [this](const std::string& option) {
    return RunProgram({"bash", "-c", FAREBOX_BINARY " activity acme " + option}, "",
                      {"FAREBOX_SERVER=" + server_.address(), "TZ=Fixed/UTC+01:00:00"});
  };

  EXPECT_THAT(run(""), AllOf(Exits(0), Says(HasSubstr("entry  time  ")),
                             Says(HasSubstr("1970-01-02 01:00:00"))));
  EXPECT_THAT(run("--utc"), AllOf(Exits(0), Says(HasSubstr("time (UTC)"))));
}

// Once, a key was made and lost, and all seemed well.
TEST_F(CliTest, AnAnswerThatCannotBeWrittenIsAFailure) {
  for (const std::string arguments : {"balance acme", "balance acme --json", "--help"}) {
    EXPECT_THAT(RunByShell(arguments + " >/dev/full"),
                AllOf(Exits(6), Complains(HasSubstr("cannot write standard output"))))
        << arguments;
  }
}

TEST_F(CliTest, SaysWhetherANumberIsReleasedOrWillBe) {
  v1::ListNumbersResponse numbers;
  for (const v1::NumberState state :
       {v1::NUMBER_STATE_ACTIVE, v1::NUMBER_STATE_PAST_DUE, v1::NUMBER_STATE_RELEASED}) {
    v1::RentedNumber* const number = numbers.add_numbers();
    number->set_state(state);
    if (state != v1::NUMBER_STATE_ACTIVE) number->mutable_release_time()->set_seconds(86'400);
  }
  server_.SetNumbers(numbers);

  EXPECT_THAT(Run({"number", "list", "acme"}),
              AllOf(Exits(0), Says(HasSubstr("1970-01-02 00:00:00 unless paid\n")),
                    Says(HasSubstr("1970-01-02 00:00:00\n"))));
}

TEST_F(CliTest, AVerificationThatFoundSomethingFails) {
  v1::VerifyResponse verification;
  verification.set_first_bad_entry_id(17);
  verification.set_problem("the balance after it is wrong");
  server_.SetVerification(verification);

  EXPECT_THAT(Run({"verify"}), AllOf(Exits(5), Says(HasSubstr("17")), Says(HasSubstr("FAILED"))));
  EXPECT_THAT(Run({"verify", "--json"}), Exits(5));
}

TEST_F(CliTest, FilesThatAreNotThereAreNotFound) {
  EXPECT_THAT(Run({"verify", "--data", "/nonexistent"}),
              AllOf(Exits(3), Complains(HasSubstr("/nonexistent"))));
}

TEST_F(CliTest, ATracedCommandTellsItsTraceId) {
  const Outcome outcome = Run({"balance", "acme", "--trace"});

  ASSERT_THAT(outcome, Exits(0));
  ASSERT_THAT(server_.traceparents(), SizeIs(1));
  const std::string trace_id = server_.traceparents()[0].substr(3, 32);
  EXPECT_THAT(outcome, Complains(HasSubstr("trace id " + trace_id)));
}

TEST_F(CliTest, AFaultOfTheServersTellsItsTraceId) {
  server_.React({IsFaulty(), IsFaulty(), FindsInsufficientBalance()});

  const Outcome fault = Run({"balance", "acme", "--trace"});
  const Outcome json = Run({"balance", "acme", "--trace", "--json"});
  const Outcome refusal = Run({"balance", "acme", "--trace"});

  ASSERT_THAT(server_.traceparents(), SizeIs(3));
  const auto trace_id = [this](size_t call) { return server_.traceparents()[call].substr(3, 32); };
  EXPECT_THAT(fault, AllOf(Exits(6), Complains(HasSubstr("(trace id " + trace_id(0) + ")"))));
  EXPECT_THAT(json, AllOf(Exits(6), Complains(HasSubstr("\"" + trace_id(1) + "\""))));
  EXPECT_THAT(refusal, AllOf(Exits(1), Complains(Not(HasSubstr("(trace id")))));
}

TEST_F(CliTest, ATracedCommandGoesOnWithTheTraceOfItsEnvironment) {
  const std::string header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  for (const std::string& value : {header, std::string("junk")}) {
    RunProgram({FAREBOX_BINARY, "--server", server_.address(), "balance", "acme", "--trace"}, "",
               {"TRACEPARENT=" + value});
  }

  ASSERT_THAT(server_.traceparents(), SizeIs(2));
  EXPECT_EQ(server_.traceparents()[0], header);
  EXPECT_THAT(server_.traceparents()[1], AllOf(SizeIs(55), Not(header)));
}

TEST_F(CliTest, WithoutBeingAskedToNoCommandIsTraced) {
  EXPECT_THAT(Run({"balance", "acme"}), AllOf(Exits(0), Complains(IsEmpty())));

  EXPECT_THAT(server_.traceparents(), ElementsAre(""));
}

TEST_F(CliTest, ImportsFromStandardInput) {
  EXPECT_THAT(RunFarebox(server_.address(), {"rates", "import", "standard", "-"}, "item,prefix\n"),
              Exits(0));

  EXPECT_EQ(server_.imported_csv(), "item,prefix\n");
}

TEST_F(CliTest, WatchesUntilEnoughWasSeen) {
  server_.SetJournal(/*last=*/5, /*per_stream=*/2);

  const Outcome outcome = Run({"watch", "--from-entry", "1", "--count", "4", "--json"});

  ASSERT_THAT(outcome, Exits(0));
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 4);
}

TEST_F(CliTest, APaymentTellsTheRequestIdThatItMade) {
  const Outcome outcome = Run({"pay", "acme", "25.50"});

  ASSERT_THAT(outcome, AllOf(Exits(0), Says(HasSubstr("25.50 USD"))));
  ASSERT_FALSE(server_.request_ids()[0].empty());
  EXPECT_THAT(outcome, AllOf(Says(HasSubstr(server_.request_ids()[0])),
                             Complains(HasSubstr(server_.request_ids()[0]))));
}

TEST_F(CliTest, APendingPaymentIsAskedOnceAndShowsTheBanksPage) {
  server_.React({FindsPaymentPending()});

  const Outcome outcome = Run({"pay", "acme", "25", "--request-id", "mine"});

  EXPECT_THAT(outcome, AllOf(Exits(4), Complains(HasSubstr("https://bank.example/confirm")),
                             Complains(HasSubstr("--request-id mine"))));
  EXPECT_EQ(server_.request_ids().size(), 1);
}

// Once, it stayed what it was for the old amount: one charge a month, or twenty times too much.
TEST_F(CliTest, AMonthsLimitThatNobodyChoseFollowsTheAmount) {
  constexpr int64_t kUnit = 1'000'000;
  const auto limit_after = [&](int64_t limit, const std::string& chosen) {
    v1::AutoRecharge settings;
    settings.set_amount_micros(60 * kUnit);
    settings.set_monthly_sum_max_micros(limit * kUnit);
    server_.SetAutoRecharge(settings);
    std::vector<std::string> arguments = {"recharge", "set", "acme", "--amount", "100"};
    if (!chosen.empty()) arguments.insert(arguments.end(), {"--monthly-max", chosen});
    EXPECT_THAT(Run(arguments), Exits(0));
    EXPECT_EQ(server_.auto_recharge().amount_micros(), 100 * kUnit);
    return server_.auto_recharge().monthly_sum_max_micros() / kUnit;
  };

  EXPECT_EQ(limit_after(1200, ""), 0);
  EXPECT_EQ(limit_after(300, ""), 300);
  EXPECT_EQ(limit_after(1200, "1200"), 1200);
}

TEST_F(CliTest, ReconciliationExitsByWhatItFinds) {
  EXPECT_THAT(Run({"recharge", "reconcile"}), Exits(0));
  v1::ReconcileRechargesResponse report;
  v1::RechargeDifference* const difference = report.add_differences();
  difference->set_kind(v1::RECHARGE_DIFFERENCE_KIND_CHARGED_NOT_CREDITED);
  difference->set_account_id("acme");
  difference->set_charged_micros(25'500'000);
  server_.SetReconciliation(report);

  EXPECT_THAT(Run({"recharge", "reconcile"}),
              AllOf(Exits(7), Says(HasSubstr("charged-not-credited")), Says(HasSubstr("25.50")),
                    Says(HasSubstr("acme"))));
  EXPECT_THAT(Run({"recharge", "reconcile", "--repair"}),
              AllOf(Exits(7), Complains(HasSubstr("reconcile again"))));
  const Outcome json = Run({"recharge", "reconcile", "--json"});
  EXPECT_THAT(json, Exits(7));
  EXPECT_EQ(nlohmann::json::parse(json.out, nullptr, false)["differences"].size(), 1);
}

TEST_F(CliTest, HelpListsTheExitCodes) {
  EXPECT_THAT(Run({"--help"}),
              AllOf(Exits(0), Says(HasSubstr("5  verification found the journal"))));
  EXPECT_THAT(Run({"--help"}), Says(HasSubstr("7  reconciliation found")));
  EXPECT_THAT(Run({"--version"}), AllOf(Exits(0), Says(StartsWith("farebox "))));
}

class CompletionTest : public CliTest {
 protected:
  // What bash offers for the last word.
  std::string Complete(const std::string& words) {
    const std::string script = Run({"completion", "bash"}).out + "COMP_WORDS=(" + words +
                               "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                               "_farebox; echo \"${COMPREPLY[*]}\"\n";
    return RunProgram({"bash", "--norc"}, script).out;
  }
};

TEST_F(CompletionTest, OffersCommandsOptionsAndWords) {
  EXPECT_EQ(Complete("farebox ac"), "account activity\n");
  EXPECT_EQ(Complete("farebox account cr"), "create\n");
  EXPECT_EQ(Complete("farebox account create --cur"), "--currency\n");
  EXPECT_EQ(Complete("farebox debit acme --item out"), "outbound-call outgoing-text\n");
  EXPECT_EQ(Complete("farebox debit acme ring"), "ring-through\n");
  EXPECT_EQ(Complete("farebox recharge re"), "retry reconcile\n");
  EXPECT_EQ(Complete("farebox recharge set acme --da"), "--daily-max\n");
  EXPECT_EQ(Complete("farebox card co"), "complete\n");
  EXPECT_EQ(Complete("farebox --server account balance --js"), "--json\n");
  EXPECT_EQ(Complete("farebox credit acme --description ''"), "\n");
}

TEST_F(CompletionTest, EveryShellAcceptsItsScript) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    if (RunProgram({shell, "-c", ":"}).exit_code != 0) continue;  // Not installed.
    const Outcome script = Run({"completion", shell});
    ASSERT_THAT(script, AllOf(Exits(0), Says(HasSubstr("retry-and-terminate"))));

    EXPECT_THAT(RunProgram({shell, "-n", "/dev/stdin"}, script.out),
                AllOf(Exits(0), Complains(IsEmpty())))
        << shell;
  }
}

}  // namespace
}  // namespace farebox::testing
