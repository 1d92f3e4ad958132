#ifndef FAREBOX_SERVER_HAND_OVER_HAND_OVER_H_
#define FAREBOX_SERVER_HAND_OVER_HAND_OVER_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/hand_over/passed_sockets.h"
#include "server/transport/descriptor.h"

namespace farebox::server {

// How one server leaves the ledger to the next, which is a new process of the program on disk:
//
//   predecessor                                      successor
//   starts it, passes the sockets that listen   ->   reads its settings, follows the journal
//   goes on as before                                ... and says that it is ready
//   takes no more connections, answers all      <-
//   ends: the kernel lets go of the lock        ->   takes the lock, reads the rest, takes calls
//
// One process owns the ledger at any time, by the same lock as ever. Whoever connects in between
// waits in the sockets' queue. A successor that does not get ready changes nothing for anybody. One
// that ends after that is replaced by another, which then has no predecessor to wait for; or it is
// a crash like any other, and somebody starts the next.

// The next server, seen from the one that leaves. Thread-compatible.
class Successor {
 public:
  struct Options {
    // The program, and what comes after its name.
    std::string program;
    std::vector<std::string> arguments;
    // Stay this process's too.
    std::vector<PassedSocket> sockets;
    // How long it may take to get ready.
    absl::Duration patience;
    // Called once, on a thread of this object's, when it is ready or will never be.
    std::function<void(const absl::Status&)> on_decided;
  };

  static absl::StatusOr<std::unique_ptr<Successor>> Start(Options options);
  // Kills it. This process ends without that when it leaves the ledger to it.
  ~Successor();
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  pid_t process_id() const { return process_id_; }

  // Whether it has not ended yet.
  bool IsAlive() const;

 private:
  Successor(Options options, pid_t process_id, Descriptor channel, Descriptor stop);

  absl::Status AwaitReady();

  // Constant after construction.
  const Options options_;
  const pid_t process_id_;
  const Descriptor channel_;
  const Descriptor stop_;  // Readable when nobody wants to know any more.

  std::thread thread_;  // Last: starts when all above is built.
};

// The server that owns the ledger so far, seen from the one that it has started. Thread-compatible.
class Predecessor {
 public:
  // Null where this process was not started by one; takes what says so out of the environment.
  // Once, before any thread.
  static std::unique_ptr<Predecessor> Find();

  // This process could take over now: the predecessor ends as soon as all is answered.
  absl::Status SayReady();

  // Returns when it has ended, however that was. Fails where it does not.
  absl::Status AwaitEnd(absl::Duration patience);

 private:
  explicit Predecessor(Descriptor channel) : channel_(std::move(channel)) {}

  Descriptor channel_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_HAND_OVER_HAND_OVER_H_
