#include "server/transport/conduct.h"

#include <algorithm>

#include "server/transport/flood_limits.h"

namespace farebox::server {
namespace {

int64_t Grown(uint64_t now, uint64_t before) { return static_cast<int64_t>(now - before); }

// More is held against it, less what is free.
void Add(int64_t more, int64_t free, int64_t* sum) {
  *sum = std::max(*sum + more - free, int64_t{0});
}

}  // namespace

std::optional<Conduct::Offence> Conduct::Look(const Seen& seen, int64_t looks) {
  const int64_t received = Grown(seen.bytes_received, last_.bytes_received);
  const int64_t calls = Grown(seen.calls.calls, last_.calls.calls);
  const int64_t sent = Grown(seen.bytes_sent, last_.bytes_sent);
  const int64_t answered = std::min(waiting_ + calls, sent / limits::kAnswerBytesMin);
  waiting_ = std::min(waiting_ + calls - answered, calls_at_once_max_);
  const int64_t earned_by_bytes = Grown(seen.calls.request_bytes, last_.calls.request_bytes) +
                                  sent / limits::kSentBytesPerPaidByte;
  const int64_t earned = earned_by_bytes + calls * limits::kPaidMetadataBytes;
  const int64_t earned_by_answers = earned_by_bytes + answered * limits::kPaidMetadataBytes;
  const int64_t resets = Grown(seen.calls.resets, last_.calls.resets);
  const int64_t read = received - Grown(seen.bytes_unread, last_.bytes_unread);
  last_ = seen;

  // Nothing is saved up: who was good for an hour may not flood for a minute.
  const int64_t paid = earned + looks * limits::kFreeBytesPerLook;
  Add(received, paid, &unpaid_bytes_);
  Add(resets, looks * limits::kFreeResetsPerLook, &resets_);
  // gRPC tells late or never of what was given up while it is busy with others of their kind: that
  // nothing was sent for them can be seen.
  Add(calls, sent / limits::kAnswerBytesMin + looks * limits::kFreeUnansweredPerLook, &unanswered_);
  const int64_t unpaid_max =
      seen.calls.is_known ? limits::kUnpaidBytesMax : limits::kUnpaidBytesOfStrangerMax;
  looks_over_ = unpaid_bytes_ > unpaid_max ? looks_over_ + looks : 0;
  // What is read, and not what has come: a window that is full opens by fits and starts. Without
  // the allowance, and without calls that nobody answers: on a busy machine gRPC can read so slowly
  // that either would pay for all, and tell of what was given up when it is too late.
  if (seen.bytes_unread == 0) unpaid_behind_ = 0;
  Add(read, earned_by_answers, &unpaid_behind_);
  const bool is_behind = seen.bytes_unread > 0 && read > earned_by_answers &&
                         std::max(unpaid_bytes_, unpaid_behind_) > limits::kUnpaidBytesBehindMax;
  looks_behind_ = is_behind ? looks_behind_ + looks : 0;
  is_quiet_ = unpaid_bytes_ == 0 && resets_ == 0 && received < limits::kFreeBytesPerLook;

  if (resets_ > limits::kResetsMax || unanswered_ > limits::kResetsMax + calls_at_once_max_) {
    return Offence::kResets;
  }
  const int64_t looks_max =
      seen.calls.is_known ? limits::kUnpaidLooksMax : limits::kUnpaidLooksOfStrangerMax;
  if (std::max(looks_over_, looks_behind_) > looks_max) return Offence::kUnpaidBytes;
  return std::nullopt;
}

}  // namespace farebox::server
