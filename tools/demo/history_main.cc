#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/client.h"
#include "server/server.h"
#include "storage/clock.h"
#include "storage/status_macros.h"
#include "tools/drivers/call_log.h"
#include "tools/drivers/csv_table.h"

// Makes a ledger with an account that has a past: weeks of calls, texts, numbers and payments, at
// the times at which they would have been made. A whole server does it, with a clock that is moved.
namespace farebox::demo {
namespace {

constexpr int64_t kUnit = 1'000'000;
// Paid in when no more is left, as people do who do not want to think of it every day.
constexpr int64_t kLowMicros = 15 * kUnit;
constexpr int64_t kPaymentMicros = 50 * kUnit;
// The demo's own numbers, so that its calls have two ends. They are bought so late that no further
// month is due: the balance stays as it is made.
constexpr char kOwnNumber[] = "+12025550123";
constexpr char kSecondNumber[] = "+12025550187";
constexpr int kDayStartHour = 8;
constexpr int kHoursADay = 11;
constexpr int64_t kBatchMax = 10'000;

struct Flags {
  std::string ledger;
  std::string deck;
  std::string calls;
  std::string texts;
  std::string account = "demo";
  std::string time_zone = "America/New_York";
  int days = 60;
  int64_t bulk = 0;
};

// What happens in which hour. The same for the same logs.
class Past {
 public:
  Past(const Flags& flags, client::Client* client, ManualClock* clock)
      : flags_(flags), client_(client), clock_(clock) {}

  absl::Status Open();
  // `calls` and `texts` are taken one after the other, from the beginning.
  absl::Status Play(const std::vector<drivers::LoggedCall>& calls,
                    const std::vector<drivers::LoggedText>& texts, absl::Time end);

 private:
  std::string NextId() { return absl::StrCat("demo-past-", ++last_id_); }
  absl::Status Credit(v1::CreditReason reason, int64_t micros, absl::string_view description);
  absl::Status Buy(absl::string_view number);
  absl::Status PlayHour(int calls, int texts);
  // So many debits of a millionth.
  absl::Status PlayBulk(int64_t count);
  v1::DebitRequest DebitOf(const drivers::LoggedCall& call);
  v1::DebitRequest DebitOf(const drivers::LoggedText& text);

