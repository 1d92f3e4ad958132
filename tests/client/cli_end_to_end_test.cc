// The program against the real server: what support staff do in a day.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/client/program.h"
#include "tests/support/read_file.h"
#include "tests/support/server_process.h"

namespace farebox::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kDeck[] =
    "item,prefix,description,connect_fee,attempt_fee,rate_per_minute,initial_increment,increment,"
    "unit_fee\n"
    "OUTBOUND_CALL,1555,Test land,0.01,0.002,0.012,30,6,\n"
    "OUTGOING_TEXT,,Texts,,,,,,0.0075\n"
    "PHONE_NUMBER_PURCHASE,1,Numbers,,,,,,1.50\n"
    "PHONE_NUMBER_RENEWAL,1,Numbers,,,,,,1\n";

class CliEndToEndTest : public ::testing::Test {
 protected:
  explicit CliEndToEndTest(const std::vector<std::string>& arguments = {})
      : server_({.binary = FAREBOX_SERVER_BINARY,
                 .data_directory = data_,
                 .more_arguments = arguments}) {}

  void SetUp() override {
    ASSERT_TRUE(server_.Start().ok());
    std::ofstream(deck_path_) << kDeck;
    ASSERT_EQ(Run({"rates", "import", "standard", deck_path_}), 0) << last_.err;
    ASSERT_EQ(Run({"account", "create", "acme", "--currency", "USD", "--deck", "standard"}), 0)
        << last_.err;
    ASSERT_EQ(Run({"credit", "acme", "5.00"}), 0) << last_.err;
  }

  int Run(const std::vector<std::string>& arguments) {
    last_ = RunFarebox(server_.address(), arguments);
    return last_.exit_code;
  }

  nlohmann::json RunJson(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    Run(arguments);
    return nlohmann::json::parse(last_.out, nullptr, false);
  }

  // By a shell, which knows redirections; one that goes on for ever ends with 124.
  int RunByShell(const std::string& arguments) {
    last_ = RunProgram({"bash", "-c", "timeout 60 " FAREBOX_BINARY " " + arguments}, "",
                       {"FAREBOX_SERVER=" + server_.address(), "TZ=UTC"});
    return last_.exit_code;
  }

  std::string Balance() { return RunJson({"balance", "acme"})["balance_micros"]; }

  TemporaryDirectory directory_;
  const std::string data_ = directory_.path() + "/data";
  const std::string deck_path_ = directory_.path() + "/deck.csv";
  ServerProcess server_;
  Outcome last_;
};

const std::vector<std::string> kAuthorize = {
    "authorize", "acme", "call", "--from", "15550001", "--to", "15551234567", "--seconds", "300"};

TEST_F(CliEndToEndTest, ACallIsAuthorizedAndSettled) {
  const nlohmann::json authorized = RunJson(kAuthorize);
  ASSERT_EQ(authorized["decision"], "DECISION_GRANTED") << last_.out << last_.err;
  const std::string hold = authorized["hold_id"];

  ASSERT_EQ(Run({"holds", "acme"}), 0);
  EXPECT_THAT(last_.out, HasSubstr("outbound call to 15551234567"));
  ASSERT_EQ(Run({"settle", "acme", hold, "--used", "100"}), 0) << last_.err;

  // 0.01 + 102 s at 0.012 a minute.
  EXPECT_THAT(last_.out, HasSubstr("-0.0304 USD"));
  EXPECT_EQ(Balance(), "4969600");
}

TEST_F(CliEndToEndTest, AnUnansweredCallCostsItsAttempt) {
  const std::string hold = RunJson(kAuthorize)["hold_id"];

  ASSERT_EQ(Run({"release", "acme", hold}), 0) << last_.err;

  EXPECT_EQ(Balance(), "4998000");
}

TEST_F(CliEndToEndTest, ADenialSaysWhyAndExitsAsRefused) {
  EXPECT_EQ(Run({"authorize", "acme", "call", "--from", "15550001", "--to", "4930123456",
                 "--seconds", "60"}),
            1);

  EXPECT_THAT(last_.out, HasSubstr("no-rate"));
}

