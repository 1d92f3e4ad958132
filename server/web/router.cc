#include "server/web/router.h"

#include "absl/strings/str_cat.h"

namespace farebox::web {

Response BusyResponse() {
  Response response = TextResponse(503, "too many requests wait already");
  response.headers.emplace_back("retry-after", "1");
  return response;
}

Router::Router()
    : fallback_{.handler =
                    [](const ExchangePtr& exchange) {
                      exchange->Answer(TextResponse(404, "there is nothing here"));
                    }},
      for_us_("fbx-http-work", limits::kHttpWaitingThreads),
      for_others_("fbx-http-hooks", limits::kHttpWebhookThreads) {}

Router::~Router() { Drain(); }

void Router::Add(absl::string_view method, absl::string_view path, Route route) {
  by_path_[path].emplace_back(method, std::move(route));
}

void Router::Drain() {
  for_us_.lanes.Drain();
  for_others_.lanes.Drain();
}

void Router::AddWaiting(absl::string_view method, absl::string_view path, WaitingHandler handler,
                        Waiting waiting) {
  Add(method, path,
      {.handler = [this, waiting, handler = std::move(handler)](const ExchangePtr& exchange) {
        const bool is_taken = RunApart(
            [&handler, exchange] { exchange->Answer(handler(exchange->request())); }, waiting);
        if (!is_taken) exchange->Answer(BusyResponse());
      }});
}

bool Router::RunApart(absl::AnyInvocable<void()> work, Waiting waiting) {
  Pool& pool = waiting == Waiting::kForOthers ? for_others_ : for_us_;
  if (pool.waiting.fetch_add(1) >= limits::kHttpWaitingMax) {
    pool.waiting.fetch_sub(1);
    return false;
  }
  // A lane each: they do not wait for one another.
  pool.lanes.Post(absl::StrCat(pool.next_lane.fetch_add(1)),
                  [&pool, work = std::move(work)]() mutable {
                    work();
                    pool.waiting.fetch_sub(1);
                  });
  return true;
}

Router::Found Router::Find(absl::string_view method, absl::string_view path) const {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return {.route = &fallback_};
  const absl::string_view sought = method == "HEAD" ? "GET" : method;
  std::string allowed;
  for (const auto& [name, route] : found->second) {
    if (name == sought) return {.route = &route};
    absl::StrAppend(&allowed, allowed.empty() ? "" : ", ", name, name == "GET" ? ", HEAD" : "");
  }
  return {.allowed_methods = std::move(allowed)};
}

}  // namespace farebox::web
