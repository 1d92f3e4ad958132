#ifndef FAREBOX_SERVER_WEB_ORIGIN_RULES_H_
#define FAREBOX_SERVER_WEB_ORIGIN_RULES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/web/exchange.h"

namespace farebox::web {

// Whose page a browser sends a request for. Other sites' pages are not to use what this server
// gives a browser: neither its cookie, nor, where nobody is asked who they are, its place within a
// private network. Thread-safe; constant after construction.
class OriginRules {
 public:
  struct Options {
    // Nobody is asked who they are.
    bool is_open = false;
    // How browsers reach the server, e.g. "https://billing.example.com"; may be empty.
    std::string http_url;
  };
  explicit OriginRules(const Options& options);

  // Of whoever asks: PermissionDenied where a browser says that another site's page does, and where
  // a name has been made to lead here that is not ours.
  absl::Status Check(const Request& request) const;

  // Only the second, for pages that others may link to.
  absl::Status CheckName(const Request& request) const;

  // Of whoever brings a session and changes something: the browser is to say that it is our own
  // page, and the page that it means to call an RPC.
  absl::Status CheckWithSession(const Request& request) const;

  // Whether browsers reach the server by TLS, here or at a proxy.
  bool IsSecure(const Request& request) const;

 private:
  bool IsOurName(absl::string_view host) const;

  const bool is_open_;
  const bool is_secure_;
  // Of http_url, as browsers send it.
  const std::string host_;
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_ORIGIN_RULES_H_
