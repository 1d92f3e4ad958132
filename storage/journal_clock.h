#ifndef FAREBOX_STORAGE_JOURNAL_CLOCK_H_
#define FAREBOX_STORAGE_JOURNAL_CLOCK_H_

#include <algorithm>

#include "absl/time/time.h"

namespace farebox {

// The time that batches are of, in whole microseconds: the clock's. Where the clock was set back it
// is behind the journal, whose time never runs backwards; then the journal's goes on at half the
// speed, until the clock has come up with it. So holds still expire, and one change under a clock
// that was a month ahead does not set all that follow a month ahead for ever.
//
// Used only on the writer thread.
class JournalClock {
 public:
  // The journal's newest batch is of `last`, and is written by a clock that says `clock`.
  void Begin(absl::Time last, absl::Time clock) {
    last_ = last;
    looked_at_ = clock;
    passed_ = absl::ZeroDuration();
  }

  // What the next batch is of, where the clock says `clock`.
  absl::Time Look(absl::Time clock) {
    passed_ = std::max(passed_ + (clock - looked_at_), absl::ZeroDuration());
    looked_at_ = clock;
    return std::max(last_, absl::FromUnixMicros(absl::ToUnixMicros(Now())));
  }

  // A batch of `time` is durable.
  void Advance(absl::Time time) {
    last_ = time;
    passed_ = absl::ZeroDuration();
  }

  // When the clock says what it has to say for the journal's time to be `due`.
  absl::Time ByClock(absl::Time due) const {
    const absl::Duration left = std::max(due - Now(), absl::ZeroDuration());
    return std::min(due, looked_at_ + 2 * left);
  }

 private:
  absl::Time Now() const { return std::max(looked_at_, last_ + passed_ / 2); }

  absl::Time last_ = absl::InfinitePast();
  absl::Time looked_at_ = absl::InfinitePast();
  // By the clock since the newest batch. What it is set back is taken off, as far as it goes: a
  // leap that no batch came under leaves no trace.
  absl::Duration passed_;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_JOURNAL_CLOCK_H_