TEST_F(CliEndToEndTest, ATextIsQuotedAndPaid) {
  const std::vector<std::string> text = {"text",       "--from", "15550001",           "--to",
                                         "4930123456", "--body", std::string(161, 'x')};
  std::vector<std::string> quote = {"quote", "--account", "acme"};
  quote.insert(quote.end(), text.begin(), text.end());
  std::vector<std::string> debit = {"debit", "acme"};
  debit.insert(debit.end(), text.begin(), text.end());

  EXPECT_EQ(RunJson(quote)["amount_micros"], "15000") << last_.err;
  EXPECT_EQ(Balance(), "5000000");
  ASSERT_EQ(Run(debit), 0) << last_.err;
  EXPECT_EQ(Balance(), "4985000");
}

TEST_F(CliEndToEndTest, ARepeatedRequestIdMovesMoneyOnce) {
  const std::vector<std::string> credit = {"credit", "acme", "1", "--request-id", "once"};

  ASSERT_EQ(Run(credit), 0);
  ASSERT_EQ(Run(credit), 0);

  EXPECT_THAT(last_.out, HasSubstr("replayed"));
  EXPECT_EQ(Balance(), "6000000");
  EXPECT_EQ(Run({"credit", "acme", "2", "--request-id", "once"}), 1);
  EXPECT_THAT(last_.err, HasSubstr("REQUEST_ID_REUSED"));
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(Run({"account", "suspend", "acme", "--request-id", "s"}), 0);
  EXPECT_THAT(last_.out, HasSubstr("replayed"));
}

TEST_F(CliEndToEndTest, ADebitIsRefundedInPartAndNoFurther) {
  const nlohmann::json debit =
      RunJson({"debit", "acme", "--amount", "3.50", "--item", "adjustment"});
  const std::string entry = debit["entry"]["entry_id"];

  EXPECT_EQ(Run({"refund", "acme", entry, "1.25"}), 0) << last_.err;
  EXPECT_EQ(Run({"refund", "acme", entry, "2.26"}), 1);

  EXPECT_THAT(last_.err, HasSubstr("REFUND_EXCEEDS_DEBIT"));
  EXPECT_EQ(Balance(), "2750000");
}

TEST_F(CliEndToEndTest, ActivityIsPagedToItsLimit) {
  for (int i = 0; i < 5; ++i) ASSERT_EQ(Run({"credit", "acme", "1"}), 0);

  EXPECT_EQ(RunJson({"activity", "acme", "--limit", "4"})["entries"].size(), 4);
  EXPECT_EQ(RunJson({"activity", "acme", "--limit", "0"})["entries"].size(), 6);
  EXPECT_EQ(RunJson({"activity", "acme", "--show", "debits"})["entries"].size(), 0);
}

TEST_F(CliEndToEndTest, ActivityIsWrittenAsCsv) {
  ASSERT_EQ(Run({"debit", "acme", "--amount", "0.5", "--item", "adjustment"}), 0) << last_.err;
  const std::string path = directory_.path() + "/activity.csv";

  ASSERT_EQ(Run({"activity", "acme", "--csv"}), 0) << last_.err;
  const std::string csv = last_.out;
  ASSERT_EQ(Run({"activity", "acme", "--csv", "--output", path}), 0) << last_.err;
  ASSERT_EQ(Run({"activity", "acme", "--csv", "--show", "credits"}), 0) << last_.err;

  EXPECT_THAT(csv, StartsWith("entry_id,time,"));
  EXPECT_THAT(csv, HasSubstr(",DEBIT,ADJUSTMENT,-0.5,-500000,4.5,4500000,"));
  EXPECT_EQ(ReadFile(path), csv);
  EXPECT_THAT(last_.out, Not(HasSubstr("DEBIT")));
}

TEST_F(CliEndToEndTest, NothingIsLeftOfAFileThatCouldNotBeMade) {
  const std::string path = directory_.path() + "/activity.csv";
  std::ofstream(path) << "yesterday's";

  EXPECT_NE(Run({"activity", "nobody", "--csv", "--output", path}), 0);
  EXPECT_NE(Run({"activity", "acme", "--csv", "--output", directory_.path() + "/none/a.csv"}), 0);

  EXPECT_EQ(ReadFile(path), "yesterday's");
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
}

