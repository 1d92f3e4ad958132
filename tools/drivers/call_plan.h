#ifndef FAREBOX_TOOLS_DRIVERS_CALL_PLAN_H_
#define FAREBOX_TOOLS_DRIVERS_CALL_PLAN_H_

#include <cstdint>
#include <optional>
#include <random>

#include "tools/drivers/call_log.h"

namespace farebox::drivers {

// How a router treats its calls. The shares are per mille, so that a plan is the same everywhere.
struct RouterHabits {
  int64_t initial_seconds = 60;      // Asked for before the call is connected.
  int64_t reauthorize_seconds = 60;  // Asked for each time the call goes on.
  int64_t hold_ttl_seconds = 0;      // 0: the server's default.
  bool release_unanswered = true;    // Otherwise they are settled with 0 seconds.
  int crash_per_mille = 0;           // Of calls: forgotten at some step, without a word.
  int repeat_per_mille = 0;          // Of requests: sent twice.
  int interim_per_mille = 0;         // Of reauthorizations: what was used so far is charged first.
  uint64_t seed = 1;
};

// What a router does next about a call.
struct CallStep {
  enum class Kind {
    kAuthorize,
    kReauthorize,
    kSettleSoFar,  // An interim settlement: the call goes on.
    kSettle,
    kRelease,
    kForget,  // The router crashes: nobody hears of the call again.
  };
  enum class Repeat {
    kNever,
    kAtOnce,       // Twice without waiting for an answer.
    kAfterAnswer,  // Once more when the answer is there.
  };

  Kind kind = Kind::kAuthorize;
  int number = 0;             // Counted from 0 within the call.
  int64_t at_second = 0;      // Of the call.
  int64_t used_seconds = 0;   // As reported.
  int64_t asked_seconds = 0;  // As requested.
  Repeat repeat = Repeat::kNever;
};

// What a router was told.
struct Grant {
  bool granted = false;
  int64_t seconds = 0;            // In all, from the start of the call.
  int64_t reauthorize_after = 0;  // In all; 0: no more is to be had.
};

// One call, step by step: authorize, reauthorize while it lasts, hang up when the grant ends, and
// settle or release. Pure: depends on the log's line, the habits and the answers alone.
class CallPlan {
 public:
  // `index` is the call's place in the log; it makes the call's own random numbers.
  CallPlan(const LoggedCall& call, const RouterHabits& habits, uint64_t index);

  CallStep First();

  // After the answer to the last step; what was no question has no grant. Nothing: the call is
  // over.
  std::optional<CallStep> Next(const Grant& answer);

  // As granted so far.
  int64_t granted_seconds() const { return granted_seconds_; }

 private:
  using Kind = CallStep::Kind;

  bool Happens(int per_mille);
  CallStep Step(Kind kind, int64_t at_second);
  CallStep NextInCall();
  CallStep AskForMore(int64_t at_second);
  std::optional<int64_t> SecondToAskAt() const;

  const bool answered_;
  const int64_t seconds_;
  const RouterHabits habits_;
  std::mt19937_64 random_;
  int forget_at_step_ = 0;  // 0: never.

  int steps_ = 0;
  Kind last_ = Kind::kAuthorize;
  int64_t asked_at_second_ = 0;
  int64_t granted_seconds_ = 0;
  int64_t reauthorize_after_ = 0;
};

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_CALL_PLAN_H_
