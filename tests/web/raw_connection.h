#ifndef FAREBOX_TESTS_WEB_RAW_CONNECTION_H_
#define FAREBOX_TESTS_WEB_RAW_CONNECTION_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace farebox::web {

// A socket to a port of this machine, for what no HTTP client would send. Thread-compatible.
class RawConnection {
 public:
  explicit RawConnection(int port);
  ~RawConnection();
  RawConnection(RawConnection&& other) noexcept;
  RawConnection& operator=(RawConnection&&) = delete;

  // False where the peer takes no more.
  bool Send(absl::string_view bytes);

  // All that comes until `end` is in it, or nothing more can come.
  std::string ReadUntil(absl::string_view end, absl::Duration patience = absl::Seconds(20));
  // All that comes until the peer ends the connection.
  std::string ReadAll() { return ReadUntil(""); }

  // Whether the peer ends it within the time, whatever it says before.
  bool IsEndedWithin(absl::Duration patience);

  // Tells the peer that nothing more is coming.
  void FinishSending();

  // Tells the peer, at once and without a good-bye, that it is gone.
  void Reset();

 private:
  // What comes next; empty at the end, or when the time is over.
  std::string ReadSome(absl::Duration patience);

  int socket_ = -1;
  std::string unread_;
  bool is_ended_ = false;
};

}  // namespace farebox::web

#endif  // FAREBOX_TESTS_WEB_RAW_CONNECTION_H_