TEST_F(CliEndToEndTest, AMonthIsSummedUpAndMadeAStatement) {
  ASSERT_EQ(Run({"debit", "acme", "--amount", "0.5", "--item", "adjustment", "--description",
                 "<script>alert(1)</script>"}),
            0)
      << last_.err;
  const nlohmann::json summary = RunJson({"summary", "acme"});
  const std::string day = summary["range"]["date"];
  const std::string month = day.substr(0, 7);
  const std::string path = directory_.path() + "/statement.html";

  EXPECT_EQ(summary["range"]["closing_balance_micros"], "4500000");
  EXPECT_EQ(summary["periods"].size(), 1);
  EXPECT_EQ(RunJson({"summary", "acme", "--month", month})["range"]["total"]["debit_micros"],
            "500000");
  EXPECT_EQ(RunJson({"summary", "acme", "--from", "2020-01-01", "--by", "none"})["periods"].size(),
            0);
  ASSERT_EQ(Run({"summary", "acme"}), 0) << last_.err;
  EXPECT_THAT(last_.out, HasSubstr("adjustment"));
  ASSERT_EQ(Run({"statement", "acme", "--month", month, "--lines", "--output", path}), 0)
      << last_.err;
  const std::string html = ReadFile(path);
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_EQ(Run({"statement", "acme", "--month", "2026-13"}), 2);
  EXPECT_EQ(Run({"summary", "acme", "--month", month, "--from", "2026-01-01"}), 2);
}

TEST_F(CliEndToEndTest, AnAccountIsChangedSuspendedAndResumed) {
  ASSERT_EQ(Run({"account", "update", "acme", "--credit-limit", "10", "--metadata", "plan=gold"}),
            0)
      << last_.err;
  ASSERT_EQ(Run({"account", "suspend", "acme"}), 0);
  EXPECT_EQ(Run({"debit", "acme", "--amount", "1", "--item", "adjustment"}), 1);
  EXPECT_THAT(last_.err, HasSubstr("ACCOUNT_SUSPENDED"));
  ASSERT_EQ(Run({"account", "resume", "acme"}), 0);
  EXPECT_EQ(Run({"debit", "acme", "--amount", "15", "--item", "adjustment"}), 0) << last_.err;

  const nlohmann::json account = RunJson({"account", "show", "acme"})["account"];
  EXPECT_EQ(account["credit_limit_micros"], "10000000");
  EXPECT_EQ(account["metadata"]["plan"], "gold");
  EXPECT_EQ(account["deck"], "standard");
}

TEST_F(CliEndToEndTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(Run({"balance", "nobody"}), 3);
  EXPECT_EQ(Run({"release", "acme", "999"}), 3);
  EXPECT_EQ(Run({"rates", "export", "nothing"}), 3);
}

TEST_F(CliEndToEndTest, ABadDeckIsRefusedByLineAndColumn) {
  std::ofstream(deck_path_) << "item,prefix,rate_per_minute\nOUTBOUND_CALL,1555,cheap\n";

  EXPECT_EQ(Run({"rates", "import", "standard", deck_path_}), 2);

  EXPECT_THAT(last_.err, HasSubstr("line 2, column 3"));
  EXPECT_EQ(RunJson({"rates", "decks"})["rate_decks"].size(), 1);
}

// Once, a terminal that went away was taken for the end of the deck.
TEST_F(CliEndToEndTest, ADeckThatCannotBeReadToItsEndIsNotTaken) {
  EXPECT_EQ(RunByShell("rates import standard - </"), 6);

  EXPECT_THAT(last_.err, HasSubstr("cannot read standard input"));
  EXPECT_EQ(RunJson({"rates", "decks"})["rate_decks"][0]["version"], "1");
}

