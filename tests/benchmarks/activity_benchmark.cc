// What reading an account costs that has a million entries over 400 days, beside one that has
// ten: pages at any date, with narrow filters, summaries, and an export, also to a caller that
// reads slowly. Through the real server's socket; server and caller are one process.
//
//   activity_benchmark [ENTRIES]

#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cpp/client.h"
#include "server/base/log.h"
#include "server/server.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "tests/support/temporary_directory.h"

namespace farebox::server {
namespace {

constexpr int kDays = 400;
constexpr int kBatch = 500;
// One credit among so many debits.
constexpr int kCreditEvery = 20'000;

int64_t ResidentBytes() {
  constexpr int64_t kPageBytes = 4096;
  std::ifstream file("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  file >> total >> resident;
  return resident * kPageBytes;
}

class Benchmark {
 public:
  explicit Benchmark(int entries) : entries_(entries) {
    ConfigureLog(LogFormat::kText, LogLevel::kError);
    Config config;
    config.data_directory = absl::StrCat(directory_.path(), "/data");
    config.listen = "127.0.0.1:0";
    auto server = Server::Start(config, &clock_, [](const absl::Status&) { FAREBOX_CHECK(false); });
    FAREBOX_CHECK(server.ok());
    server_ = *std::move(server);
    client_ = std::make_unique<client::Client>(
        client::ClientOptions{.target = absl::StrCat("127.0.0.1:", server_->port())});
  }

  void Run() {
    Open("small");
    Open("large");
    Fill("small", 10, absl::ZeroDuration());
    Fill("large", entries_, absl::Hours(24 * kDays));
    std::cout << absl::StrFormat("%-52s %10s %10s   (us, p50 of 200 calls)\n", "", "10",
                                 absl::StrCat(entries_));
    Pages();
    Summaries();
    Exports();
  }

 private:
  // The client's own ids carry today's time, which is the future to a ledger of back then.
  std::string NextRequestId() { return absl::StrCat("benchmark-", ++request_ids_); }

  void Open(const std::string& id) {
    v1::CreateAccountRequest open;
    open.set_request_id(NextRequestId());
    open.mutable_account()->set_account_id(id);
    open.mutable_account()->set_currency_code("USD");
    open.mutable_account()->set_time_zone("America/New_York");
    FAREBOX_CHECK(client_->CreateAccount(open).ok());
    Credit(id);
  }

  void Credit(const std::string& id) {
    v1::CreditRequest credit;
    credit.set_account_id(id);
    credit.set_request_id(NextRequestId());
    credit.set_amount_micros(1'000'000'000'000);
    credit.set_reason(v1::CREDIT_REASON_PAYMENT);
    FAREBOX_CHECK(client_->Credit(credit).ok());
  }

  void Fill(const std::string& id, int count, absl::Duration over) {
    constexpr v1::Item kItems[] = {v1::ITEM_OUTBOUND_CALL, v1::ITEM_OUTBOUND_CALL,
                                   v1::ITEM_OUTGOING_TEXT, v1::ITEM_INBOUND_CALL};
    for (int done = 0; done < count;) {
      v1::ApplyBatchRequest batch;
      for (int i = 0; i < kBatch && done < count; ++i, ++done) {
        auto* const debit = batch.add_operations()->mutable_debit();
        debit->set_account_id(id);
        debit->set_request_id(NextRequestId());
        debit->set_amount_micros(4'500 + done % 1'000);
        debit->set_item(kItems[done % 4]);
      }
      FAREBOX_CHECK(client_->ApplyBatch(batch).ok());
      if (done % kCreditEvery == 0) Credit(id);
      clock_.Advance(over * kBatch / count);
    }
  }

  // The medians for the small and the large account.
  void Time(const std::string& name, const std::function<void(const std::string&, int)>& call) {
    std::string line = absl::StrFormat("%-52s", name);
    for (const char* id : {"small", "large"}) {
      std::vector<double> micros;
      for (int i = 0; i < 200; ++i) {
        const absl::Time start = SystemClock().Now();
        call(id, i);
        micros.push_back(absl::ToDoubleMicroseconds(SystemClock().Now() - start));
      }
      std::sort(micros.begin(), micros.end());
      absl::StrAppendFormat(&line, " %10.0f", micros[micros.size() / 2]);
    }
    std::cout << line << std::endl;
  }

  // 50 lines, before the `i`th of some moments of the time that there is.
  void Page(const std::string& id, v1::ActivityShow show, v1::Item item, int i) {
    v1::ListActivityRequest request;
    request.set_account_id(id);
    request.set_show(show);
    if (item != v1::ITEM_UNSPECIFIED) request.add_items(item);
    if (i >= 0) {
      const absl::Duration back = absl::Hours(24 * kDays) * (i * 7'919 % 1'000) / 1'000;
      request.mutable_to_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() - back));
    }
    FAREBOX_CHECK(client_->ListActivity(request).ok());
  }

