#ifndef FAREBOX_SERVER_BASE_READER_POOL_H_
#define FAREBOX_SERVER_BASE_READER_POOL_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/journal.h"
#include "storage/mutex.h"

namespace farebox::server {

// Threads that may wait for a disk, each with a reader of its own, so that no gRPC thread has to.
// Thread-safe.
class ReaderPool {
 public:
  struct Options {
    int threads = 1;
    size_t queue_max = 1;
  };
  using Query = absl::AnyInvocable<void(JournalReader&)>;

  // The journal outlives the pool.
  static absl::StatusOr<std::unique_ptr<ReaderPool>> Start(Options options, Journal* journal);
  ~ReaderPool();
  ReaderPool(const ReaderPool&) = delete;
  ReaderPool& operator=(const ReaderPool&) = delete;

  // Runs `query` on one of the threads, soon. Fails with OVERLOADED where too many wait, and with
  // SHUTTING_DOWN; `query` is dropped then.
  absl::Status Run(Query query);

  struct Stats {
    int64_t waiting = 0;
    int64_t waiting_max = 0;
    int64_t run = 0;  // Since the start, those under way included.
  };
  Stats stats() const;

  // Takes no more queries, runs those that wait, and stops the threads. Idempotent.
  void Drain();

 private:
  explicit ReaderPool(Options options) : options_(options) {}

  void Loop(JournalReader* reader);

  // Constant after construction.
  const Options options_;
  std::vector<std::unique_ptr<JournalReader>> readers_;  // One a thread.

  mutable Mutex mu_;
  CondVar changed_;  // Signalled when queue_ or stopping_ changes.
  std::deque<Query> queue_ ABSL_GUARDED_BY(mu_);
  int64_t run_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  // Last: they start when all above is built.
  std::vector<std::thread> threads_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_READER_POOL_H_
