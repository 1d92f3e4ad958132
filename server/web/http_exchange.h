#ifndef FAREBOX_SERVER_WEB_HTTP_EXCHANGE_H_
#define FAREBOX_SERVER_WEB_HTTP_EXCHANGE_H_

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/web/body_room.h"
#include "server/web/exchange.h"

namespace farebox::web {

// A connection as the exchange sees it that waits for its answer: what Exchange says, on the thread
// of the connection's context only. Where the connection is gone, nothing is sent, and callbacks
// are told so at once.
class AnsweredConnection {
 public:
  virtual ~AnsweredConnection() = default;

  virtual boost::asio::io_context& context() = 0;
  virtual void Answer(Response response) = 0;
  virtual void Begin(const Response& head) = 0;
  virtual void WritePiece(absl::string_view piece, absl::AnyInvocable<void(bool)> written) = 0;
  virtual void End() = 0;
  virtual void OnGone(absl::AnyInvocable<void()> gone) = 0;
  virtual void ReadBody(absl::AnyInvocable<void(absl::StatusOr<std::string>)> read) = 0;
  // Whoever held the exchange has let go of it without an end.
  virtual void Abandon() = 0;
};

// The exchange that a route is given: takes what it says to the connection's thread. The room is
// that of the request's body, which is there for as long as the exchange is.
ExchangePtr MakeHttpExchange(std::shared_ptr<AnsweredConnection> connection, Request request,
                             BodyRoom room);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_HTTP_EXCHANGE_H_
