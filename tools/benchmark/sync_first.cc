#include "tools/benchmark/sync_first.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/transport/answers_together.h"
#include "storage/thread.h"

namespace farebox::benchmark {
namespace {

// What a journal writes for some tens of changes, over and over again in a file that does not grow.
constexpr size_t kWrittenBytes = 16 << 10;
constexpr off_t kFileBytes = 16 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<SyncFirst>> SyncFirst::Start(const std::string& path) {
  server::Descriptor file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  if (!file.is_open()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  const std::vector<char> zeros(kFileBytes);
  if (pwrite(file.get(), zeros.data(), zeros.size(), 0) != kFileBytes || fsync(file.get()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  }
  return std::unique_ptr<SyncFirst>(new SyncFirst(std::move(file)));
}

SyncFirst::SyncFirst(server::Descriptor file) : file_(std::move(file)) {
  writer_ = StartThread("sync-writer", [this] { WriterLoop(); });
  answerer_ = StartThread("sync-answers", [this] { AnswerLoop(); });
}

SyncFirst::~SyncFirst() {
  waiting_.Close();
  writer_.join();
  answerer_.join();
}

void SyncFirst::Then(Answer answer) {
  std::vector<Answer> one;
  one.push_back(std::move(answer));
  waiting_.Put(std::move(one));
}

void SyncFirst::WriterLoop() {
  static constexpr std::array<char, kWrittenBytes> kWritten = {};
  off_t at = 0;
  while (true) {
    std::vector<Answer> answers = waiting_.TakeAll();
    if (answers.empty()) return synced_.Close();
    if (pwrite(file_.get(), kWritten.data(), kWritten.size(), at) < 0 ||
        fdatasync(file_.get()) != 0) {
      _exit(1);
    }
    at = (at + static_cast<off_t>(kWrittenBytes)) % kFileBytes;
    synced_.Put(std::move(answers));
  }
}

void SyncFirst::AnswerLoop() {
  while (true) {
    std::vector<Answer> answers = synced_.TakeAll();
    if (answers.empty()) return;
    const server::AnswersTogether together;
    for (Answer& answer : answers) answer();
  }
}

void SyncFirst::Queue::Put(std::vector<Answer> answers) {
  {
    MutexLock lock(&mu_);
    if (answers_.empty()) {
      answers_ = std::move(answers);
    } else {
      for (Answer& answer : answers) answers_.push_back(std::move(answer));
    }
  }
  changed_.SignalOne();
}

std::vector<SyncFirst::Answer> SyncFirst::Queue::TakeAll() {
  MutexLock lock(&mu_);
  while (answers_.empty() && !is_closed_) changed_.Wait(&mu_);
  return std::exchange(answers_, {});
}

void SyncFirst::Queue::Close() {
  {
    MutexLock lock(&mu_);
    is_closed_ = true;
  }
  changed_.SignalOne();
}

}  // namespace farebox::benchmark