TEST_F(CliEndToEndTest, AnExportedDeckIsImportedAsTheSame) {
  const std::string path = directory_.path() + "/exported.csv";
  ASSERT_EQ(Run({"rates", "export", "standard", "--output", path}), 0) << last_.err;
  ASSERT_EQ(Run({"rates", "export", "standard"}), 0);
  const std::string exported = last_.out;

  ASSERT_EQ(Run({"rates", "import", "standard", path}), 0) << last_.err;
  ASSERT_EQ(Run({"rates", "export", "standard"}), 0);

  EXPECT_EQ(last_.out, exported);
  EXPECT_EQ(RunJson({"rates", "decks"})["rate_decks"][0]["version"], "2");
}

TEST_F(CliEndToEndTest, VerifiesOverTheNetworkAndFromTheFilesAlike) {
  const nlohmann::json online = RunJson({"verify"});
  EXPECT_EQ(Run({"verify", "--data", data_}), 1);
  EXPECT_THAT(last_.err, HasSubstr("Stop the server"));

  server_.Terminate();
  const nlohmann::json offline = RunJson({"verify", "--data", data_});

  EXPECT_EQ(last_.exit_code, 0) << last_.err;
  EXPECT_EQ(online["ok"], true);
  EXPECT_EQ(offline, online);
}

TEST_F(CliEndToEndTest, StatusAndWatchTellWhatHappened) {
  EXPECT_EQ(RunJson({"status"})["accounts"], "1");
  ASSERT_EQ(Run({"watch", "acme", "--from-entry", "1", "--count", "1"}), 0) << last_.err;
  EXPECT_THAT(last_.out, HasSubstr("credit  5.00  balance 5.00"));
}

// ---- Files

// Once, they went on for ever.
TEST_F(CliEndToEndTest, WhatNobodyCanReadIsNotGoneOnWith) {
  for (const std::string arguments : {"watch --from-entry 1", "watch --from-entry 1 --json",
                                      "top --interval 100ms", "top --interval 100ms --json"}) {
    EXPECT_EQ(RunByShell(arguments + " >/dev/full"), 6) << arguments;
    EXPECT_THAT(last_.err, HasSubstr("cannot write standard output")) << arguments;
  }
}

TEST_F(CliEndToEndTest, FilesThatAreNoLedgerOrTooNewCannotBeUsed) {
  ASSERT_EQ(server_.Terminate(), 0);
  const std::string journal = data_ + "/journal.db";
  std::fstream(journal, std::ios::in | std::ios::out | std::ios::binary)
      .seekp(60)
      .write("\1\0\0\0", 4);
  const std::string empty = directory_.path() + "/empty";

  for (const std::string& place : {data_, journal, deck_path_}) {
    EXPECT_EQ(Run({"verify", "--data", place}), 6) << last_;
  }
  for (const std::string& place : {journal, deck_path_, directory_.path()}) {
    EXPECT_EQ(Run({"restore", place, "--data", empty}), 6) << last_;
  }
}

TEST_F(CliEndToEndTest, FilesThatOneMayNotLookAtCannotBeUsed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root becomes somebody else";
  const std::string ours = directory_.path() + "/ours";
  const std::string theirs = directory_.path() + "/theirs";
  for (const std::string& folder : {ours, theirs}) std::filesystem::create_directory(folder);
  std::filesystem::permissions(directory_.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(ours, std::filesystem::perms(0700));
  std::filesystem::permissions(theirs, std::filesystem::perms(0777));
  // Where nobody may come to.
  const std::string program = directory_.path() + "/farebox";
  std::filesystem::copy_file(FAREBOX_BINARY, program);

  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"verify", "--data", ours},
                                             {"verify", "--data", ours + "/data"},
                                             {"restore", ours + "/backup.db", "--data", theirs},
                                             {"restore", ours, "--data", theirs},
                                             {"rates", "import", "standard", ours + "/deck.csv"},
                                             {"balance", "acme", "--api-key-file", ours}}) {
    std::vector<std::string> command = {"setpriv", "--reuid=65534", "--clear-groups", program};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const Outcome outcome = RunProgram(command);
    EXPECT_EQ(outcome.exit_code, 6) << ::testing::PrintToString(arguments) << outcome;
    EXPECT_THAT(outcome.err, StartsWith("farebox: cannot ")) << outcome;
  }
}

