#ifndef FAREBOX_SERVER_NUMBERS_CLOCK_WATCH_H_
#define FAREBOX_SERVER_NUMBERS_CLOCK_WATCH_H_

#include <utility>

#include "absl/time/time.h"

namespace farebox::server {

// Whether a clock is to be believed where months are charged for. One that has leapt, by more than
// a day forward or by more than a minute back, may have been set wrong and be set right in a
// moment: it is believed once it has gone evenly for an hour. The same after a time in which
// nothing was looked at; what is charged an hour late is charged all the same.
//
// Thread-compatible.
class ClockWatch {
 public:
  // `last` is when somebody is known to have been there: of the newest entry, say.
  explicit ClockWatch(absl::Time last) : last_(last) {}

  // To be called often: the time between two calls counts as a leap where it is long.
  bool Believes(absl::Time now);

  // Whether it was set back since this was asked last.
  bool TakeSetBack() { return std::exchange(was_set_back_, false); }

 private:
  absl::Time last_;
  bool was_set_back_ = false;
  absl::Time believed_from_ = absl::InfinitePast();
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_NUMBERS_CLOCK_WATCH_H_
