#include "server/web/http_listener.h"

#include <httplib.h>

#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/limits.h"
#include "storage/thread.h"

namespace farebox::server {
namespace {

struct HostAndPort {
  std::string host;
  int port = 0;
};

std::optional<HostAndPort> Parse(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  HostAndPort parsed;
  absl::string_view host = address.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[") != absl::ConsumeSuffix(&host, "]")) return std::nullopt;
  parsed.host = std::string(host);
  const bool is_port = absl::SimpleAtoi(address.substr(colon + 1), &parsed.port);
  if (!is_port || parsed.port < 0 || parsed.port > 65'535 || host.empty()) return std::nullopt;
  return parsed;
}

void SetBounds(httplib::Server* server) {
  server->new_task_queue = [] { return new httplib::ThreadPool(limits::kHttpThreads); };
  server->set_payload_max_length(limits::kHttpRequestBytesMax);
  server->set_read_timeout(absl::ToChronoSeconds(limits::kHttpReadTimeout));
  server->set_write_timeout(absl::ToChronoSeconds(limits::kHttpReadTimeout));
  server->set_keep_alive_timeout(absl::ToInt64Seconds(limits::kHttpKeepAlive));
  server->set_keep_alive_max_count(limits::kHttpRequestsPerConnectionMax);
  // The library would share the port with whoever asks for it.
  server->set_socket_options([](int socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
}

std::unique_ptr<httplib::Server> MakeServer(const TlsFiles* tls) {
  if (tls == nullptr) return std::make_unique<httplib::Server>();
  return std::make_unique<httplib::SSLServer>(
      [tls](SSL_CTX& context) { return SetUpTls(*tls, &context); });
}

}  // namespace

absl::Status CheckHttpAddress(const std::string& address) {
  if (Parse(address).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError("needs an address and a port, e.g. 127.0.0.1:8080");
}

HttpListener::HttpListener(std::unique_ptr<httplib::Server> server) : server_(std::move(server)) {
  SetBounds(server_.get());
  // Nothing here is to be shown within another site's page, or guessed to be another type.
  server_->set_default_headers({{"X-Content-Type-Options", "nosniff"},
                                {"X-Frame-Options", "DENY"},
                                {"Referrer-Policy", "no-referrer"},
                                {"Cache-Control", "no-store"}});
  server_->set_exception_handler([](const httplib::Request&, httplib::Response& response,
                                    const std::exception_ptr&) { response.status = 500; });
}

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Bind(const std::string& address,
                                                                 const TlsFiles* tls) {
  const std::optional<HostAndPort> parsed = Parse(address);
  if (!parsed.has_value()) return CheckHttpAddress(address);
  std::unique_ptr<HttpListener> listener(new HttpListener(MakeServer(tls)));
  if (parsed->port == 0) {
    listener->port_ = listener->server_->bind_to_any_port(parsed->host);
  } else if (listener->server_->bind_to_port(parsed->host, parsed->port)) {
    listener->port_ = parsed->port;
  }
  if (listener->port_ > 0) return listener;
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address, " for HTTP"));
}

HttpListener::~HttpListener() { Drain(); }

void HttpListener::Serve() {
  thread_ = StartThread("fbx-http", [this] { server_->listen_after_bind(); });
  // What is not running yet would not hear Drain's stop().
  while (!server_->is_running()) std::this_thread::yield();
}

void HttpListener::Drain() {
  if (!thread_.joinable()) return;
  server_->stop();
  thread_.join();
}

}  // namespace farebox::server
