#include "server/web/http_worker.h"

#include <boost/system/error_code.hpp>
#include <utility>

#include "absl/time/time.h"
#include "server/base/limits.h"
#include "server/web/http_connection.h"
#include "storage/clock.h"

namespace farebox::web {

void HttpWorker::WatchPeers() {
  next_look_.expires_after(absl::ToChronoNanoseconds(limits::kHttpLookPause));
  next_look_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    // One that is told may end.
    for (auto next = all_.begin(); next != all_.end();) (*next++)->LookForPeer();
    WatchPeers();
  });
}

const std::string& HttpWorker::Date() {
  const int64_t seconds = absl::ToUnixSeconds(SystemClock().Now());
  if (std::exchange(date_seconds_, seconds) != seconds) {
    date_ = absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::FromUnixSeconds(seconds),
                             absl::UTCTimeZone());
  }
  return date_;
}

void HttpWorker::CloseLongestIdle() {
  if (!idle_.empty()) idle_.front()->Close();
}

}  // namespace farebox::web
