#include "server/base/reader_pool.h"

#include <utility>

#include "storage/errors.h"
#include "storage/status_macros.h"
#include "storage/thread.h"

namespace farebox::server {

absl::StatusOr<std::unique_ptr<ReaderPool>> ReaderPool::Start(Options options, Journal* journal) {
  std::unique_ptr<ReaderPool> pool(new ReaderPool(options));
  for (int i = 0; i < options.threads; ++i) {
    FAREBOX_ASSIGN_OR_RETURN(std::unique_ptr<JournalReader> reader, journal->NewReader());
    pool->readers_.push_back(std::move(reader));
  }
  for (const std::unique_ptr<JournalReader>& reader : pool->readers_) {
    pool->threads_.push_back(StartThread(
        "fbx-reader", [raw = pool.get(), reader = reader.get()] { raw->Loop(reader); }));
  }
  return pool;
}

ReaderPool::~ReaderPool() { Drain(); }

absl::Status ReaderPool::Run(Query query) {
  {
    MutexLock lock(&mu_);
    if (stopping_) return error::ShuttingDown();
    if (queue_.size() >= options_.queue_max) return error::Overloaded();
    queue_.push_back(std::move(query));
  }
  changed_.SignalOne();
  return absl::OkStatus();
}

ReaderPool::Stats ReaderPool::stats() const {
  MutexLock lock(&mu_);
  return {.waiting = static_cast<int64_t>(queue_.size()),
          .waiting_max = static_cast<int64_t>(options_.queue_max),
          .run = run_};
}

void ReaderPool::Drain() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  changed_.SignalAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void ReaderPool::Loop(JournalReader* reader) {
  while (true) {
    Query query;
    {
      MutexLock lock(&mu_);
      while (queue_.empty() && !stopping_) changed_.Wait(&mu_);
      if (queue_.empty()) return;
      query = std::move(queue_.front());
      queue_.pop_front();
      ++run_;
    }
    query(*reader);
  }
}

}  // namespace farebox::server
