#include "server/transport/conduct.h"

#include <algorithm>

#include "server/transport/flood_limits.h"

namespace farebox::server {
namespace {

int64_t Grown(uint64_t now, uint64_t before) { return static_cast<int64_t>(now - before); }

// Of those since the look before. gRPC tells late or never of calls that were given up while it was
// busy with others of their kind; that they were not answered can be seen.
int64_t UnusualResets(const Conduct::Seen& now, const Conduct::Seen& before, int64_t looks) {
  const int64_t told = Grown(now.calls.resets, before.calls.resets);
  const int64_t unanswered = Grown(now.calls.calls, before.calls.calls) -
                             Grown(now.bytes_sent, before.bytes_sent) / limits::kAnswerBytesMin;
  return std::max(told - looks * limits::kFreeResetsPerLook,
                  unanswered - looks * limits::kFreeUnansweredPerLook);
}

}  // namespace

std::optional<Conduct::Offence> Conduct::Look(const Seen& seen, int64_t looks) {
  const int64_t received = Grown(seen.bytes_received, last_.bytes_received);
  const int64_t calls = Grown(seen.calls.calls, last_.calls.calls);
  const int64_t earned = Grown(seen.calls.request_bytes, last_.calls.request_bytes) +
                         calls * limits::kPaidMetadataBytes +
                         Grown(seen.bytes_sent, last_.bytes_sent) / limits::kSentBytesPerPaidByte;
  const int64_t resets = UnusualResets(seen, last_, looks);
  const int64_t read = received - Grown(seen.bytes_unread, last_.bytes_unread);
  last_ = seen;

  // Nothing is saved up: who was good for an hour may not flood for a minute.
  const int64_t paid = earned + looks * limits::kFreeBytesPerLook;
  unpaid_bytes_ = std::max<int64_t>(unpaid_bytes_ + received - paid, 0);
  resets_ = std::max<int64_t>(resets_ + resets, 0);
  const int64_t unpaid_max =
      seen.calls.is_known ? limits::kUnpaidBytesMax : limits::kUnpaidBytesOfStrangerMax;
  looks_over_ = unpaid_bytes_ > unpaid_max ? looks_over_ + looks : 0;
  // What is read, and not what has come: a window that is full opens by fits and starts. Without
  // the allowance: gRPC can read so slowly that it would pay for all.
  const bool is_behind =
      seen.bytes_unread > 0 && read > earned && unpaid_bytes_ > limits::kUnpaidBytesBehindMax;
  looks_behind_ = is_behind ? looks_behind_ + looks : 0;
  is_quiet_ = unpaid_bytes_ == 0 && resets_ == 0 && received < limits::kFreeBytesPerLook;

  if (resets_ > limits::kResetsMax) return Offence::kResets;
  const int64_t looks_max =
      seen.calls.is_known ? limits::kUnpaidLooksMax : limits::kUnpaidLooksOfStrangerMax;
  if (std::max(looks_over_, looks_behind_) > looks_max) return Offence::kUnpaidBytes;
  return std::nullopt;
}

}  // namespace farebox::server
