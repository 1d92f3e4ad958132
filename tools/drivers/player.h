#ifndef FAREBOX_TOOLS_DRIVERS_PLAYER_H_
#define FAREBOX_TOOLS_DRIVERS_PLAYER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "farebox/v1/billing.pb.h"
#include "storage/clock.h"
#include "tests/support/history_check.h"
#include "tools/drivers/billing.h"
#include "tools/drivers/books.h"
#include "tools/drivers/call_log.h"
#include "tools/drivers/call_plan.h"
#include "tools/drivers/deck_prices.h"
#include "tools/drivers/inbox.h"
#include "tools/drivers/observation.h"
#include "tools/drivers/tally.h"

namespace farebox::drivers {

struct PlayerOptions {
  // Log seconds a second; 0: as fast as the answers come, without any waiting.
  int64_t speed = 0;
  size_t calls_at_once = 64;
  int balance_read_per_mille = 0;  // Of answers: followed by a look at the balance.
  std::string run_id;              // Begins every request id, so that runs do not meet.
  RouterHabits habits;
  // Told on the playing thread, about once a second, how far it is; may be empty.
  std::function<void(const Tally& tally, size_t calls_going_on)> on_progress;
};

// Plays a call log against Farebox, many calls at once, and writes down what was said. All
// decisions are taken on the thread that calls Play(); other threads only post answers.
class CallPlayer {
 public:
  // `prices`, `billing` and `clock` outlive the player; so does whatever `billing` still has to
  // answer when Play() has returned, which is nothing.
  CallPlayer(PlayerOptions options, const DeckPrices* prices, Billing* billing, const Clock* clock);

  // Returns when every call of the log is over.
  void Play(const std::vector<LoggedCall>& log);

  const Tally& tally() const { return tally_; }
  const Books& books() const { return books_; }
  // The latest moment by which a forgotten hold has expired.
  absl::Time forgotten_until() const { return forgotten_until_; }

  // Operations and reads; what was read back at the end is the caller's to add.
  history::History TakeHistory() { return std::move(history_); }

 private:
  struct ActiveCall {
    const LoggedCall* call = nullptr;
    CallPlan plan;
    CallStep step;
    v1::Operation operation;  // Of the step.
    int waiting = 0;          // Answers that are still to come to it.
    bool repeat_after_answer = false;
    std::optional<v1::OperationResult> result;  // The first that is no transient error.
    std::string authorize_request_id;
    const DeckRate* rate = nullptr;
    int64_t hold_id = 0;
    absl::Time expire_time = absl::InfinitePast();
    int64_t connected_nanos = 0;
  };

  struct Answer {
    size_t call = 0;
    Moments moments;
    v1::Operation operation;
    v1::OperationResult result;
    bool is_read = false;
    history::Read read;
  };

  struct Due {
    int64_t at_nanos = 0;
    size_t call = 0;
    friend bool operator>(const Due& a, const Due& b) { return a.at_nanos > b.at_nanos; }
  };

  int64_t NanosAfter(int64_t from_nanos, absl::Duration log_time) const;
  absl::Duration TimeToNextEvent() const;
  bool MayStart() const;
  void TellProgress();
  void StartCalls();
  void RunDue();

  void StartCall(size_t index);
  void TakeStep(size_t index, const CallStep& step);
  void BeginStep(size_t index);
  v1::Operation OperationOf(const ActiveCall& active) const;
  void Send(size_t index, const v1::Operation& operation);
  void ReadBalance(const std::string& account_id);

  void Handle(const Answer& answer);
  void Conclude(size_t index);
  // Each returns what the plan is to know of the answer.
  Grant ConcludeAuthorize(ActiveCall* active);
  Grant ConcludeReauthorize(ActiveCall* active);
  void ConcludeCharge(ActiveCall* active);
  void ConcludeForget(const ActiveCall& active);
  void CheckPrice(const ActiveCall& active, const v1::AuthorizeResponse& response);
  int64_t PriceOf(const ActiveCall& active, int64_t seconds) const;
  bool Happens(int per_mille);

  // Constant after construction.
  const PlayerOptions options_;
  const DeckPrices* const prices_;
  Billing* const billing_;
  const Clock* const clock_;

  Inbox<Answer> inbox_;  // Synchronises itself.

  // Used on the playing thread only.
  const std::vector<LoggedCall>* log_ = nullptr;
  int64_t started_nanos_ = 0;
  int64_t next_progress_nanos_ = 0;
  size_t next_call_ = 0;
  size_t reads_in_flight_ = 0;
  absl::flat_hash_map<size_t, std::unique_ptr<ActiveCall>> active_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::mt19937_64 random_;
  absl::Time forgotten_until_ = absl::InfinitePast();
  Tally tally_;
  Books books_;
  history::History history_;
};

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_PLAYER_H_
