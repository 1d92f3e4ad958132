#include "server/web/http_exchange.h"

#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <utility>

namespace farebox::web {
namespace {

class HttpExchange final : public Exchange {
 public:
  HttpExchange(std::shared_ptr<AnsweredConnection> connection, Request request, BodyRoom room)
      : connection_(std::move(connection)), room_(std::move(room)), request_(std::move(request)) {}
  ~HttpExchange() override {
    if (!is_over_) OnItsThread([](AnsweredConnection* connection) { connection->Abandon(); });
  }

  const Request& request() const override { return request_; }

  void Answer(Response response) override {
    if (is_begun_.exchange(true)) return;
    is_over_ = true;
    OnItsThread([response = std::move(response)](AnsweredConnection* connection) mutable {
      connection->Answer(std::move(response));
    });
  }

  void Begin(Response head) override {
    if (is_begun_.exchange(true)) return;
    OnItsThread(
        [head = std::move(head)](AnsweredConnection* connection) { connection->Begin(head); });
  }

  void Write(std::string piece, absl::AnyInvocable<void(bool)> written) override {
    OnItsThread([piece = std::move(piece),
                 written = std::move(written)](AnsweredConnection* connection) mutable {
      connection->WritePiece(piece, std::move(written));
    });
  }

  void End() override {
    if (is_over_.exchange(true)) return;
    OnItsThread([](AnsweredConnection* connection) { connection->End(); });
  }

  void OnGone(absl::AnyInvocable<void()> gone) override {
    OnItsThread([gone = std::move(gone)](AnsweredConnection* connection) mutable {
      connection->OnGone(std::move(gone));
    });
  }

  void ReadBody(absl::AnyInvocable<void(absl::StatusOr<std::string>)> read) override {
    OnItsThread([read = std::move(read)](AnsweredConnection* connection) mutable {
      connection->ReadBody(std::move(read));
    });
  }

 private:
  // At once, where that is this one.
  template <typename Then>
  void OnItsThread(Then then) {
    boost::asio::dispatch(
        connection_->context(),
        [connection = connection_, then = std::move(then)]() mutable { then(connection.get()); });
  }

  const std::shared_ptr<AnsweredConnection> connection_;
  const BodyRoom room_;
  const Request request_;
  std::atomic<bool> is_begun_{false};
  std::atomic<bool> is_over_{false};
};

}  // namespace

ExchangePtr MakeHttpExchange(std::shared_ptr<AnsweredConnection> connection, Request request,
                             BodyRoom room) {
  return std::make_shared<HttpExchange>(std::move(connection), std::move(request), std::move(room));
}

}  // namespace farebox::web
