#include "server/services/open_streams.h"

#include <vector>

#include "storage/errors.h"

namespace farebox::server {

absl::Status OpenStreams::Enter(const std::shared_ptr<OpenStream>& stream) {
  MutexLock lock(&mu_);
  if (is_ending_) return error::ShuttingDown();
  if (streams_.size() >= streams_max_) return error::Overloaded();
  streams_.emplace(stream.get(), stream);
  return absl::OkStatus();
}

void OpenStreams::Leave(OpenStream* stream) {
  std::shared_ptr<OpenStream> left;  // Outlives the lock.
  MutexLock lock(&mu_);
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  left = std::move(found->second);
  streams_.erase(found);
}

void OpenStreams::EndAll() {
  std::vector<std::shared_ptr<OpenStream>> ending;
  {
    MutexLock lock(&mu_);
    is_ending_ = true;
    for (const auto& [raw, stream] : streams_) ending.push_back(stream);
  }
  for (const std::shared_ptr<OpenStream>& stream : ending) stream->EndSoon();
}

}  // namespace farebox::server
