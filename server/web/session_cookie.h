#ifndef FAREBOX_SERVER_WEB_SESSION_COOKIE_H_
#define FAREBOX_SERVER_WEB_SESSION_COOKIE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "server/web/exchange.h"

namespace farebox::web {

// The cookie that a session's token is in. No script reads it, and browsers send it with requests
// of this site's own pages only. Where browsers come by TLS it has a name that they take from this
// host alone, and never without TLS.

// The token that came with the request; empty where none did, or more than one.
std::string SessionToken(const Request& request, bool is_secure);

// The header's value that sets the cookie, for as long as a session can last.
std::string SetSessionCookie(absl::string_view token, bool is_secure);
// The one that takes it away.
std::string ClearSessionCookie(bool is_secure);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_SESSION_COOKIE_H_
