#ifndef FAREBOX_SERVER_BASE_LANES_H_
#define FAREBOX_SERVER_BASE_LANES_H_

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "storage/mutex.h"

namespace farebox::server {

// Some threads for work that may take long: what is posted on one lane is done one after the other,
// in order, and lanes side by side. Every lane gets its turn. Thread-safe.
class Lanes {
 public:
  using Work = absl::AnyInvocable<void()>;

  Lanes(const char* thread_name, int threads);
  // Drains.
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  enum class Turn {
    // After the lanes that wait already.
    kInOrder,
    // Before those that have nothing of this sort: somebody is waiting for it. Where there are
    // several threads, one is left to the others.
    kNext,
  };
  // Does the work soon. False, and the work is dropped, once it drains.
  bool Post(std::string lane, Work work, Turn turn = Turn::kInOrder);

  // Whether there is work on the lane, waiting or being done.
  bool IsBusy(absl::string_view lane) const;

  // Returns when nothing is left to do.
  void WaitUntilIdle() const;

  // Begins nothing more, and does not wait for what has begun: Drain does. Idempotent.
  void Stop();

  // Lets what has begun end, drops the rest and stops the threads. Idempotent.
  void Drain();

 private:
  struct Piece {
    Work work;
    Turn turn = Turn::kInOrder;
  };
  struct Lane {
    std::deque<Piece> pieces;  // The front is being done, or is next.
    size_t next_pieces = 0;    // Those of them with Turn::kNext.
  };

  void Loop();
  void MakeReady(const std::string& lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void MoveUp(const std::string& lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool TakesNext() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EndFront(const std::string& lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int thread_count_;

  mutable Mutex mu_;
  mutable CondVar changed_;  // Signalled when any of these changes.
  // A lane is here while it has work.
  absl::flat_hash_map<std::string, Lane> lanes_ ABSL_GUARDED_BY(mu_);
  // Lanes whose front waits for a thread: those with work of Turn::kNext, and the others.
  std::deque<std::string> next_ ABSL_GUARDED_BY(mu_);
  std::deque<std::string> in_order_ ABSL_GUARDED_BY(mu_);
  // Threads that have a lane from next_.
  int next_threads_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  // Last: they start when all above is built.
  std::vector<std::thread> threads_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_LANES_H_
