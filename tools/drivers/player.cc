#include "tools/drivers/player.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "tests/support/price_oracle.h"

namespace farebox::drivers {
namespace {

using Kind = CallStep::Kind;

constexpr int64_t kProgressNanos = 1'000'000'000;

absl::string_view ItemOf(const Party& party) {
  return party.outbound ? "OUTBOUND_CALL" : "INBOUND_CALL";
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

bool SamePrice(const DeckRate& rate, const v1::Price& price) {
  const price_oracle::CallPrice& call = rate.call;
  return price.prefix() == rate.prefix && price.connect_fee_micros() == call.connect_fee_micros &&
         price.attempt_fee_micros() == call.attempt_fee_micros &&
         price.rate_nanos_per_minute() == call.rate_nanos_per_minute &&
         price.initial_increment_seconds() == call.initial_increment_seconds &&
         price.increment_seconds() == call.increment_seconds &&
         price.rate_after_seconds() == call.rate_after_seconds &&
         price.rate_after_nanos_per_minute() == call.rate_after_nanos_per_minute;
}

}  // namespace

CallPlayer::CallPlayer(PlayerOptions options, const DeckPrices* prices, Billing* billing,
                       const Clock* clock)
    : options_(std::move(options)),
      prices_(prices),
      billing_(billing),
      clock_(clock),
      random_(options_.habits.seed) {
  FAREBOX_CHECK(options_.calls_at_once > 0);
}

void CallPlayer::Play(const std::vector<LoggedCall>& log) {
  log_ = &log;
  next_call_ = 0;
  started_nanos_ = MonotonicNanos();
  next_progress_nanos_ = started_nanos_ + kProgressNanos;
  while (next_call_ < log.size() || !active_.empty() || reads_in_flight_ > 0) {
    StartCalls();
    RunDue();
    TellProgress();
    for (const Answer& answer : inbox_.Take(TimeToNextEvent())) Handle(answer);
  }
  tally_.nanos = MonotonicNanos() - started_nanos_;
}

int64_t CallPlayer::NanosAfter(int64_t from_nanos, absl::Duration log_time) const {
  if (options_.speed == 0) return from_nanos;
  return from_nanos + absl::ToInt64Nanoseconds(log_time / options_.speed);
}

bool CallPlayer::MayStart() const {
  return next_call_ < log_->size() && active_.size() < options_.calls_at_once;
}

absl::Duration CallPlayer::TimeToNextEvent() const {
  const int64_t now = MonotonicNanos();
  int64_t next = next_progress_nanos_;
  if (MayStart()) next = std::min(next, NanosAfter(started_nanos_, (*log_)[next_call_].start));
  if (!due_.empty()) next = std::min(next, due_.top().at_nanos);
  if (active_.empty() && reads_in_flight_ == 0 && next_call_ == log_->size()) next = now;
  return absl::Nanoseconds(next - now);
}

void CallPlayer::TellProgress() {
  const int64_t now = MonotonicNanos();
  if (now < next_progress_nanos_) return;
  next_progress_nanos_ = now + kProgressNanos;
  if (options_.on_progress) options_.on_progress(tally_, active_.size());
}

void CallPlayer::StartCalls() {
  const int64_t now = MonotonicNanos();
  while (MayStart() && NanosAfter(started_nanos_, (*log_)[next_call_].start) <= now) {
    StartCall(next_call_++);
  }
}

void CallPlayer::RunDue() {
  const int64_t now = MonotonicNanos();
  while (!due_.empty() && due_.top().at_nanos <= now) {
    const size_t call = due_.top().call;
    due_.pop();
    BeginStep(call);
  }
}

void CallPlayer::StartCall(size_t index) {
  const LoggedCall& call = (*log_)[index];
  ++tally_.uses;
  auto active = std::make_unique<ActiveCall>(
      ActiveCall{.call = &call, .plan = CallPlan(call, options_.habits, index)});
  active->rate = prices_->Find(ItemOf(call.party), call.party.to, clock_->Now());
  const CallStep first = active->plan.First();
  active_.emplace(index, std::move(active));
  TakeStep(index, first);
}

// The step begins when its second of the call has come.
void CallPlayer::TakeStep(size_t index, const CallStep& step) {
  ActiveCall& active = *active_.at(index);
  active.step = step;
  const int64_t at = NanosAfter(active.connected_nanos, absl::Seconds(step.at_second));
  if (options_.speed > 0 && at > MonotonicNanos()) {
    due_.push({.at_nanos = at, .call = index});
  } else {
    BeginStep(index);
  }
}

void CallPlayer::BeginStep(size_t index) {
  ActiveCall& active = *active_.at(index);
  if (active.step.kind == Kind::kForget) {
    ConcludeForget(active);
    active_.erase(index);
    return;
  }
  active.operation = OperationOf(active);
  active.result.reset();
  active.repeat_after_answer = active.step.repeat == CallStep::Repeat::kAfterAnswer;
  const int times = active.step.repeat == CallStep::Repeat::kAtOnce ? 2 : 1;
  active.waiting = times;
  if (active.step.repeat != CallStep::Repeat::kNever) ++tally_.repeated;
  for (int i = 0; i < times; ++i) Send(index, active.operation);
}

v1::Operation CallPlayer::OperationOf(const ActiveCall& active) const {
  const Party& party = active.call->party;
  const CallStep& step = active.step;
  const size_t index = static_cast<size_t>(active.call - log_->data());
  const std::string request_id = absl::StrCat(options_.run_id, "-", index, "-", step.number);
  v1::Operation operation;
  const auto fill = [&](auto* request) {
    request->set_account_id(party.account_id);
    request->set_request_id(request_id);
    return request;
  };
  if (step.kind == Kind::kAuthorize) {
    v1::AuthorizeRequest* const request = fill(operation.mutable_authorize());
    v1::Call* const call = request->mutable_usage()->mutable_call();
    call->set_direction(party.outbound ? v1::DIRECTION_OUTBOUND : v1::DIRECTION_INBOUND);
    call->set_from(party.from);
    call->set_to(party.to);
    request->set_requested_seconds(step.asked_seconds);
    request->set_hold_ttl_seconds(options_.habits.hold_ttl_seconds);
  } else if (step.kind == Kind::kReauthorize) {
    v1::ReauthorizeRequest* const request = fill(operation.mutable_reauthorize());
    request->set_hold_id(active.hold_id);
    request->set_used_seconds(step.used_seconds);
    request->set_requested_seconds(step.asked_seconds);
    request->set_hold_ttl_seconds(options_.habits.hold_ttl_seconds);
  } else if (step.kind == Kind::kRelease) {
    fill(operation.mutable_release())->set_hold_id(active.hold_id);
  } else {
    v1::Settlement* const settlement = fill(operation.mutable_debit())->mutable_settlement();
    settlement->set_hold_id(active.hold_id);
    settlement->set_used_seconds(step.used_seconds);
    settlement->set_final(step.kind == Kind::kSettle);
  }
  return operation;
}

void CallPlayer::Send(size_t index, const v1::Operation& operation) {
  const int64_t sent = MonotonicNanos();
  billing_->Apply(operation, [this, index, operation, sent](const v1::OperationResult& result) {
    inbox_.Post({.call = index,
                 .moments = {.sent_nanos = sent, .answered_nanos = MonotonicNanos()},
                 .operation = operation,
                 .result = result});
  });
}

void CallPlayer::ReadBalance(const std::string& account_id) {
  ++reads_in_flight_;
  const int64_t sent = MonotonicNanos();
  billing_->GetBalance(account_id, [this, account_id, sent](const absl::Status& status,
                                                            const v1::GetBalanceResponse& balance) {
    Answer answer{.is_read = true};
    if (status.ok()) {
      answer.read = {.account_id = account_id,
                     .sent_at_nanos = sent,
                     .answered_at_nanos = MonotonicNanos(),
                     .as_of_entry_id = balance.as_of_entry(),
                     .balance_micros = balance.balance_micros(),
                     .held_micros = balance.held_micros()};
    }
    inbox_.Post(std::move(answer));
  });
}

bool CallPlayer::Happens(int per_mille) { return static_cast<int>(random_() % 1000) < per_mille; }

void CallPlayer::Handle(const Answer& answer) {
  if (answer.is_read) {
    --reads_in_flight_;
    if (answer.read.account_id.empty()) return;
    ++tally_.balance_reads;
    history_.reads.push_back(answer.read);
    return;
  }
  ActiveCall& active = *active_.at(answer.call);
  history_.operations.push_back(Observe(answer.operation, answer.result, answer.moments));
  if (IsReplayed(answer.result)) ++tally_.replayed;
  if (!active.result.has_value() && active.step.kind == Kind::kAuthorize) {
    tally_.first_answer_nanos.push_back(answer.moments.answered_nanos - answer.moments.sent_nanos);
    active.connected_nanos = answer.moments.answered_nanos;
  }
  if (!active.result.has_value() && !IsTransient(answer.result)) active.result = answer.result;
  if (std::exchange(active.repeat_after_answer, false)) {
    Send(answer.call, active.operation);
    return;
  }
  if (--active.waiting == 0) Conclude(answer.call);
}

void CallPlayer::Conclude(size_t index) {
  ActiveCall& active = *active_.at(index);
  if (!active.result.has_value()) ++tally_.unanswered;
  Grant grant;
  if (active.step.kind == Kind::kAuthorize) {
    grant = ConcludeAuthorize(&active);
  } else if (active.step.kind == Kind::kReauthorize) {
    grant = ConcludeReauthorize(&active);
  } else {
    ConcludeCharge(&active);
  }
  if (Happens(options_.balance_read_per_mille)) ReadBalance(active.call->party.account_id);
  const std::optional<CallStep> next = active.plan.Next(grant);
  if (next.has_value()) {
    TakeStep(index, *next);
  } else {
    active_.erase(index);
  }
}

Grant CallPlayer::ConcludeAuthorize(ActiveCall* active) {
  const std::string& account_id = active->call->party.account_id;
  active->authorize_request_id = RequestIdOf(active->operation);
  if (!active->result.has_value()) {
    books_.ForgetHold(account_id, active->authorize_request_id);
    return {};
  }
  if (active->result->has_error()) {
    ++tally_.errors[absl::StrCat("Authorize: ", ReasonOf(*active->result))];
    return {};
  }
  const v1::AuthorizeResponse& response = active->result->authorize();
  const std::string reason = ReasonOf(*active->result);
  if ((reason == "NO_RATE") != (active->rate == nullptr)) {
    tally_.problems.push_back(absl::StrCat(
        active->call->party.to, " has ", active->rate == nullptr ? "no" : "a",
        " rate in the deck, but the decision was ", reason.empty() ? "GRANTED" : reason, "."));
    return {};
  }
  if (response.decision() != v1::DECISION_GRANTED) {
    ++tally_.denied[reason];
    return {};
  }
  ++tally_.granted;
  active->hold_id = response.hold_id();
  active->expire_time = ToTime(response.expire_time());
  CheckPrice(*active, response);
  return {.granted = true,
          .seconds = response.granted_seconds(),
          .reauthorize_after = response.reauthorize_after_seconds()};
}

void CallPlayer::CheckPrice(const ActiveCall& active, const v1::AuthorizeResponse& response) {
  if (SamePrice(*active.rate, response.price())) return;
  tally_.problems.push_back(absl::StrCat(
      active.call->party.to, " was priced by ", response.price().tariff_id(), ", prefix ",
      response.price().prefix(), ", but the deck's rate is that of ", active.rate->prefix, "."));
}

// A call that gets no more goes on to the end of what it has.
Grant CallPlayer::ConcludeReauthorize(ActiveCall* active) {
  ++tally_.reauthorizations;
  if (!active->result.has_value()) return {};
  const v1::ReauthorizeResponse& response = active->result->reauthorize();
  const std::string reason = ReasonOf(*active->result);
  if (active->result->has_error() && reason != "HOLD_ENDED") {
    ++tally_.errors[absl::StrCat("Reauthorize: ", reason)];
    return {};
  }
  if (!reason.empty()) {
    ++tally_.extension_denied[reason];
    return {};
  }
  active->expire_time = ToTime(response.expire_time());
  return {.granted = true,
          .seconds = response.granted_seconds(),
          .reauthorize_after = response.reauthorize_after_seconds()};
}

int64_t CallPlayer::PriceOf(const ActiveCall& active, int64_t seconds) const {
  return price_oracle::PriceOfCallMicros(active.rate->call, seconds).value();
}

// A settlement, an interim one or the last, or a release.
void CallPlayer::ConcludeCharge(ActiveCall* active) {
  const std::string& account_id = active->call->party.account_id;
  const std::string key = UseKey(active->hold_id, "");
  const int64_t price = PriceOf(*active, active->step.used_seconds);
  if (!active->result.has_value()) {
    books_.ChargeIfKept(account_id, key, RequestIdOf(active->operation), price);
    if (active->step.kind != Kind::kSettleSoFar) {
      books_.ForgetHold(account_id, active->authorize_request_id);
    }
    return;
  }
  if (active->result->has_error()) {
    ++tally_.errors[absl::StrCat("Debit or Release: ", ReasonOf(*active->result))];
    return;
  }
  books_.Charge(account_id, key, price);
  if (active->step.kind == Kind::kRelease) {
    ++tally_.released;
    return;
  }
  const v1::DebitResponse& response = active->result->debit();
  if (response.overrun() && !response.late()) {
    tally_.problems.push_back(absl::StrCat("Account ", account_id, ", ", key,
                                           " was called an overrun within its grant."));
  }
  if (active->step.kind == Kind::kSettleSoFar) {
    ++tally_.interim_settlements;
    return;
  }
  ++tally_.settled;
  if (response.late()) ++tally_.late;
  if (active->call->answered && active->step.used_seconds < active->call->seconds) {
    ++tally_.cut_off;
  }
}

void CallPlayer::ConcludeForget(const ActiveCall& active) {
  ++tally_.forgotten;
  books_.ForgetHold(active.call->party.account_id, active.authorize_request_id);
  forgotten_until_ = std::max(forgotten_until_, active.expire_time);
}

}  // namespace farebox::drivers
