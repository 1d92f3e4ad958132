#include "tools/drivers/steady_load.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "client/cpp/errors.h"
#include "client/cpp/request_id.h"
#include "storage/check.h"
#include "storage/status_macros.h"
#include "tools/drivers/observation.h"

namespace farebox::drivers {
namespace {

constexpr char kDeck[] = "steady";
constexpr char kDeckCsv[] =
    "item,prefix,rate_per_minute,initial_increment,increment,unit_fee\n"
    "OUTBOUND_CALL,44,0.0123,1,6,\n"
    "OUTGOING_TEXT,44,,,,0.0041\n";
constexpr char kFrom[] = "+12025550123";
constexpr char kTo[] = "+442071838750";

constexpr int64_t kOpeningMicros = 10'000'000'000;
// One account in so many has next to nothing: it is refused most of the time.
constexpr size_t kPoorEvery = 50;
constexpr int64_t kPoorMicros = 50'000;
constexpr int64_t kCreditMicros = 50'000;

constexpr int64_t kAskedSeconds = 60;
constexpr int kTextsOfBatch = 10;
// Of a hundred calls: so many ask for more, and so many are released.
constexpr int64_t kReauthorizePercent = 30;
constexpr int64_t kReleasePercent = 20;
// A call takes this many times the mean at most.
constexpr double kTalkMaxFactor = 5;

// What begins: so many of a hundred.
constexpr std::array<std::pair<SteadyKind, int>, 5> kMix = {{{SteadyKind::kAuthorize, 30},
                                                             {SteadyKind::kText, 30},
                                                             {SteadyKind::kBalance, 34},
                                                             {SteadyKind::kTexts, 3},
                                                             {SteadyKind::kCredit, 3}}};
// Calls to the server for each that begins: an Authorize is followed by an end, and maybe by a
// Reauthorize in between.
constexpr double kCallsEach = 1 + 0.30 * (1 + 0.30 * (1 - 0.20));

const std::array<const char*, kSteadyKinds> kNames = {"Authorize", "Reauthorize",  "Debit (end)",
                                                      "Release",   "Debit (text)", "ApplyBatch",
                                                      "Credit",    "GetBalance"};

std::string AccountId(size_t account) { return absl::StrCat("steady-", account); }

int64_t OpeningOf(size_t account) {
  return account % kPoorEvery == kPoorEvery - 1 ? kPoorMicros : kOpeningMicros;
}

int64_t UnixTenths(absl::Time time) { return absl::ToUnixMillis(time) / 100; }

// "UNAVAILABLE SHUTTING_DOWN".
std::string Describe(const absl::Status& status) {
  const std::string reason = client::ErrorOf(status).reason;
  return absl::StrCat(absl::StatusCodeToString(status.code()), reason.empty() ? "" : " ", reason);
}

absl::Status StatusOf(const v1::OperationResult& result) {
  return result.has_error() ? client::StatusFromProto(result.error()) : absl::OkStatus();
}

std::string OutcomeOf(const v1::OperationResult& result) {
  const std::string reason = ReasonOf(result);
  if (result.has_error()) return absl::StrCat("refused ", reason);
  return reason.empty() ? "OK" : absl::StrCat("denied ", reason);
}

// Whether the attempt says nothing about what was done.
bool IsTransient(absl::StatusCode code) {
  v1::OperationResult result;
  result.mutable_error()->set_code(static_cast<int>(code));
  return drivers::IsTransient(result);
}

}  // namespace

const char* NameOf(SteadyKind kind) { return kNames[static_cast<size_t>(kind)]; }

void LatencyCounts::Add(absl::Duration latency) {
  const int64_t micros = std::max(int64_t{1}, absl::ToInt64Microseconds(latency));
  ++buckets[static_cast<int>(std::log2(static_cast<double>(micros)) * 32)];
  max_micros = std::max(max_micros, micros);
}

SteadyLoad::SteadyLoad(SteadyOptions options, const Clients& clients, const Clock* clock)
    : options_(options),
      clients_(clients),
      clock_(clock),
      router_(clients.router),
      gateway_(clients.gateway),
      support_(clients.support),
      random_(std::random_device()()) {
  FAREBOX_CHECK(options_.accounts > 0);
}

absl::Status SteadyLoad::Prepare() {
  FAREBOX_RETURN_IF_ERROR(clients_.admin->ImportRates(kDeck, kDeckCsv).status());
  for (size_t i = 0; i < static_cast<size_t>(options_.accounts); ++i) {
    v1::CreateAccountRequest create;
    create.set_request_id("open");
    create.mutable_account()->set_account_id(AccountId(i));
    create.mutable_account()->set_currency_code("USD");
    create.mutable_account()->set_deck(kDeck);
    FAREBOX_RETURN_IF_ERROR(clients_.admin->CreateAccount(create).status());
    v1::CreditRequest credit;
    credit.set_account_id(AccountId(i));
    credit.set_request_id("opening");
    credit.set_amount_micros(OpeningOf(i));
    credit.set_reason(v1::CREDIT_REASON_PAYMENT);
    FAREBOX_RETURN_IF_ERROR(clients_.admin->Credit(credit).status());
  }
  return absl::OkStatus();
}

absl::Status SteadyLoad::ReadBalance(size_t account, v1::GetBalanceResponse* balance) {
  v1::GetBalanceRequest request;
  request.set_account_id(AccountId(account));
  FAREBOX_ASSIGN_OR_RETURN(*balance, clients_.admin->GetBalance(request));
  return absl::OkStatus();
}

absl::Status SteadyLoad::ReadStart() {
  told_.assign(static_cast<size_t>(options_.accounts), 0);
  for (size_t i = 0; i < told_.size(); ++i) {
    v1::GetBalanceResponse balance;
    FAREBOX_RETURN_IF_ERROR(ReadBalance(i, &balance));
    opening_.push_back(balance.balance_micros());
    result_.opening_micros += balance.balance_micros();
  }
  return absl::OkStatus();
}

absl::Status SteadyLoad::Run() {
  FAREBOX_RETURN_IF_ERROR(ReadStart());
  const absl::Time begin = clock_->Now();
  end_ = begin + options_.duration;
  absl::Time next = begin;
  for (absl::Time now = begin; now < end_ || !tasks_.empty(); now = clock_->Now()) {
    for (; !waiting_.empty() && waiting_.top().at <= now; waiting_.pop()) {
      ready_.push_back(waiting_.top().task);
    }
    if (options_.rate > 0) {
      const double mean = kCallsEach / options_.rate;
      for (; next <= std::min(now, end_); next += absl::Seconds(RandomTime(mean))) Start(next);
    } else {
      while (now < end_ && in_flight_ + ready_.size() < options_.calls_at_once) Start(now);
    }
    SendReady();
    absl::Time wake = now + absl::Milliseconds(20);
    if (!waiting_.empty()) wake = std::min(wake, waiting_.top().at);
    if (options_.rate > 0 && next < end_) wake = std::min(wake, next);
    // Not for each answer or arrival by itself: the machine is the server's as well.
    wake = std::max(wake, now + absl::Microseconds(300));
    for (const Answer& answer : inbox_.Take(wake - now)) Handle(answer);
  }
  result_.seconds = absl::ToDoubleSeconds(clock_->Now() - begin);
  return CheckBooks();
}

int64_t SteadyLoad::Random(int64_t below) {
  return static_cast<int64_t>(random_() % static_cast<uint64_t>(below));
}

double SteadyLoad::RandomTime(double mean) {
  return std::exponential_distribution<double>(1 / mean)(random_);
}

void SteadyLoad::Start(absl::Time due) {
  int64_t drawn = Random(100);
  size_t chosen = 0;
  while (drawn >= kMix[chosen].second) drawn -= kMix[chosen++].second;
  Task task = {.kind = kMix[chosen].first,
               .account = static_cast<size_t>(Random(options_.accounts)),
               .due = due};
  Fill(&task);
  ready_.push_back(Add(std::move(task)));
}

size_t SteadyLoad::Add(Task task) {
  tasks_.emplace(next_task_, std::make_unique<Task>(std::move(task)));
  return next_task_++;
}

void SteadyLoad::FillText(v1::Operation* operation, size_t account) {
  v1::DebitRequest* const debit = operation->mutable_debit();
  debit->set_account_id(AccountId(account));
  debit->set_request_id(client::MakeRequestId());
  v1::Text* const text = debit->mutable_usage()->mutable_text();
  text->set_direction(v1::DIRECTION_OUTBOUND);
  text->set_from(kFrom);
  text->set_to(kTo);
  text->set_segments(static_cast<int32_t>(1 + Random(3)));
}

// Of what begins something.
void SteadyLoad::Fill(Task* task) {
  if (task->kind == SteadyKind::kText) return FillText(&task->operation, task->account);
  if (task->kind == SteadyKind::kTexts) {
    for (int i = 0; i < kTextsOfBatch; ++i) FillText(task->batch.add_operations(), task->account);
    return;
  }
  if (task->kind == SteadyKind::kCredit) {
    v1::CreditRequest* const credit = task->operation.mutable_credit();
    credit->set_account_id(AccountId(task->account));
    credit->set_request_id(client::MakeRequestId());
    credit->set_amount_micros(kCreditMicros);
    credit->set_reason(v1::CREDIT_REASON_ADJUSTMENT);
    return;
  }
  if (task->kind != SteadyKind::kAuthorize) return;
  v1::AuthorizeRequest* const authorize = task->operation.mutable_authorize();
  authorize->set_account_id(AccountId(task->account));
  authorize->set_request_id(client::MakeRequestId());
  v1::Call* const call = authorize->mutable_usage()->mutable_call();
  call->set_direction(v1::DIRECTION_OUTBOUND);
  call->set_from(kFrom);
  call->set_to(kTo);
  authorize->set_requested_seconds(kAskedSeconds);
}

void SteadyLoad::SendReady() {
  while (!ready_.empty() && in_flight_ < options_.calls_at_once) {
    Send(ready_.front());
    ready_.pop_front();
  }
}

void SteadyLoad::Send(size_t index) {
  ++in_flight_;
  const Task& task = *tasks_.at(index);
  if (task.kind == SteadyKind::kBalance) {
    v1::GetBalanceRequest request;
    request.set_account_id(AccountId(task.account));
    return clients_.router->GetBalanceAsync(
        request, [this, index](const absl::StatusOr<v1::GetBalanceResponse>& response) {
          inbox_.Post({.task = index, .status = response.status()});
        });
  }
  if (task.kind == SteadyKind::kTexts) {
    return clients_.gateway->ApplyBatchAsync(
        task.batch, [this, index](absl::StatusOr<v1::ApplyBatchResponse> response) {
          Answer answer = {.task = index, .status = response.status()};
          if (response.ok()) answer.batch = *std::move(response);
          inbox_.Post(std::move(answer));
        });
  }
  UnaryBilling& billing = task.kind == SteadyKind::kText     ? gateway_
                          : task.kind == SteadyKind::kCredit ? support_
                                                             : router_;
  billing.Apply(task.operation, [this, index](const v1::OperationResult& result) {
    inbox_.Post({.task = index, .status = StatusOf(result), .result = result});
  });
}

void SteadyLoad::Handle(const Answer& answer) {
  --in_flight_;
  Task& task = *tasks_.at(answer.task);
  absl::Status failure;
  if (IsTransient(answer.status.code())) failure = answer.status;
  for (const v1::OperationResult& result : answer.batch.results()) {
    if (drivers::IsTransient(result)) failure = StatusOf(result);
  }
  if (!failure.ok()) return Fail(answer.task, failure);

  if (IsReplayed(answer.result)) ++result_.replayed;
  if (task.is_repeated) {
    CompareReplay(task, answer);
    tasks_.erase(answer.task);
    return;
  }
  Conclude(answer.task, answer);
  const bool is_change = task.kind != SteadyKind::kBalance && task.kind != SteadyKind::kTexts;
  if (is_change && Random(1000) < options_.repeat_per_mille) {
    ++result_.repeated_on_purpose;
    task.is_repeated = true;
    task.first = Observe(task.operation, answer.result, {}).answer_fingerprint;
    ready_.push_back(answer.task);
    return;
  }
  tasks_.erase(answer.task);
}

void SteadyLoad::Fail(size_t index, const absl::Status& status) {
  Task& task = *tasks_.at(index);
  const absl::Time now = clock_->Now();
  ++result_.errors[{UnixTenths(now), task.kind, Describe(status)}];
  if (!task.has_failed && task.kind != SteadyKind::kBalance) ++result_.repeated_after_errors;
  task.has_failed = true;
  if (now - task.due > options_.patience) {
    Count(task.kind, "never answered");
    tasks_.erase(index);
    return;
  }
  if (!task.backoff.has_value()) task.backoff.emplace(client::RetryOptions());
  const absl::Duration pause = task.backoff->Next(random_);
  const absl::Duration asked = client::ErrorOf(status).retry_after.value_or(absl::ZeroDuration());
  waiting_.push({.at = now + std::max(pause, asked), .task = index});
}

void SteadyLoad::CompareReplay(const Task& task, const Answer& answer) {
  const bool is_same =
      IsReplayed(answer.result) || answer.result.has_error()  // A refusal has no mark.
          ? Observe(task.operation, answer.result, {}).answer_fingerprint == task.first
          : false;
  if (is_same) return;
  result_.different_answers.push_back(absl::StrCat(NameOf(task.kind), " of ",
                                                   RequestIdOf(task.operation), ": ",
                                                   answer.result.ShortDebugString()));
}

void SteadyLoad::Count(SteadyKind kind, const std::string& outcome) {
  ++result_.outcomes[{kind, outcome}];
}

void SteadyLoad::Conclude(size_t index, const Answer& answer) {
  const Task& task = *tasks_.at(index);
  ++result_.answered;
  if (clock_->Now() < end_) {
    result_.per_second =
        static_cast<double>(result_.answered) / absl::ToDoubleSeconds(options_.duration);
  }
  result_.latencies[{absl::ToUnixSeconds(task.due), task.kind}].Add(clock_->Now() - task.due);
  if (task.kind == SteadyKind::kTexts && answer.status.ok()) {
    Count(task.kind, "OK");
    for (const v1::OperationResult& result : answer.batch.results()) {
      if (result.has_debit()) Book(task.account, result.debit().entry().amount_micros());
    }
    return;
  }
  if (task.kind == SteadyKind::kBalance || task.kind == SteadyKind::kTexts) {
    return Count(task.kind,
                 answer.status.ok() ? "OK" : absl::StrCat("refused ", Describe(answer.status)));
  }
  Count(task.kind, OutcomeOf(answer.result));
  ConcludeOperation(task, answer.result);
}

void SteadyLoad::Book(size_t account, int64_t amount_micros) {
  told_[account] += amount_micros;
  (amount_micros < 0 ? result_.charged_micros : result_.credited_micros) += std::abs(amount_micros);
}

void SteadyLoad::ConcludeOperation(const Task& task, const v1::OperationResult& result) {
  if (result.has_debit()) Book(task.account, result.debit().entry().amount_micros());
  if (result.has_release()) Book(task.account, result.release().entry().amount_micros());
  if (result.has_credit()) Book(task.account, result.credit().entry().amount_micros());
  if (task.kind == SteadyKind::kAuthorize && result.authorize().hold_id() != 0) {
    GoOn(task, result.authorize().hold_id(), result.authorize().granted_seconds(),
         /*used_seconds=*/0);
  }
  if (task.kind == SteadyKind::kReauthorize) {
    // Denied or not, what was granted before is there to be used.
    const v1::ReauthorizeRequest& request = task.operation.reauthorize();
    GoOn(task, request.hold_id(), request.used_seconds(), request.used_seconds());
  }
}

// What is done with an open hold next. A call that was asked about once is settled.
void SteadyLoad::GoOn(const Task& task, int64_t hold_id, int64_t granted_seconds,
                      int64_t used_seconds) {
  const double mean = absl::ToDoubleSeconds(options_.talk);
  const double wait = std::min(RandomTime(mean), mean * kTalkMaxFactor);
  Task next = {.account = task.account, .due = clock_->Now() + absl::Seconds(wait)};
  const std::string account_id = AccountId(task.account);
  const int64_t used = std::max(used_seconds, 1 + Random(std::max(int64_t{1}, granted_seconds)));
  const auto fill = [&](SteadyKind kind, auto* request) {
    next.kind = kind;
    request->set_account_id(account_id);
    request->set_request_id(client::MakeRequestId());
    return request;
  };
  const bool is_first = task.kind == SteadyKind::kAuthorize;
  if (is_first && Random(100) < kReleasePercent) {
    fill(SteadyKind::kRelease, next.operation.mutable_release())->set_hold_id(hold_id);
  } else if (is_first && Random(100) < kReauthorizePercent) {
    auto* const request = fill(SteadyKind::kReauthorize, next.operation.mutable_reauthorize());
    request->set_hold_id(hold_id);
    request->set_used_seconds(used);
    request->set_requested_seconds(kAskedSeconds);
  } else {
    auto* const request = fill(SteadyKind::kSettle, next.operation.mutable_debit());
    request->mutable_settlement()->set_hold_id(hold_id);
    request->mutable_settlement()->set_used_seconds(used);
  }
  const absl::Time due = next.due;
  waiting_.push({.at = due, .task = Add(std::move(next))});
}

absl::Status SteadyLoad::CheckBooks() {
  for (size_t i = 0; i < told_.size(); ++i) {
    v1::GetBalanceResponse balance;
    FAREBOX_RETURN_IF_ERROR(ReadBalance(i, &balance));
    result_.end_micros += balance.balance_micros();
    const int64_t expected = opening_[i] + told_[i];
    if (balance.balance_micros() != expected) {
      result_.problems.push_back(absl::StrCat(AccountId(i), " has ", balance.balance_micros(),
                                              " micros, its callers were told ", expected));
    }
    if (balance.held_micros() != 0) {
      result_.problems.push_back(
          absl::StrCat(AccountId(i), " has ", balance.held_micros(), " micros held"));
    }
  }
  return absl::OkStatus();
}

}  // namespace farebox::drivers
