#ifndef FAREBOX_TESTS_SERVER_HTTP_CALLS_H_
#define FAREBOX_TESTS_SERVER_HTTP_CALLS_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "server/recharge/http_client.h"

namespace farebox::server {

// What a test says to a server over HTTP. Headers are whole lines.
class HttpCalls {
 public:
  explicit HttpCalls(int port) : url_(absl::StrCat("http://127.0.0.1:", port)) {}

  // An RPC as JSON, e.g. "BillingService/GetBalance".
  HttpResponse Call(absl::string_view rpc, const std::string& body,
                    std::vector<std::string> headers = {}) {
    headers.emplace_back("Content-Type: application/json");
    return Post(absl::StrCat("/farebox.v1.", rpc), body, std::move(headers));
  }
  HttpResponse Post(absl::string_view path, const std::string& body,
                    std::vector<std::string> headers = {}) {
    return Send("POST", path, body, std::move(headers));
  }
  HttpResponse Get(absl::string_view path, std::vector<std::string> headers = {}) {
    return Send("GET", path, "", std::move(headers));
  }

  static nlohmann::json Json(const HttpResponse& response) {
    return nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  }

 private:
  HttpResponse Send(const std::string& method, absl::string_view path, const std::string& body,
                    std::vector<std::string> headers) {
    HttpRequest request;
    request.method = method;
    request.url = absl::StrCat(url_, path);
    request.headers = std::move(headers);
    request.body = body;
    return *client_.Send(request);
  }

  const std::string url_;
  HttpClient client_{{}};
};

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_HTTP_CALLS_H_