  void Pages() {
    Time("newest page", [this](const std::string& id, int) {
      Page(id, v1::ACTIVITY_SHOW_ALL, v1::ITEM_UNSPECIFIED, -1);
    });
    Time("page at any date", [this](const std::string& id, int i) {
      Page(id, v1::ACTIVITY_SHOW_ALL, v1::ITEM_UNSPECIFIED, i);
    });
    Time("page of credits, one in 20,000", [this](const std::string& id, int) {
      Page(id, v1::ACTIVITY_SHOW_CREDITS, v1::ITEM_UNSPECIFIED, -1);
    });
    Time("page of credits before any date", [this](const std::string& id, int i) {
      Page(id, v1::ACTIVITY_SHOW_CREDITS, v1::ITEM_UNSPECIFIED, i);
    });
    Time("page of one item, one in 4", [this](const std::string& id, int) {
      Page(id, v1::ACTIVITY_SHOW_DEBITS, v1::ITEM_INBOUND_CALL, -1);
    });
    Time("page of an item that there is none of", [this](const std::string& id, int) {
      Page(id, v1::ACTIVITY_SHOW_ALL, v1::ITEM_REFUND, -1);
    });
  }

  void Summaries() {
    const auto summary = [this](int days, v1::SummaryStep step) {
      return [this, days, step](const std::string& id, int) {
        v1::GetSummaryRequest request;
        request.set_account_id(id);
        request.set_step(step);
        const absl::CivilDay today = absl::ToCivilDay(clock_.Now(), absl::UTCTimeZone());
        request.set_from_date(absl::FormatCivilTime(today - days));
        FAREBOX_CHECK(client_->GetSummary(request).ok());
      };
    };
    Time("summary of 400 days, as one", summary(kDays, v1::SUMMARY_STEP_NONE));
    Time("summary of 400 days by month", summary(kDays, v1::SUMMARY_STEP_MONTH));
    Time("summary of 30 days by day", summary(30, v1::SUMMARY_STEP_DAY));
    Time("summary of 400 days by day", summary(kDays, v1::SUMMARY_STEP_DAY));
  }

  void Exports() {
    const absl::Duration no_pause;
    Export("export", no_pause, entries_);
    // A reader of a few hundred lines a second.
    Export("export to a slow reader, its first 20 s", absl::Milliseconds(400), 20'000);
  }

  void Export(const std::string& name, absl::Duration pause, int64_t lines_max) {
    v1::ExportActivityRequest request;
    request.set_account_id("large");
    const int64_t resident_before = ResidentBytes();
    const absl::Time start = SystemClock().Now();
    int64_t resident_max = resident_before;
    int64_t bytes = 0;
    int64_t lines = 0;
    const absl::Status status = client_->ExportActivity(
        request,
        [&](const v1::ExportActivityResponse& piece) {
          bytes += static_cast<int64_t>(piece.csv().size());
          lines = piece.exported_entries();
          resident_max = std::max(resident_max, ResidentBytes());
          if (pause > absl::ZeroDuration()) {
            timespec time = absl::ToTimespec(pause);
            nanosleep(&time, nullptr);
          }
        },
        {.timeout = pause > absl::ZeroDuration() ? absl::Seconds(20) : absl::Minutes(10)});
    FAREBOX_CHECK(status.ok() || lines < lines_max);
    const double seconds = absl::ToDoubleSeconds(SystemClock().Now() - start);
    std::cout << absl::StrFormat("%s: %d lines, %.0f MB, %.1f s, memory grew by %.1f MB\n", name,
                                 lines, static_cast<double>(bytes) / 1e6, seconds,
                                 static_cast<double>(resident_max - resident_before) / 1e6);
  }

  const int entries_;
  int64_t request_ids_ = 0;
  testing::TemporaryDirectory directory_;
  ManualClock clock_{absl::FromUnixSeconds(1'767'225'600)};  // 2026-01-01
  std::unique_ptr<Server> server_;
  std::unique_ptr<client::Client> client_;
};

}  // namespace
}  // namespace farebox::server

int main(int argc, char** argv) {
  int entries = 1'000'000;
  if (argc > 1 && !absl::SimpleAtoi(argv[1], &entries)) return 64;
  farebox::server::Benchmark(entries).Run();
  return 0;
}