// ---- Keys

class CliKeysTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Start().ok());
    ASSERT_EQ(Run({"account", "create", "acme", "--currency", "USD"}).exit_code, 0);
    ASSERT_EQ(Run({"credit", "acme", "5.00"}).exit_code, 0);
  }

  Outcome Run(std::vector<std::string> arguments, const std::string& key_file = "admin.key") {
    arguments.insert(arguments.end(), {"--api-key-file", directory_.path() + "/" + key_file});
    return RunFarebox(server_.address(), arguments);
  }

  // Makes a key, and a file of its name that has it.
  void MakeKey(const std::string& name, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"key", "create"});
    arguments.push_back("--json");
    const Outcome made = Run(arguments);
    const nlohmann::json json = nlohmann::json::parse(made.out, nullptr, false);
    ASSERT_EQ(made.exit_code, 0) << made;
    std::ofstream(directory_.path() + "/" + name) << std::string(json["secret"]);
  }

  TemporaryDirectory directory_;
  ServerProcess server_{{.binary = FAREBOX_SERVER_BINARY,
                         .data_directory = directory_.path() + "/data",
                         .more_arguments = {"--access", "keys", "--admin-key-file",
                                            directory_.path() + "/admin.key"}}};
};

// Once, it asked for the server's status first, which routers and customers may not.
TEST_F(CliKeysTest, WhoeverMayWatchCanWatch) {
  MakeKey("router", {"router"});
  MakeKey("confined", {"router", "--account", "acme"});
  MakeKey("customer", {"customer", "--account", "acme"});
  MakeKey("metrics", {"metrics"});
  const std::vector<std::string> one = {"watch", "acme", "--from-entry", "1", "--count", "1"};
  const std::vector<std::string> all = {"watch", "--from-entry", "1", "--count", "1"};

  for (const std::string key : {"router", "confined", "customer"}) {
    const Outcome watched = Run(one, key);
    EXPECT_EQ(watched.exit_code, 0) << key << watched;
    EXPECT_THAT(watched.out, HasSubstr("credit  5.00")) << key;
  }
  EXPECT_EQ(Run(all, "router").exit_code, 0);
  EXPECT_EQ(Run(all, "customer").exit_code, 1);
  EXPECT_EQ(Run(all, "metrics").exit_code, 1);
  EXPECT_EQ(Run({"watch", "nobody"}, "router").exit_code, 3);
}

TEST_F(CliKeysTest, AKeyMayExpireSoLongFromNow) {
  MakeKey("brief", {"support", "--expires", "24h"});

  EXPECT_EQ(Run({"balance", "acme"}, "brief").exit_code, 0);
  EXPECT_EQ(Run({"key", "create", "support", "--expires", "2020-01-01"}).exit_code, 2);
}

// ---- Money in

class CliPaymentsTest : public CliEndToEndTest {
 protected:
  CliPaymentsTest() : CliEndToEndTest({"--payments", "simulated"}) {}

  void Register(const std::string& card) {
    const nlohmann::json setup = RunJson({"card", "setup", "acme"});
    const std::string id = setup["setup_id"];
    ASSERT_EQ(Run({"card", "complete", "acme", absl::StrCat(id, ":", card)}), 0) << last_.err;
  }
};

TEST_F(CliPaymentsTest, FromACardToACredit) {
  ASSERT_EQ(Run({"card", "show", "acme"}), 0);
  EXPECT_THAT(last_.err, HasSubstr("card setup"));
  Register("pm_card_visa");
  ASSERT_EQ(Run({"card", "show", "acme"}), 0);
  EXPECT_THAT(last_.out, HasSubstr("4242"));

  ASSERT_EQ(Run({"pay", "acme", "25", "--request-id", "p1"}), 0) << last_.err;
  EXPECT_THAT(last_.out, HasSubstr("credited"));
  ASSERT_EQ(Run({"pay", "acme", "25", "--request-id", "p1"}), 0) << last_.err;
  EXPECT_THAT(last_.out, HasSubstr("paid before"));
  EXPECT_EQ(Balance(), "30000000");

  ASSERT_EQ(Run({"recharge", "history", "acme"}), 0);
  EXPECT_THAT(last_.out, HasSubstr("pi_simulated_1"));
  ASSERT_EQ(Run({"recharge", "reconcile"}), 0) << last_.err;
  EXPECT_THAT(last_.out, HasSubstr("differences"));
}

