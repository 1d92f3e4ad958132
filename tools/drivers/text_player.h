#ifndef FAREBOX_TOOLS_DRIVERS_TEXT_PLAYER_H_
#define FAREBOX_TOOLS_DRIVERS_TEXT_PLAYER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "farebox/v1/billing.pb.h"
#include "storage/clock.h"
#include "tests/support/history_check.h"
#include "tools/drivers/billing.h"
#include "tools/drivers/books.h"
#include "tools/drivers/call_log.h"
#include "tools/drivers/deck_prices.h"
#include "tools/drivers/inbox.h"
#include "tools/drivers/observation.h"
#include "tools/drivers/tally.h"

namespace farebox::drivers {

struct TextPlayerOptions {
  size_t texts_at_once = 256;
  int repeat_per_mille = 0;  // Of texts: sent twice under one request id.
  std::string run_id;        // Begins every request id, so that runs do not meet.
  uint64_t seed = 1;
};

// Debits a log of texts, many at once, and writes down what was said. All decisions are taken on
// the thread that calls Play(); other threads only post answers.
class TextPlayer {
 public:
  // `prices`, `billing` and `clock` outlive the player.
  TextPlayer(TextPlayerOptions options, const DeckPrices* prices, Billing* billing,
             const Clock* clock);

  // Returns when every text is paid or refused.
  void Play(const std::vector<LoggedText>& log);

  const Tally& tally() const { return tally_; }
  const Books& books() const { return books_; }
  history::History TakeHistory() { return std::move(history_); }

 private:
  struct ActiveText {
    v1::Operation operation;
    int waiting = 0;                            // Answers that are still to come.
    std::optional<v1::OperationResult> result;  // The first that is no transient error.
  };

  struct Answer {
    size_t text = 0;
    Moments moments;
    v1::OperationResult result;
  };

  void Start(size_t index);
  void Send(size_t index, const v1::Operation& operation);
  void Handle(const Answer& answer);
  void Conclude(const LoggedText& text, const ActiveText& active);
  void ConcludePaid(const LoggedText& text, const ActiveText& active, const DeckRate* rate);
  v1::Operation OperationOf(const LoggedText& text, size_t index) const;

  // Constant after construction.
  const TextPlayerOptions options_;
  const DeckPrices* const prices_;
  Billing* const billing_;
  const Clock* const clock_;

  Inbox<Answer> inbox_;  // Synchronises itself.

  // Used on the playing thread only.
  const std::vector<LoggedText>* log_ = nullptr;
  absl::flat_hash_map<size_t, ActiveText> active_;
  std::mt19937_64 random_;
  Tally tally_;
  Books books_;
  history::History history_;
};

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_TEXT_PLAYER_H_
