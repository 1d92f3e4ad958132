#ifndef FAREBOX_SERVER_WEB_SIGN_IN_GUARD_H_
#define FAREBOX_SERVER_WEB_SIGN_IN_GUARD_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/clock.h"
#include "storage/mutex.h"

namespace farebox::web {

// Slows down whoever tries keys and codes: after some failures of a peer's, each further try has to
// wait. Keys and codes are random and cannot be guessed anyhow; this keeps the noise out of the log
// and the work out of the server. Thread-safe.
class SignInGuard {
 public:
  // The clock outlives it.
  explicit SignInGuard(const Clock* clock) : clock_(clock) {}

  // How long the peer ("ipv4:192.0.2.1:40112") is to wait before it may try again; zero: it may.
  absl::Duration Wait(absl::string_view peer) const;

  void NoteFailure(absl::string_view peer);

 private:
  const Clock* const clock_;

  mutable Mutex mu_;
  // When all failures of an address are forgotten: each one puts it off.
  absl::flat_hash_map<std::string, absl::Time> forgiven_ ABSL_GUARDED_BY(mu_);
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_SIGN_IN_GUARD_H_
