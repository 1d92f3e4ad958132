#include "client/cli/server_rates.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "client/cli/server_view.h"

namespace farebox::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// Two looks at a server, two seconds apart.
v1::GetStatusResponse Before() {
  return Parse<v1::GetStatusResponse>(R"(
    version: '1.2.3' start_time { seconds: 1000 } time { seconds: 4600 }
    accounts: 3 entries: 1000 batches: 100 queued_max: 65536 disk_free_bytes: 50000000000
    commits { bound_micros: [1000, 2000] counts: [100, 0, 0] }
    rpcs { method: 'farebox.v1.BillingService/Debit' code: 'OK' count: 900 }
    rpcs { method: 'farebox.v1.BillingService/GetBalance' code: 'OK' count: 50 }
    rpc_latencies {
      method: 'farebox.v1.BillingService/Debit'
      latency { bound_micros: [1000, 2000] counts: [900, 0, 0] }
    }
    declines { reason: REASON_NO_RATE count: 5 }
    process { cpu_time { seconds: 10 } }
  )");
}

v1::GetStatusResponse After() {
  return Parse<v1::GetStatusResponse>(R"(
    version: '1.2.3' start_time { seconds: 1000 } time { seconds: 4602 }
    accounts: 3 entries: 1400 batches: 120 queued: 7 queued_max: 65536
    disk_free_bytes: 50000000000 wal_bytes: 4100000 journal_bytes: 10100000
    commits { bound_micros: [1000, 2000] counts: [100, 20, 0] }
    syncs { bound_micros: [1000, 2000] counts: [20, 0, 0] }
    rpcs { method: 'farebox.v1.BillingService/Debit' code: 'OK' count: 1290 }
    rpcs { method: 'farebox.v1.BillingService/Debit' code: 'NOT_FOUND' count: 10 }
    rpcs { method: 'farebox.v1.BillingService/GetBalance' code: 'OK' count: 50 }
    rpc_latencies {
      method: 'farebox.v1.BillingService/Debit'
      latency { bound_micros: [1000, 2000] counts: [1100, 198, 2] }
    }
    currencies {
      currency_code: 'USD' accounts: 3 open_holds: 2 held_micros: '1500000'
      balance_micros: '9300000000000000000000'
    }
    declines { reason: REASON_NO_RATE count: 5 }
    declines { reason: REASON_INSUFFICIENT_BALANCE count: 4 }
    recharges { reached { state: RECHARGE_STATE_CREDITED count: 2 } open: 1
                oldest_open_age { seconds: 65 } }
    mails { sent: 3 waiting: 1 oldest_waiting_age { seconds: 5 } }
    process { cpu_time { seconds: 13 } resident_bytes: 120400000 open_descriptors: 43
              descriptors_max: 1024 }
  )");
}

TEST(ServerRates, AreWhatCameInBetweenBySecond) {
  const ServerRates rates = RatesBetween(Before(), After());

  EXPECT_EQ(rates.interval, absl::Seconds(2));
  EXPECT_EQ(rates.entries_per_second, 200);
  EXPECT_EQ(rates.commits_per_second, 10);
  EXPECT_EQ(rates.entries_per_commit, 20);
  EXPECT_EQ(rates.cpus, 1.5);
  ASSERT_EQ(rates.rpcs.size(), 2u);
  EXPECT_EQ(rates.rpcs[0].method, "BillingService/Debit");
  EXPECT_EQ(rates.rpcs[0].calls_per_second, 200);
  EXPECT_EQ(rates.rpcs[0].errors_per_second, 5);
  EXPECT_EQ(rates.rpcs[0].calls, 1300);
  EXPECT_EQ(rates.rpcs[1].calls_per_second, 0);
  EXPECT_THAT(rates.errors, ElementsAre(AllOf(Field(&NamedRate::name, "NOT_FOUND"),
                                              Field(&NamedRate::per_second, 5))));
  EXPECT_THAT(rates.declines, ElementsAre(AllOf(Field(&NamedRate::name, "insufficient-balance"),
                                                Field(&NamedRate::per_second, 2))));
  EXPECT_THAT(rates.recharges, ElementsAre(Field(&NamedRate::name, "credited")));
}

