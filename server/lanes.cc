#include "server/lanes.h"

#include <algorithm>
#include <utility>

#include "storage/thread.h"

namespace farebox::server {

Lanes::Lanes(const char* thread_name, int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.push_back(StartThread(thread_name, [this] { Loop(); }));
  }
}

Lanes::~Lanes() { Drain(); }

bool Lanes::Post(std::string lane, Work work, Turn turn) {
  {
    MutexLock lock(&mu_);
    if (stopping_) return false;
    std::deque<Work>& waiting = lanes_[lane];
    waiting.push_back(std::move(work));
    if (waiting.size() == 1) ready_.push_back(lane);
    if (turn == Turn::kNext) PutFirst(lane);
  }
  changed_.SignalAll();
  return true;
}

// A lane whose front is being done is not among those that wait.
void Lanes::PutFirst(const std::string& lane) {
  const auto found = std::find(ready_.begin(), ready_.end(), lane);
  if (found == ready_.end()) return;
  ready_.erase(found);
  ready_.push_front(lane);
}

bool Lanes::IsBusy(absl::string_view lane) const {
  MutexLock lock(&mu_);
  return lanes_.contains(lane);
}

void Lanes::WaitUntilIdle() const {
  MutexLock lock(&mu_);
  while (!lanes_.empty()) changed_.Wait(&mu_);
}

void Lanes::Drain() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  changed_.SignalAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  absl::flat_hash_map<std::string, std::deque<Work>> dropped;
  {
    MutexLock lock(&mu_);
    dropped.swap(lanes_);
    ready_.clear();
  }
  // Work that is dropped may end a call, and who ends a call posts what is to be said of it.
  dropped.clear();
}

void Lanes::Loop() {
  while (true) {
    std::string lane;
    Work work;
    {
      MutexLock lock(&mu_);
      while (ready_.empty() && !stopping_) changed_.Wait(&mu_);
      if (stopping_) return;
      lane = std::move(ready_.front());
      ready_.pop_front();
      work = std::move(lanes_[lane].front());
    }
    work();
    work = nullptr;  // What it holds goes before anybody is told.
    {
      MutexLock lock(&mu_);
      const auto done = lanes_.find(lane);
      done->second.pop_front();
      if (done->second.empty()) {
        lanes_.erase(done);
      } else {
        ready_.push_back(std::move(lane));
      }
    }
    changed_.SignalAll();
  }
}

}  // namespace farebox::server
