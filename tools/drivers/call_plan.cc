#include "tools/drivers/call_plan.h"

#include <algorithm>

namespace farebox::drivers {
namespace {

// A call that is forgotten is forgotten at one of its first steps after the first, or its last.
constexpr int kForgetAtStepMax = 3;

bool IsQuestion(CallStep::Kind kind) {
  return kind == CallStep::Kind::kAuthorize || kind == CallStep::Kind::kReauthorize;
}

bool EndsCall(CallStep::Kind kind) {
  return kind == CallStep::Kind::kSettle || kind == CallStep::Kind::kRelease ||
         kind == CallStep::Kind::kForget;
}

}  // namespace

CallPlan::CallPlan(const LoggedCall& call, const RouterHabits& habits, uint64_t index)
    : answered_(call.answered),
      seconds_(call.answered ? call.seconds : 0),
      habits_(habits),
      random_(habits.seed * 1'000'003 + index) {
  if (Happens(habits_.crash_per_mille)) {
    forget_at_step_ = 1 + static_cast<int>(random_() % kForgetAtStepMax);
  }
}

bool CallPlan::Happens(int per_mille) { return static_cast<int>(random_() % 1000) < per_mille; }

CallStep CallPlan::Step(Kind kind, int64_t at_second) {
  const bool forget = forget_at_step_ > 0 && (steps_ == forget_at_step_ || EndsCall(kind));
  CallStep step{.kind = forget ? Kind::kForget : kind, .number = steps_++, .at_second = at_second};
  if (step.kind != Kind::kForget && Happens(habits_.repeat_per_mille)) {
    step.repeat = Happens(500) ? CallStep::Repeat::kAtOnce : CallStep::Repeat::kAfterAnswer;
  }
  last_ = step.kind;
  return step;
}

CallStep CallPlan::First() {
  CallStep step = Step(Kind::kAuthorize, 0);
  step.asked_seconds = habits_.initial_seconds;
  return step;
}

std::optional<CallStep> CallPlan::Next(const Grant& answer) {
  if (EndsCall(last_)) return std::nullopt;
  if (last_ == Kind::kSettleSoFar) return AskForMore(asked_at_second_);
  if (last_ == Kind::kAuthorize && !answer.granted) return std::nullopt;
  if (IsQuestion(last_)) {
    granted_seconds_ = answer.granted ? answer.seconds : granted_seconds_;
    reauthorize_after_ = answer.granted ? answer.reauthorize_after : 0;
  }
  if (answered_) return NextInCall();
  return Step(habits_.release_unanswered ? Kind::kRelease : Kind::kSettle, 0);
}

// Nothing where the router does not ask any more: no more is to be had, or the call is over before.
std::optional<int64_t> CallPlan::SecondToAskAt() const {
  const int64_t second = std::min(reauthorize_after_, granted_seconds_);
  if (second <= asked_at_second_ || second >= seconds_) return std::nullopt;
  return second;
}

CallStep CallPlan::NextInCall() {
  if (const std::optional<int64_t> second = SecondToAskAt(); second.has_value()) {
    asked_at_second_ = *second;
    if (!Happens(habits_.interim_per_mille)) return AskForMore(*second);
    CallStep step = Step(Kind::kSettleSoFar, *second);
    step.used_seconds = *second;
    return step;
  }
  CallStep step = Step(Kind::kSettle, std::min(seconds_, granted_seconds_));
  step.used_seconds = step.at_second;
  return step;
}

CallStep CallPlan::AskForMore(int64_t at_second) {
  CallStep step = Step(Kind::kReauthorize, at_second);
  step.used_seconds = at_second;
  step.asked_seconds = habits_.reauthorize_seconds;
  return step;
}

}  // namespace farebox::drivers
