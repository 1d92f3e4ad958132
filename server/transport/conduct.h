#ifndef FAREBOX_SERVER_TRANSPORT_CONDUCT_H_
#define FAREBOX_SERVER_TRANSPORT_CONDUCT_H_

#include <cstdint>
#include <optional>

#include "server/transport/connection_table.h"

namespace farebox::server {

// How one connection behaves, and whether it is to be cut: pure rules, in looks of which there are
// limits::kLooksPerSecond. Two floods cost a server far more than their sender:
//
//   Bytes that lead to nothing    headers that never end, frames that are no call, calls that are
//                                 given up before they are calls. What a connection sends is paid
//                                 for by the requests that came of it, by what it was answered,
//                                 and by an allowance; what is left unpaid adds up. Large requests
//                                 are unpaid too until they are whole, but those are read as fast
//                                 as they come, or others become whole meanwhile: far less is borne
//                                 where more is always waiting, and what is read pays for less
//                                 than itself, without the allowance and unanswered calls.
//   Calls that are given up       opened and reset at once, so that the server works and the
//   as soon as they are made      limit on simultaneous calls never bites. Where gRPC does not tell
//                                 of them, calls that nothing was sent for.
//
// Thread-compatible.
class Conduct {
 public:
  // What is known of the connection by now, all since it was opened.
  struct Seen {
    uint64_t bytes_received = 0;
    uint64_t bytes_sent = 0;
    // Of those received, what gRPC has not taken yet.
    uint64_t bytes_unread = 0;
    CallTraffic calls;
  };

  enum class Offence { kUnpaidBytes, kResets };

  // Of a connection that may have so many calls at once: they are no flood while they wait.
  explicit Conduct(int64_t calls_at_once_max) : calls_at_once_max_(calls_at_once_max) {}

  // One look, `looks` after the one before. Says what the connection is to be cut for.
  std::optional<Offence> Look(const Seen& seen, int64_t looks);

  // Nothing is held against it and little came since the last look: it can be looked at less often.
  bool is_quiet() const { return is_quiet_; }

 private:
  const int64_t calls_at_once_max_;

  Seen last_;
  int64_t unpaid_bytes_ = 0;
  // The same since when more has always been waiting, with nothing paid but by requests and
  // answers.
  int64_t unpaid_behind_ = 0;
  // Calls that may be answered yet.
  int64_t waiting_ = 0;
  // For how many looks there has been too much of them; and more were read, with some still unread.
  int64_t looks_over_ = 0;
  int64_t looks_behind_ = 0;
  int64_t resets_ = 0;
  int64_t unanswered_ = 0;
  bool is_quiet_ = false;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TRANSPORT_CONDUCT_H_
