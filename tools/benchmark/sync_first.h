#ifndef FAREBOX_TOOLS_BENCHMARK_SYNC_FIRST_H_
#define FAREBOX_TOOLS_BENCHMARK_SYNC_FIRST_H_

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/transport/descriptor.h"
#include "storage/mutex.h"

namespace farebox::benchmark {

// The least that a server does which answers nothing before it is on disk: one thread writes and
// syncs for all that wait, another one tells them. Thread-safe.
class SyncFirst {
 public:
  using Answer = absl::AnyInvocable<void()>;

  // Makes the file, whose content means nothing.
  static absl::StatusOr<std::unique_ptr<SyncFirst>> Start(const std::string& path);
  // What waits is answered first.
  ~SyncFirst();
  SyncFirst(const SyncFirst&) = delete;
  SyncFirst& operator=(const SyncFirst&) = delete;

  // Calls `answer`, on a thread of its own, once a sync that began after this is over.
  void Then(Answer answer);

 private:
  // Answers on their way from one thread to the next.
  class Queue {
   public:
    void Put(std::vector<Answer> answers);
    // Waits for some. Empty when it is closed.
    std::vector<Answer> TakeAll();
    void Close();

   private:
    Mutex mu_;
    CondVar changed_;
    std::vector<Answer> answers_ ABSL_GUARDED_BY(mu_);
    bool is_closed_ ABSL_GUARDED_BY(mu_) = false;
  };

  explicit SyncFirst(server::Descriptor file);

  void WriterLoop();
  void AnswerLoop();

  const server::Descriptor file_;
  Queue waiting_;
  Queue synced_;
  std::thread writer_;
  std::thread answerer_;
};

}  // namespace farebox::benchmark

#endif  // FAREBOX_TOOLS_BENCHMARK_SYNC_FIRST_H_
