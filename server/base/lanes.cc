#include "server/base/lanes.h"

#include <algorithm>
#include <utility>

#include "storage/thread.h"

namespace farebox::server {

Lanes::Lanes(const char* thread_name, int threads) : thread_count_(threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.push_back(StartThread(thread_name, [this] { Loop(); }));
  }
}

Lanes::~Lanes() { Drain(); }

bool Lanes::Post(std::string lane, Work work, Turn turn) {
  {
    MutexLock lock(&mu_);
    if (stopping_) return false;
    Lane& posted = lanes_[lane];
    posted.pieces.push_back({.work = std::move(work), .turn = turn});
    if (turn == Turn::kNext) ++posted.next_pieces;
    if (posted.pieces.size() == 1) {
      MakeReady(lane);
    } else if (turn == Turn::kNext) {
      MoveUp(lane);
    }
  }
  changed_.SignalAll();
  return true;
}

// Behind those of its sort, so that each has its turn: what waits in a lane for other work of that
// lane makes it come sooner too.
void Lanes::MakeReady(const std::string& lane) {
  (lanes_[lane].next_pieces > 0 ? next_ : in_order_).push_back(lane);
}

// A lane whose front is being done is not among those that wait: it comes to its place when that is
// over.
void Lanes::MoveUp(const std::string& lane) {
  const auto found = std::find(in_order_.begin(), in_order_.end(), lane);
  if (found == in_order_.end()) return;
  in_order_.erase(found);
  next_.push_back(lane);
}

// Whether the next turn, where there is any, is one of next_.
bool Lanes::TakesNext() const {
  if (next_.empty() || in_order_.empty()) return in_order_.empty();
  return thread_count_ == 1 || next_threads_ < thread_count_ - 1;
}

bool Lanes::IsBusy(absl::string_view lane) const {
  MutexLock lock(&mu_);
  return lanes_.contains(lane);
}

void Lanes::WaitUntilIdle() const {
  MutexLock lock(&mu_);
  while (!lanes_.empty()) changed_.Wait(&mu_);
}

void Lanes::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  changed_.SignalAll();
}

void Lanes::Drain() {
  Stop();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  absl::flat_hash_map<std::string, Lane> dropped;
  {
    MutexLock lock(&mu_);
    dropped.swap(lanes_);
    next_.clear();
    in_order_.clear();
  }
  // Work that is dropped may end a call, and who ends a call posts what is to be said of it.
  dropped.clear();
}

void Lanes::Loop() {
  while (true) {
    std::string lane;
    Work work;
    bool is_next = false;
    {
      MutexLock lock(&mu_);
      while (next_.empty() && in_order_.empty() && !stopping_) changed_.Wait(&mu_);
      if (stopping_) return;
      is_next = TakesNext();
      std::deque<std::string>& ready = is_next ? next_ : in_order_;
      lane = std::move(ready.front());
      ready.pop_front();
      if (is_next) ++next_threads_;
      work = std::move(lanes_[lane].pieces.front().work);
    }
    work();
    work = nullptr;  // What it holds goes before anybody is told.
    {
      MutexLock lock(&mu_);
      if (is_next) --next_threads_;
      EndFront(lane);
    }
    changed_.SignalAll();
  }
}

void Lanes::EndFront(const std::string& lane) {
  const auto done = lanes_.find(lane);
  Lane& left = done->second;
  if (left.pieces.front().turn == Turn::kNext) --left.next_pieces;
  left.pieces.pop_front();
  if (left.pieces.empty()) {
    lanes_.erase(done);
  } else {
    MakeReady(lane);
  }
}

}  // namespace farebox::server
