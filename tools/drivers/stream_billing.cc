#include "tools/drivers/stream_billing.h"

#include <utility>

#include "absl/status/status.h"
#include "storage/check.h"
#include "tools/drivers/client_billing.h"
#include "tools/drivers/observation.h"

namespace farebox::drivers {
namespace {

// A stream that answers nothing for so long is taken for broken. Sending again does no harm.
constexpr absl::Duration kStalledAfter = absl::Seconds(1);
// Before the next stream is opened.
constexpr absl::Duration kPause = absl::Milliseconds(50);

}  // namespace

StreamBilling::StreamBilling(client::Client* client, absl::Duration patience, const Clock* clock)
    : client_(client), patience_(patience), clock_(clock), sender_([this] { SendAll(); }) {}

StreamBilling::~StreamBilling() {
  {
    const MutexLock lock(&mu_);
    FAREBOX_CHECK(pending_.empty());
    is_ending_ = true;
    changed_.SignalAll();
  }
  sender_.join();
}

void StreamBilling::Apply(const v1::Operation& operation, Answered answered) {
  const MutexLock lock(&mu_);
  pending_[++last_number_] = {operation, std::move(answered), clock_->Now() + patience_};
  unsent_.push_back(last_number_);
  changed_.SignalAll();
}

void StreamBilling::GetBalance(const std::string& account_id, BalanceRead read) {
  UnaryBilling(client_).GetBalance(account_id, std::move(read));
}

StreamBilling::Next StreamBilling::WaitForNext(v1::ApplyStreamRequest* request) {
  const MutexLock lock(&mu_);
  while (unsent_.empty() && !is_ending_) {
    const int64_t results = results_;
    if (pending_.empty()) {
      changed_.Wait(&mu_);
      continue;
    }
    changed_.WaitFor(&mu_, kStalledAfter);
    if (unsent_.empty() && !pending_.empty() && results_ == results) return Next::kStalled;
  }
  if (is_ending_) return Next::kEnd;
  const int64_t number = unsent_.front();
  unsent_.pop_front();
  request->set_correlation_id(number);
  *request->mutable_operation() = pending_.at(number).operation;
  return Next::kSend;
}

void StreamBilling::SendAll() {
  std::unique_ptr<client::ApplyStream> stream;
  while (true) {
    v1::ApplyStreamRequest request;
    const Next next = WaitForNext(&request);
    if (next == Next::kEnd) break;
    if (stream == nullptr) {
      stream = client_->OpenApplyStream(
          [this](const v1::ApplyStreamResponse& response) { OnResult(response); });
    }
    const bool works = next == Next::kSend && stream->Send(std::move(request)).ok();
    if (!works) Restart(std::move(stream));
  }
  if (stream != nullptr) stream->Stop();
}

// All that has no answer is to be sent again, in the order in which it was asked.
void StreamBilling::Restart(std::unique_ptr<client::ApplyStream> broken) {
  broken->Stop();
  const absl::Status status = broken->Finish();
  broken.reset();
  v1::OperationResult error;
  error.mutable_error()->set_code(static_cast<int>(absl::StatusCode::kUnavailable));
  error.mutable_error()->set_message(std::string(status.message()));
  for (const Answered& answered : TakeGivenUp()) answered(error);

  const MutexLock lock(&mu_);
  unsent_.clear();
  for (const auto& [number, pending] : pending_) unsent_.push_back(number);
  if (!is_ending_) changed_.WaitFor(&mu_, kPause);
}

std::vector<Billing::Answered> StreamBilling::TakeGivenUp() {
  const MutexLock lock(&mu_);
  std::vector<Answered> given_up;
  for (auto pending = pending_.begin(); pending != pending_.end();) {
    if (clock_->Now() < pending->second.give_up) {
      ++pending;
      continue;
    }
    given_up.push_back(std::move(pending->second.answered));
    pending = pending_.erase(pending);
  }
  return given_up;
}

void StreamBilling::OnResult(const v1::ApplyStreamResponse& response) {
  Answered answered;
  {
    const MutexLock lock(&mu_);
    const auto found = pending_.find(response.correlation_id());
    if (found == pending_.end()) return;
    // What is refused for now stays pending; it is sent again when nothing else is answered.
    if (IsTransient(response.result()) && clock_->Now() < found->second.give_up) return;
    ++results_;
    answered = std::move(found->second.answered);
    pending_.erase(found);
    changed_.SignalAll();
  }
  answered(response.result());
}

}  // namespace farebox::drivers
