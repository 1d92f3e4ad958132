#ifndef FAREBOX_SERVER_WEB_ROUTER_H_
#define FAREBOX_SERVER_WEB_ROUTER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "server/base/lanes.h"
#include "server/base/limits.h"
#include "server/web/exchange.h"

namespace farebox::web {

// Called on a thread of the listener's, which must not wait: it answers at once, or hands the
// exchange to whoever does.
using Handler = std::function<void(ExchangePtr)>;

// For what takes a while, on a thread of the router's own.
using WaitingHandler = std::function<Response(const Request&)>;

// Says that there are too many requests, and when to come back.
Response BusyResponse();

struct Route {
  Handler handler;
  // More is answered 413, unread.
  size_t body_bytes_max = limits::kHttpRequestBytesMax;
  // The handler takes the body piece by piece, and the bound is its own.
  bool takes_pieces = false;
  // What is answered where there is no room for the body now.
  Response busy = BusyResponse();
};

// Who answers what. Routes are added before the listener serves; then it is thread-safe.
class Router {
 public:
  Router();
  ~Router();

  // `path` is compared whole, as it is sent. Whoever answers GET answers HEAD too: the listener
  // leaves the body out.
  void Add(absl::string_view method, absl::string_view path, Route route);

  // What a handler waits for. Another machine may take long, so those that wait for one have
  // threads of their own and hold up no others.
  enum class Waiting { kForUs, kForOthers };
  void AddWaiting(absl::string_view method, absl::string_view path, WaitingHandler handler,
                  Waiting waiting = Waiting::kForUs);

  // Has the work done on a thread of the router's own. False, and the work is dropped, where too
  // many wait already.
  bool RunApart(absl::AnyInvocable<void()> work, Waiting waiting = Waiting::kForUs);

  // For paths that have no route; 404 where it is not set.
  void SetFallback(Handler handler) { fallback_.handler = std::move(handler); }

  struct Found {
    const Route* route = nullptr;
    // Set where the path has routes, but none with this method: those it has.
    std::string allowed_methods;
  };
  Found Find(absl::string_view method, absl::string_view path) const;

  // Lets what has begun end. Idempotent.
  void Drain();

 private:
  struct Pool {
    Pool(const char* thread_name, int threads) : lanes(thread_name, threads) {}

    // Requests that wait for a thread, or have one.
    std::atomic<size_t> waiting{0};
    std::atomic<uint64_t> next_lane{0};
    // Last: its threads use what is above.
    server::Lanes lanes;
  };

  absl::flat_hash_map<std::string, std::vector<std::pair<std::string, Route>>> by_path_;
  Route fallback_;

  // Last: their threads use what is above.
  Pool for_us_;
  Pool for_others_;
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_ROUTER_H_
