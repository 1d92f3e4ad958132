#ifndef FAREBOX_SERVER_LANES_H_
#define FAREBOX_SERVER_LANES_H_

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
    // Before all of them: somebody is waiting for it.
    kNext,
  };
  // Does the work soon. False, and the work is dropped, once it drains.
  bool Post(std::string lane, Work work, Turn turn = Turn::kInOrder);

  // Whether there is work on the lane, waiting or being done.
  bool IsBusy(absl::string_view lane) const;

  // Returns when nothing is left to do.
  void WaitUntilIdle() const;

  // Lets what has begun end, drops the rest and stops the threads. Idempotent.
  void Drain();

 private:
  void Loop();
  void PutFirst(const std::string& lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  mutable CondVar changed_;  // Signalled when any of these changes.
  // A lane is here while it has work; the front is being done, or is next.
  absl::flat_hash_map<std::string, std::deque<Work>> lanes_ ABSL_GUARDED_BY(mu_);
  // Lanes whose front waits for a thread.
  std::deque<std::string> ready_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  // Last: they start when all above is built.
  std::vector<std::thread> threads_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_LANES_H_
