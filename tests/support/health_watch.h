#ifndef FAREBOX_TESTS_SUPPORT_HEALTH_WATCH_H_
#define FAREBOX_TESTS_SUPPORT_HEALTH_WATCH_H_

#include <memory>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "storage/mutex.h"

namespace farebox::testing {

// What grpc.health.v1.Health/Watch says of a server, as a load balancer hears it. Thread-safe.
class HealthWatch {
 public:
  enum class Health { kServing, kNotServing, kGone };
  struct Word {
    Health health;
    absl::Time time;
  };

  // Asks over a connection of its own.
  explicit HealthWatch(const std::string& address);
  // Stops asking.
  ~HealthWatch();
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;

  // Waits until this is the newest word, and returns whether it came in time.
  bool Await(Health health, absl::Duration patience = absl::Seconds(30));
  // All there was.
  std::vector<Word> words() const;

 private:
  void Listen();
  void Note(Health health);

  const std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;

  mutable Mutex mu_;
  CondVar changed_;  // Signalled when words_ changes.
  std::vector<Word> words_ ABSL_GUARDED_BY(mu_);
  std::thread listener_;  // Last: starts when all above is built.
};

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_SUPPORT_HEALTH_WATCH_H_
