#include "server/services/open_streams.h"

#include <utility>
#include <vector>

#include "server/services/stream_limits.h"
#include "storage/errors.h"

namespace farebox::server {

absl::Status OpenStreams::Enter(const std::shared_ptr<OpenStream>& stream,
                                absl::string_view account_id) {
  MutexLock lock(&mu_);
  if (is_ending_) return error::ShuttingDown();
  if (!HasRoom(account_id)) return error::Overloaded();
  places_.emplace(stream.get(), Place{.stream = stream, .account_id = std::string(account_id)});
  return absl::OkStatus();
}

bool OpenStreams::HasRoom(absl::string_view account_id) const {
  if (places_.size() >= bounds_.streams_max) return false;
  if (account_id.empty()) return true;
  size_t of_account = 0;
  size_t of_customers = 0;
  for (const auto& [raw, place] : places_) {
    if (place.account_id == account_id) ++of_account;
    if (!place.account_id.empty()) ++of_customers;
  }
  return of_account < bounds_.per_account_max &&
         of_customers < bounds_.streams_max * limits::kCustomersPlacesPercent / 100;
}

void OpenStreams::Leave(OpenStream* stream) {
  Place left;  // Outlives the lock.
  MutexLock lock(&mu_);
  const auto found = places_.find(stream);
  if (found == places_.end()) return;
  left = std::move(found->second);
  places_.erase(found);
}

void OpenStreams::EndAll() {
  std::vector<std::shared_ptr<OpenStream>> ending;
  {
    MutexLock lock(&mu_);
    is_ending_ = true;
    for (const auto& [raw, place] : places_) ending.push_back(place.stream);
  }
  for (const std::shared_ptr<OpenStream>& stream : ending) stream->EndSoon();
}

}  // namespace farebox::server
