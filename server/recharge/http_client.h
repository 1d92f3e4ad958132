#ifndef FAREBOX_SERVER_RECHARGE_HTTP_CLIENT_H_
#define FAREBOX_SERVER_RECHARGE_HTTP_CLIENT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/recharge/limits.h"
#include "storage/mutex.h"

namespace farebox::server {

struct HttpRequest {
  // "GET" or "POST".
  std::string method;
  std::string url;
  // Whole lines, e.g. "Accept: text/plain"; without CR and LF.
  std::vector<std::string> headers;
  // For POST.
  std::string body;
};

struct HttpResponse {
  int status = 0;
  // Names in lower case.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The first value of a header; empty where there is none.
  absl::string_view Header(absl::string_view lower_case_name) const;
};

// Requests over HTTP/1.1 with libcurl. Certificates are checked, redirects are answers like any
// other, and the environment's proxies are left alone. Connections are kept and used again.
//
// Thread-safe: each request has a handle of its own for as long as it lasts.
class HttpClient {
 public:
  struct Options {
    absl::Duration connect_timeout = limits::kProviderConnectTimeout;
    // From the beginning to the last byte.
    absl::Duration total_timeout = limits::kProviderAnswerTimeout;
    size_t response_bytes_max = limits::kProviderAnswerBytesMax;
    // A file of certificates to trust in place of the system's; empty for the system's.
    std::string ca_file;
    // Empty: none.
    std::string proxy;
  };

  explicit HttpClient(Options options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // A complete response, whatever its status. DeadlineExceeded: it took too long.
  // ResourceExhausted: it was too large. Unavailable: anything else. After any of them the request
  // may have had its effect. Messages have nothing of the request in them.
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request);

 private:
  struct HandleCloser {
    void operator()(void* handle) const;
  };
  using Handle = std::unique_ptr<void, HandleCloser>;

  Handle TakeHandle();
  void GiveBack(Handle handle);

  // Constant after construction.
  const Options options_;

  Mutex mu_;
  // Handles at rest, with their connections.
  std::vector<Handle> idle_ ABSL_GUARDED_BY(mu_);
};

// `text` as a part of a URL or a form: all but letters, digits and "-._~" as %XX.
std::string PercentEncode(absl::string_view text);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_HTTP_CLIENT_H_
