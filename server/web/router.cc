#include "server/web/router.h"

#include "absl/strings/str_cat.h"

namespace farebox::web {

Router::Router()
    : fallback_{.handler =
                    [](const ExchangePtr& exchange) {
                      exchange->Answer(TextResponse(404, "there is nothing here"));
                    }},
      lanes_("fbx-http-work", limits::kHttpWaitingThreads) {}

Router::~Router() { Drain(); }

void Router::Add(absl::string_view method, absl::string_view path, Route route) {
  by_path_[path].emplace_back(method, std::move(route));
}

void Router::AddWaiting(absl::string_view method, absl::string_view path, WaitingHandler handler) {
  Add(method, path, {.handler = [this, handler = std::move(handler)](const ExchangePtr& exchange) {
        RunApart(exchange,
                 [&handler, exchange] { exchange->Answer(handler(exchange->request())); });
      }});
}

void Router::RunApart(const ExchangePtr& exchange, absl::AnyInvocable<void()> work) {
  if (waiting_.fetch_add(1) >= limits::kHttpWaitingMax) {
    waiting_.fetch_sub(1);
    exchange->Answer(TextResponse(503, "too many requests wait already"));
    return;
  }
  // A lane each: they do not wait for one another.
  lanes_.Post(absl::StrCat(next_lane_.fetch_add(1)), [this, work = std::move(work)]() mutable {
    work();
    waiting_.fetch_sub(1);
  });
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
