#ifndef FAREBOX_SERVER_WEB_EXCHANGE_H_
#define FAREBOX_SERVER_WEB_EXCHANGE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// HTTP as those see it who answer requests. How it travels is the listener's affair.
namespace farebox::web {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  // "GET", "POST"...
  std::string method;
  // As it was sent, up to the "?": begins with "/", and nothing in it is decoded.
  std::string path;
  // What follows the "?".
  std::string query;
  // Names in lower case, in the order in which they came.
  Headers headers;
  // Empty where the route takes it piece by piece.
  std::string body;
  // From where, as gRPC writes it: "ipv4:192.0.2.1:40112", "ipv6:%5B2001:db8::1%5D:40112".
  std::string peer;
  bool is_tls = false;
  // What the client's certificate is known by (server/security/tls.h); empty where it showed none.
  std::string certificate;

  // The first value; empty where there is none. `name` is in lower case.
  absl::string_view Header(absl::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  // In place of `body`: what lives as long as the process does.
  absl::string_view lasting_body;
};

// A text that says what is wrong.
Response TextResponse(int status, absl::string_view text);

// The decoded value of a field in a query or a form; nothing where it is not there, or not well
// formed.
std::optional<std::string> FormField(absl::string_view form, absl::string_view name);

// One request that waits for its answer. Whoever holds it answers it once, with Answer() or with
// Begin(), pieces and End(), on any thread; dropped without, it is answered 500. Callbacks are
// called on a thread of the listener's, which must not wait.
//
// Thread-safe, but for what is said below.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // Constant while the exchange lives.
  virtual const Request& request() const = 0;

  virtual void Answer(Response response) = 0;

  // An answer of pieces. What is in the body of `head` is left out.
  virtual void Begin(Response head) = 0;
  // Sends the next piece, after Begin() and after `written` of the one before. False: the client
  // is gone, or does not read; nothing more can be sent.
  virtual void Write(std::string piece, absl::AnyInvocable<void(bool)> written) = 0;
  // After the last piece was written.
  virtual void End() = 0;
  // Calls back once where the client goes away before the end, soon after: it hears of the answer
  // where it only ended its own side of the connection. Called before Begin() or Answer().
  virtual void OnGone(absl::AnyInvocable<void()> gone) = 0;

  // The next piece of the body, where the route takes it so; an empty one is the end. One at a
  // time.
  virtual void ReadBody(absl::AnyInvocable<void(absl::StatusOr<std::string>)> read) = 0;
};

// Alone its owner's, or shared: the last one that lets go has dropped it.
using ExchangePtr = std::shared_ptr<Exchange>;

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_EXCHANGE_H_