TEST(ServerRates, QuantilesAreOfTheIntervalAlone) {
  const ServerRates rates = RatesBetween(Before(), After());

  // All 20 commits took one to two milliseconds; the 100 before it less.
  EXPECT_EQ(rates.commit.p50, absl::Microseconds(1'500));
  EXPECT_EQ(rates.sync.p50, absl::Microseconds(500));
  EXPECT_EQ(rates.rpcs[0].latency.p50, absl::Milliseconds(1));
  EXPECT_EQ(rates.rpcs[1].latency.p50, std::nullopt);
}

TEST(ServerRates, WhatIsBeyondTheLastBoundIsInfinite) {
  const Quantiles quantiles =
      QuantilesOf(Parse<v1::DurationHistogram>("bound_micros: 10 counts: [10, 10]"));

  EXPECT_EQ(quantiles.p50, absl::Microseconds(10));
  EXPECT_EQ(quantiles.p99, absl::InfiniteDuration());
  EXPECT_EQ(QuantilesOf({}).p99, std::nullopt);
}

TEST(ServerRates, OfAServerThatWasStartedAgainCountItsNewLife) {
  v1::GetStatusResponse after = After();
  after.mutable_start_time()->set_seconds(4600);
  after.set_start_entries(1200);
  after.set_start_batches(116);

  const ServerRates rates = RatesBetween(Before(), after);

  EXPECT_EQ(rates.interval, absl::Seconds(2));
  EXPECT_EQ(rates.rpcs[0].calls_per_second, 650);
  EXPECT_EQ(rates.commits_per_second, 2);
  EXPECT_EQ(rates.entries_per_second, 100);
  EXPECT_EQ(rates.entries_per_commit, 50);
}

ServerViewOptions Options() { return {.server = "127.0.0.1:50051", .zone = absl::UTCTimeZone()}; }

TEST(ServerView, ShowsASubjectALineAndTheRpcsBelow) {
  const std::string text = ServerText(After(), RatesBetween(Before(), After()), Options());

  EXPECT_THAT(
      text,
      AllOf(HasSubstr("server   1.2.3 at 127.0.0.1:50051   1970-01-01 01:16:42 UTC   up 1h 00m "),
            HasSubstr("1.50 processors   120 MB memory   43 of 1024 descriptors"),
            HasSubstr("200/s entries   10/s commits   20 entries a commit"),
            HasSubstr("p50 1.5ms  p99 1.99ms   of that the disk: p50 500us  p99 990us"),
            HasSubstr("7 of 65536 changes wait"), HasSubstr("6.0 MB journal   4.1 MB log"),
            HasSubstr("USD   3 accounts   2 open holds   1.50 held   9300000000000000.00 balances"),
            HasSubstr("2.0/s insufficient-balance"), HasSubstr("5.0/s NOT_FOUND"),
            HasSubstr("1 open   oldest 1m 05s"), HasSubstr("3 sent")));
  EXPECT_THAT(text, HasSubstr("BillingService/Debit           200       5.0  1ms"));
}

std::string FirstRpc(const ServerViewOptions& options) {
  const std::string text = ServerText(After(), RatesBetween(Before(), After()), options);
  const size_t heading = text.find("\nrpc ");
  const size_t line = text.find('\n', heading + 1) + 1;
  return text.substr(line, text.find(' ', line) - line);
}

TEST(ServerView, SortsRpcsAsIsWanted) {
  ServerViewOptions options = Options();
  EXPECT_EQ(FirstRpc(options), "BillingService/Debit");
  options.is_reversed = true;
  EXPECT_EQ(FirstRpc(options), "BillingService/GetBalance");
  options = Options();
  options.order = RpcOrder::kByName;
  EXPECT_EQ(FirstRpc(options), "BillingService/Debit");
  options.order = RpcOrder::kByErrors;
  EXPECT_EQ(FirstRpc(options), "BillingService/Debit");
  options.order = RpcOrder::kByLatency;
  EXPECT_EQ(FirstRpc(options), "BillingService/Debit");
}

TEST(ServerView, MarksWhatIsWrong) {
  ServerViewOptions options = Options();
  options.has_colour = true;
  const std::string kRed = "\x1b[31m";
  // What callers have asked wrongly for is their own matter.
  const v1::GetStatusResponse well = After();
  ASSERT_THAT(ServerText(well, RatesBetween(Before(), well), options), Not(HasSubstr(kRed)));

  v1::GetStatusResponse stuck = well;
  stuck.mutable_commit_under_way()->set_seconds(3);
  v1::GetStatusResponse filling = well;
  filling.set_queued(40'000);
  v1::GetStatusResponse full = well;
  full.set_disk_free_bytes(1'000'000);
  v1::GetStatusResponse silent = well;
  silent.mutable_mails()->set_given_up(1);
  v1::GetStatusResponse failing = well;
  failing.mutable_rpcs(1)->set_code("UNAVAILABLE");
  for (const v1::GetStatusResponse& status : {stuck, filling, full, silent, failing}) {
    EXPECT_THAT(ServerText(status, RatesBetween(Before(), status), options), HasSubstr(kRed));
  }
}

// Once, a disk that nobody could ask was shown as a full one.
TEST(ServerView, SaysNothingOfADiskThatNobodyCanTell) {
  ServerViewOptions options = Options();
  options.has_colour = true;
  v1::GetStatusResponse unknown = After();
  unknown.clear_disk_free_bytes();
  const ServerRates rates = RatesBetween(Before(), unknown);

  EXPECT_THAT(ServerText(unknown, rates, options),
              AllOf(HasSubstr("derived"), Not(HasSubstr(" free")), Not(HasSubstr("\x1b[31m"))));
  EXPECT_EQ(nlohmann::json::parse(ServerJson(unknown, rates))["disk_free_bytes"], nullptr);
  unknown.set_disk_free_bytes(0);
  EXPECT_THAT(ServerText(unknown, rates, options),
              AllOf(HasSubstr("0 B free"), HasSubstr("\x1b[31m")));
}

// The pages of customers ask so for payments whose banks want something of them.
TEST(ServerView, MarksNoPaymentThatWaits) {
  ServerViewOptions options = Options();
  options.has_colour = true;
  v1::GetStatusResponse waiting = After();
  v1::RpcCount* const pay = waiting.add_rpcs();
  pay->set_method("farebox.v1.RechargeService/Pay");
  pay->set_code("UNAVAILABLE");
  pay->set_count(8);

  const std::string text = ServerText(waiting, RatesBetween(Before(), waiting), options);

  EXPECT_THAT(text, AllOf(HasSubstr("4.0/s UNAVAILABLE"), Not(HasSubstr("\x1b[31m"))));
}

TEST(ServerView, IsJsonForPrograms) {
  const std::string line = ServerJson(After(), RatesBetween(Before(), After()));

  EXPECT_THAT(line, Not(HasSubstr("\n")));
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  EXPECT_EQ(json["time"], "1970-01-01T01:16:42+00:00");
  EXPECT_EQ(json["commits_per_second"], 10.0);
  EXPECT_EQ(json["commit"]["p50_us"], 1'500);
  EXPECT_EQ(json["currencies"][0]["held_micros"], "1500000");
  EXPECT_EQ(json["declines_per_second"]["insufficient-balance"], 2.0);
  EXPECT_EQ(json["rpcs"][0]["method"], "BillingService/Debit");
  EXPECT_EQ(json["rpcs"][1]["latency"]["p99_us"], nullptr);
}

TEST(ServerView, HidesWhatWouldSteerTheTerminal) {
  v1::GetStatusResponse status = After();
  status.set_version("\x1b[2J");

  EXPECT_THAT(ServerText(status, RatesBetween(Before(), status), Options()),
              Not(HasSubstr("\x1b")));
}

TEST(FormatBytes, HasThreeDigitsOrSo) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1'500), "1.5 kB");
  EXPECT_EQ(FormatBytes(120'400'000), "120 MB");
  EXPECT_EQ(FormatBytes(5'000'000'000'000'000), "5000 TB");
}

}  // namespace
}  // namespace farebox::cli
