#include "tests/end_to_end/busy_callers.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/time/clock.h"

namespace farebox {
namespace {

client::ClientOptions ClientOptionsOf(const BusyCallers::Options& options) {
  client::ClientOptions client;
  client.target = options.address;
  client.timeout = options.timeout;
  return client;
}

}  // namespace

BusyCallers::BusyCallers(Options options)
    : options_(std::move(options)), client_(ClientOptionsOf(options_)) {
  for (int i = 0; i < options_.callers; ++i) {
    threads_.emplace_back([this, i] { Loop(static_cast<size_t>(i)); });
  }
}

BusyCallers::~BusyCallers() {
  is_stopping_.store(true);
  for (std::thread& thread : threads_) thread.join();
}

void BusyCallers::Loop(size_t caller) {
  absl::BitGen bits;
  for (size_t turn = caller; !is_stopping_; ++turn) {
    absl::SleepFor(options_.pause_max * absl::Uniform(bits, 0.0, 1.0));
    v1::DebitRequest request;
    request.set_account_id(options_.account_ids[turn % options_.account_ids.size()]);
    request.set_amount_micros(1);
    request.set_item(v1::ITEM_ADJUSTMENT);
    const absl::Time start = absl::Now();
    const absl::Status status = client_.Debit(std::move(request)).status();
    const absl::Time end = absl::Now();
    MutexLock lock(&mu_);
    ++ended_calls_;
    ended_.SignalAll();
    ++report_.calls;
    report_.longest = std::max(report_.longest, end - start);
    report_.longest_silence = std::max(report_.longest_silence, end - last_answer_);
    last_answer_ = end;
    if (status.ok()) continue;
    if (report_.failures++ == 0) report_.first_failure = status.ToString();
  }
}

BusyCallers::Report BusyCallers::TakeReport() {
  MutexLock lock(&mu_);
  return std::exchange(report_, {});
}

void BusyCallers::AwaitCalls(int64_t more) {
  MutexLock lock(&mu_);
  const int64_t enough = ended_calls_ + more;
  while (ended_calls_ < enough) ended_.Wait(&mu_);
}

}  // namespace farebox
