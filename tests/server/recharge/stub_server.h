#ifndef FAREBOX_TESTS_SERVER_RECHARGE_STUB_SERVER_H_
#define FAREBOX_TESTS_SERVER_RECHARGE_STUB_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "storage/mutex.h"

namespace farebox::server {

class ThreadGate;

// What a client sent.
struct StubRequest {
  std::string method;
  // With the query.
  std::string target;
  // Names in lower case.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // Empty where there is none.
  std::string Header(absl::string_view lower_case_name) const;
};

struct StubAnswer {
  enum class Ending {
    kWhole,
    // The connection is closed in the middle of the body.
    kHalfTheBody,
    // The connection is closed without a byte.
    kNothing,
    // Nothing comes, for as long as the client waits.
    kSilence,
  };
  int status = 200;
  std::string body;
  // Whole lines.
  std::vector<std::string> headers;
  Ending ending = Ending::kWhole;
  // Not before this is open; null: at once. Other requests are answered meanwhile.
  ThreadGate* gate = nullptr;
};

// An HTTP/1.1 server on this machine that answers as it is told, and as badly. Thread-safe.
class StubServer {
 public:
  // Called for one request at a time.
  using Handler = std::function<StubAnswer(const StubRequest&)>;

  struct Options {
    // TLS with a certificate of its own making, for this host; empty for plain HTTP.
    std::string certificate_host;
  };

  explicit StubServer(Handler handler) : StubServer(std::move(handler), Options()) {}
  StubServer(Handler handler, const Options& options);
  ~StubServer();
  StubServer(const StubServer&) = delete;
  StubServer& operator=(const StubServer&) = delete;

  // "http://127.0.0.1:4711".
  const std::string& url() const { return url_; }
  // PEM, of TLS.
  std::string certificate() const;
  // All requests so far, those included that were answered badly.
  std::vector<StubRequest> received();

 private:
  class Tls;
  class Stream;

  void Accept();
  void Serve(int socket);
  StubAnswer Answer(const StubRequest& request);

  // Constant after construction.
  const Handler handler_;
  std::string url_;
  int listener_ = -1;
  std::unique_ptr<Tls> tls_;

  Mutex handling_;  // Taken before mu_.
  Mutex mu_;
  std::vector<StubRequest> received_ ABSL_GUARDED_BY(mu_);
  std::vector<int> sockets_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> connections_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread acceptor_;
};

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_RECHARGE_STUB_SERVER_H_