TEST_F(CliPaymentsTest, SettingsAreChangedOneByOneAndSaidWhereTheyAreRefused) {
  ASSERT_EQ(Run({"recharge", "set", "acme", "--amount", "50", "--below", "15", "--email",
                 "a@acme.example"}),
            2);
  EXPECT_THAT(last_.err, HasSubstr("amount_micros"));
  EXPECT_THAT(last_.err, HasSubstr("50.00"));
  ASSERT_EQ(Run({"recharge", "set", "acme", "--amount", "60", "--below", "15", "--email",
                 "a@acme.example"}),
            0)
      << last_.err;
  EXPECT_THAT(last_.out, HasSubstr("there is no card on file"));

  ASSERT_EQ(Run({"recharge", "set", "acme", "--daily-max", "3"}), 0) << last_.err;
  const nlohmann::json shown = RunJson({"recharge", "show", "acme"})["auto_recharge"];
  EXPECT_EQ(shown["daily_charges_max"], 3);
  EXPECT_EQ(shown["amount_micros"], "60000000");
  EXPECT_EQ(shown["failure_email"], "a@acme.example");

  ASSERT_EQ(Run({"recharge", "set", "acme", "--off"}), 0) << last_.err;
  ASSERT_EQ(Run({"recharge", "show", "acme"}), 0);
  EXPECT_THAT(last_.out, HasSubstr("off"));
}

TEST_F(CliPaymentsTest, ADeclineSaysTheProvidersCode) {
  ASSERT_EQ(Run({"pay", "acme", "25"}), 1);
  EXPECT_THAT(last_.err, HasSubstr("NO_CARD"));
  Register("pm_card_chargeDeclinedInsufficientFunds");

  ASSERT_EQ(Run({"pay", "acme", "25"}), 1);

  EXPECT_THAT(last_.err, HasSubstr("CARD_DECLINED"));
  EXPECT_THAT(last_.err, HasSubstr("insufficient_funds"));
  EXPECT_EQ(Balance(), "5000000");
  ASSERT_EQ(Run({"recharge", "retry", "acme"}), 0) << last_.err;
}

TEST_F(CliPaymentsTest, DeletingTheLastCardSwitchesAutoRechargeOff) {
  Register("pm_card_visa");
  ASSERT_EQ(Run({"recharge", "set", "acme", "--amount", "60", "--below", "15", "--email",
                 "a@acme.example", "--target"}),
            0)
      << last_.err;

  ASSERT_EQ(Run({"card", "delete", "acme", "pm_mistyped"}), 0) << last_.err;
  EXPECT_THAT(last_.out, HasSubstr("not on file"));
  ASSERT_EQ(Run({"card", "delete", "acme"}), 0) << last_.err;

  EXPECT_THAT(last_.out, HasSubstr("switched off"));
  EXPECT_EQ(Run({"card", "delete", "acme"}), 2);
}

TEST_F(CliEndToEndTest, ANumberIsBoughtListedAndReleased) {
  ASSERT_EQ(Run({"number", "buy", "acme", "+15550001", "--request-id", "n1"}), 0) << last_.err;
  EXPECT_THAT(last_.out, HasSubstr("active"));
  EXPECT_EQ(Run({"number", "buy", "acme", "+15550001"}), 1);
  EXPECT_THAT(last_.err, HasSubstr("NUMBER_TAKEN"));
  ASSERT_EQ(Run({"number", "list", "acme"}), 0);
  EXPECT_THAT(last_.out, HasSubstr("+15550001"));

  ASSERT_EQ(Run({"number", "release", "acme", "+15550001"}), 0) << last_.err;

  EXPECT_THAT(last_.out, HasSubstr("released"));
  EXPECT_EQ(Run({"number", "release", "acme", "+15550009"}), 3);
}

}  // namespace
}  // namespace farebox::testing
