#ifndef FAREBOX_SERVER_WEB_HTTP_WORKER_H_
#define FAREBOX_SERVER_WEB_HTTP_WORKER_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <list>
#include <string>

namespace farebox::web {

class HttpConnection;

// One thread's connections. Used on that thread only.
class HttpWorker {
 public:
  boost::asio::io_context& context() { return context_; }

  // Those that wait for a request, the longest first.
  std::list<HttpConnection*>& idle() { return idle_; }
  std::list<HttpConnection*>& all() { return all_; }

  // Makes room for another one.
  void CloseLongestIdle();

  // Looks after those who wait for an answer, again and again until the context ends.
  void WatchPeers();

  // The time, as the header "Date" has it: written anew once a second. Good until the next call.
  const std::string& Date();

 private:
  boost::asio::io_context context_{1};
  boost::asio::steady_timer next_look_{context_};
  std::list<HttpConnection*> idle_;
  std::list<HttpConnection*> all_;
  int64_t date_seconds_ = -1;
  std::string date_;
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_HTTP_WORKER_H_