  const Flags flags_;
  client::Client* const client_;
  ManualClock* const clock_;
  const std::vector<drivers::LoggedCall>* calls_ = nullptr;
  const std::vector<drivers::LoggedText>* texts_ = nullptr;
  size_t next_call_ = 0;
  size_t next_text_ = 0;
  int last_id_ = 0;
};

absl::Status Past::Open() {
  FAREBOX_ASSIGN_OR_RETURN(const std::string deck, drivers::ReadFile(flags_.deck));
  FAREBOX_RETURN_IF_ERROR(client_->ImportRates("demo", deck).status());
  v1::CreateAccountRequest request;
  request.set_request_id("demo-open");
  v1::Account* const account = request.mutable_account();
  account->set_account_id(flags_.account);
  account->set_currency_code("USD");
  account->set_deck("demo");
  account->set_time_zone(flags_.time_zone);
  account->set_email("demo@example.org");
  account->set_low_balance_threshold_micros(10 * kUnit);
  FAREBOX_RETURN_IF_ERROR(client_->CreateAccount(request).status());
  FAREBOX_RETURN_IF_ERROR(Credit(v1::CREDIT_REASON_PROMOTION, 10 * kUnit, "Welcome to Farebox"));
  return Credit(v1::CREDIT_REASON_PAYMENT, kPaymentMicros, "Bank transfer");
}

absl::Status Past::Credit(v1::CreditReason reason, int64_t micros, absl::string_view description) {
  v1::CreditRequest request;
  request.set_account_id(flags_.account);
  request.set_request_id(NextId());
  request.set_reason(reason);
  request.set_amount_micros(micros);
  request.set_description(std::string(description));
  return client_->Credit(request).status();
}

absl::Status Past::Buy(absl::string_view number) {
  v1::PurchaseNumberRequest request;
  request.set_account_id(flags_.account);
  request.set_request_id(NextId());
  request.set_number(std::string(number));
  return client_->PurchaseNumber(request).status();
}

v1::DebitRequest Past::DebitOf(const drivers::LoggedCall& call) {
  v1::DebitRequest request;
  v1::Call* const used = request.mutable_usage()->mutable_call();
  used->set_direction(call.party.outbound ? v1::DIRECTION_OUTBOUND : v1::DIRECTION_INBOUND);
  used->set_from(call.party.outbound ? kOwnNumber : call.party.from);
  used->set_to(call.party.outbound ? call.party.to : kOwnNumber);
  request.set_used_seconds(call.seconds);
  return request;
}

v1::DebitRequest Past::DebitOf(const drivers::LoggedText& text) {
  v1::DebitRequest request;
  v1::Text* const used = request.mutable_usage()->mutable_text();
  used->set_direction(text.party.outbound ? v1::DIRECTION_OUTBOUND : v1::DIRECTION_INBOUND);
  used->set_from(text.party.outbound ? kOwnNumber : text.party.from);
  used->set_to(text.party.outbound ? text.party.to : kOwnNumber);
  used->set_segments(std::max(text.segments, 1));
  return request;
}

absl::Status Past::PlayHour(int calls, int texts) {
  v1::ApplyBatchRequest batch;
  const auto add = [&](v1::DebitRequest debit) {
    debit.set_account_id(flags_.account);
    debit.set_request_id(NextId());
    *batch.add_operations()->mutable_debit() = std::move(debit);
  };
  while (calls > 0 && next_call_ < calls_->size()) {
    const drivers::LoggedCall& call = calls_->at(next_call_++);
    if (!call.answered) continue;
    add(DebitOf(call));
    --calls;
  }
  for (; texts > 0 && next_text_ < texts_->size(); --texts) add(DebitOf(texts_->at(next_text_++)));
  if (batch.operations().empty()) return absl::OkStatus();
  FAREBOX_RETURN_IF_ERROR(client_->ApplyBatch(std::move(batch)).status());
  v1::GetBalanceRequest request;
  request.set_account_id(flags_.account);
  FAREBOX_ASSIGN_OR_RETURN(const v1::GetBalanceResponse balance, client_->GetBalance(request));
  if (balance.available_micros() >= kLowMicros) return absl::OkStatus();
  clock_->Advance(absl::Minutes(7));
  return Credit(v1::CREDIT_REASON_PAYMENT, kPaymentMicros, "Bank transfer");
}

absl::Status Past::PlayBulk(int64_t count) {
  while (count > 0) {
    v1::ApplyBatchRequest batch;
    for (int64_t i = std::min(count, kBatchMax); i > 0; --i) {
      v1::DebitRequest* const debit = batch.add_operations()->mutable_debit();
      debit->set_account_id(flags_.account);
      debit->set_request_id(NextId());
      debit->set_amount_micros(1);
      debit->set_item(v1::ITEM_OUTGOING_TEXT);
    }
    count -= batch.operations_size();
    FAREBOX_RETURN_IF_ERROR(client_->ApplyBatch(std::move(batch)).status());
  }
  return absl::OkStatus();
}

absl::Status Past::Play(const std::vector<drivers::LoggedCall>& calls,
                        const std::vector<drivers::LoggedText>& texts, absl::Time end) {
  calls_ = &calls;
  texts_ = &texts;
  absl::TimeZone zone;
  absl::LoadTimeZone(flags_.time_zone, &zone);
  const absl::CivilDay first = absl::ToCivilDay(clock_->Now(), zone) + 1;
  for (int day = 0; day < flags_.days; ++day) {
    const absl::CivilDay date = first + day;
    const absl::Weekday weekday = absl::GetWeekday(date);
    const bool is_weekend = weekday == absl::Weekday::saturday || weekday == absl::Weekday::sunday;
    for (int hour = 0; hour < kHoursADay; ++hour) {
      const absl::Time time =
          absl::FromCivil(absl::CivilMinute(date.year(), date.month(), date.day(),
                                            kDayStartHour + hour, (day * 17 + hour * 23) % 50),
                          zone);
      if (time >= end) return absl::OkStatus();
      clock_->Set(time);
      // More in the middle of the day, less at its ends, and little at weekends.
      const int busy = 1 + std::min(hour, kHoursADay - hour) / 2;
      FAREBOX_RETURN_IF_ERROR(PlayHour(is_weekend ? hour % 2 : busy, (day + hour) % 3));
    }
    FAREBOX_RETURN_IF_ERROR(PlayBulk(flags_.bulk / flags_.days));
    if (day == std::max(0, flags_.days - 20)) FAREBOX_RETURN_IF_ERROR(Buy(kOwnNumber));
    if (day == std::max(0, flags_.days - 9)) FAREBOX_RETURN_IF_ERROR(Buy(kSecondNumber));
    if (day == flags_.days / 2) {
      FAREBOX_RETURN_IF_ERROR(
          Credit(v1::CREDIT_REASON_ADJUSTMENT, 2 * kUnit, "For the outage on Tuesday"));
    }
  }
  return absl::OkStatus();
}

absl::Status Make(const Flags& flags) {
  FAREBOX_ASSIGN_OR_RETURN(const std::string call_csv, drivers::ReadFile(flags.calls));
  FAREBOX_ASSIGN_OR_RETURN(const std::string text_csv, drivers::ReadFile(flags.texts));
  FAREBOX_ASSIGN_OR_RETURN(const auto calls, drivers::ParseCallLog(call_csv));
  FAREBOX_ASSIGN_OR_RETURN(const auto texts, drivers::ParseTextLog(text_csv));
  const absl::Time now = SystemClock().Now();
  ManualClock clock(now - absl::Hours(24) * (flags.days + 1));
  server::Config config;
  config.data_directory = flags.ledger;
  config.listen = "127.0.0.1:0";
  config.log_level = server::LogLevel::kWarning;
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<server::Server> server,
                           server::Server::Start(config, &clock, [](const absl::Status& failure) {
                             std::fprintf(stderr, "the ledger failed: %s\n",
                                          std::string(failure.message()).c_str());
                           }));
  {
    client::Client client({.target = absl::StrCat("127.0.0.1:", server->port())});
    Past past(flags, &client, &clock);
    FAREBOX_RETURN_IF_ERROR(past.Open());
    FAREBOX_RETURN_IF_ERROR(past.Play(calls, texts, now));
  }
  server->Drain();
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Makes a new ledger with an account that has weeks of activity behind it.");
  app.add_option("LEDGER", flags.ledger, "The folder to make it in")->required();
  app.add_option("--deck", flags.deck, "Its rates, as CSV")->required();
  app.add_option("--calls", flags.calls, "What calls are made: a call log")->required();
  app.add_option("--texts", flags.texts, "The same of texts")->required();
  app.add_option("--account", flags.account, "Its name");
  app.add_option("--time-zone", flags.time_zone, "Whose days it lives in");
  app.add_option("--days", flags.days, "How long its past is")->check(CLI::Range(1, 3'650));
  app.add_option("--bulk", flags.bulk, "So many tiny debits as well, the same on each day")
      ->check(CLI::NonNegativeNumber);
  CLI11_PARSE(app, argc, argv);
  const absl::Status made = Make(flags);
  if (made.ok()) return 0;
  std::fprintf(stderr, "no past could be made: %s\n", std::string(made.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace farebox::demo

int main(int argc, char** argv) { return farebox::demo::Main(argc, argv); }
