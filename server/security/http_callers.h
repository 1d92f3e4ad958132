#ifndef FAREBOX_SERVER_SECURITY_HTTP_CALLERS_H_
#define FAREBOX_SERVER_SECURITY_HTTP_CALLERS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"

namespace farebox::server {

// What the HTTP listener knows of the caller of a call that it makes on an in-process channel. It
// travels as metadata, which anybody can send: so it carries a secret that only this process has.
// Thread-safe; constant after construction.
class HttpCallers {
 public:
  struct Facts {
    // From where: "ipv4:192.0.2.1:40112".
    std::string peer;
    // The digest of the session's token, in hexadecimal; empty without a session.
    std::string session;
    // What the client's certificate is known by, see NameOfClient(); empty without one.
    std::string certificate;
  };

  HttpCallers();

  // The metadata's name; the listener lets nobody else's through.
  static constexpr char kName[] = "farebox-http-caller";

  // The metadata's value.
  std::string Write(const Facts& facts) const;

  // What was handed over with a call; nothing where it did not come from within.
  std::optional<Facts> Read(const grpc::ServerContextBase& context) const;

 private:
  const std::string secret_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_HTTP_CALLERS_H_
