#include "server/web/http_listener.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/web/http_bounds.h"
#include "storage/mutex.h"
#include "tests/support/await.h"
#include "tests/web/raw_connection.h"

namespace farebox::web {
namespace {

using ::testing::AllOf;
using testing::Await;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kGet[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr char kEndOfHead[] = "\r\n\r\n";

// A listener that peers do not wait long for, with some routes.
class HttpListenerTest : public ::testing::Test {
 protected:
  void SetUp() override { Start({}); }

  void Start(HttpBounds bounds, const std::string& address = "127.0.0.1:0") {
    if (bounds.read_timeout == HttpBounds().read_timeout) {
      bounds.read_timeout = absl::Milliseconds(300);
    }
    bounds.write_timeout = absl::Milliseconds(300);
    listener_.reset();
    auto bound = HttpListener::Bind(address, nullptr, bounds);
    ASSERT_TRUE(bound.ok()) << bound.status();
    listener_ = *std::move(bound);
    AddRoutes(&listener_->routes());
    listener_->Serve();
  }

  void AddRoutes(Router* routes) {
    routes->Add("GET", "/hello", {.handler = [](const ExchangePtr& exchange) {
                  exchange->Answer(TextResponse(200, "hello"));
                }});
    routes->Add("GET", "/peer", {.handler = [](const ExchangePtr& exchange) {
                  exchange->Answer(TextResponse(200, exchange->request().peer));
                }});
    routes->Add("GET", "/large", {.handler = [](const ExchangePtr& exchange) {
                  exchange->Answer({.body = std::string(kLargeBytes, 'x')});
                }});
    routes->Add("POST", "/echo",
                {.handler =
                     [](const ExchangePtr& exchange) {
                       exchange->Answer({.body = exchange->request().body});
                     },
                 .body_bytes_max = 1'000});
    routes->Add("GET", "/dropped", {.handler = [](const ExchangePtr&) {}});
    routes->Add("GET", "/held", {.handler = [this](ExchangePtr exchange) {
                  MutexLock lock(&mu_);
                  held_.push_back(std::move(exchange));
                }});
    routes->Add("POST", "/held",
                {.handler =
                     [this](ExchangePtr exchange) {
                       MutexLock lock(&mu_);
                       held_.push_back(std::move(exchange));
                     },
                 .body_bytes_max = 1'000'000});
    routes->Add("GET", "/awaited", {.handler = [this](ExchangePtr exchange) {
                  exchange->OnGone([this] { gone_.fetch_add(1); });
                  MutexLock lock(&mu_);
                  held_.push_back(std::move(exchange));
                }});
    routes->AddWaiting("GET", "/waiting", [](const Request& request) {
      return TextResponse(200, absl::StrCat("query ", request.query));
    });
    routes->Add("POST", "/count",
                {.handler = [](ExchangePtr exchange) { Count(exchange, 0); },
                 .body_bytes_max = 10'000'000,
                 .takes_pieces = true});
    routes->Add("GET", "/endless", {.handler = [this](ExchangePtr exchange) {
                  exchange->OnGone([this] { gone_.fetch_add(1); });
                  exchange->Begin({});
                  WriteOn(std::move(exchange));
                }});
  }

  static void Count(const ExchangePtr& exchange, size_t so_far) {
    exchange->ReadBody([exchange, so_far](absl::StatusOr<std::string> piece) {
      if (!piece.ok()) return;
      if (piece->empty()) return exchange->Answer(TextResponse(200, absl::StrCat(so_far)));
      Count(exchange, so_far + piece->size());
    });
  }

  void WriteOn(const ExchangePtr& exchange) {
    written_.fetch_add(1);
    exchange->Write(std::string(10'000, 'y'), [this, exchange](bool is_written) {
      if (is_written) WriteOn(exchange);
    });
  }

  RawConnection Connect() { return RawConnection(listener_->port()); }

  std::string Ask(absl::string_view request) {
    RawConnection connection = Connect();
    EXPECT_TRUE(connection.Send(request));
    connection.FinishSending();
    return connection.ReadAll();
  }

  static constexpr size_t kLargeBytes = 20'000'000;

  Mutex mu_;
  std::vector<ExchangePtr> held_;
  std::atomic<int> gone_{0};
  std::atomic<int64_t> written_{0};
  std::unique_ptr<HttpListener> listener_;
};

TEST_F(HttpListenerTest, WhoWaitsAtASocketIsAnsweredByTheNextThatHasIt) {
  const int port = listener_->port();
  const int passed = dup(listener_->listening_socket());
  listener_.reset();
  RawConnection early(port);
  ASSERT_TRUE(early.Send(kGet));

  auto adopted = HttpListener::Adopt(passed, nullptr);
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  AddRoutes(&(*adopted)->routes());
  (*adopted)->Serve();

  EXPECT_EQ((*adopted)->port(), port);
  EXPECT_THAT(early.ReadUntil("hello"), EndsWith("hello"));
}

TEST_F(HttpListenerTest, WhatDoesNotListenIsNotAdopted) {
  const int null = open("/dev/null", O_RDONLY);

  EXPECT_TRUE(absl::IsInvalidArgument(HttpListener::Adopt(null, nullptr).status()));
  EXPECT_EQ(fcntl(null, F_GETFD), -1);
}

TEST_F(HttpListenerTest, AnswersRequestAfterRequestOnOneConnection) {
  RawConnection connection = Connect();

  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(connection.Send(kGet));
    EXPECT_THAT(connection.ReadUntil("hello\n"),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("content-length: 6\r\n"),
                      HasSubstr("x-content-type-options: nosniff\r\n"),
                      HasSubstr("cache-control: no-store\r\n"), EndsWith("\r\n\r\nhello\n")));
  }
}

TEST_F(HttpListenerTest, SaysWhenItAnswered) {
  EXPECT_THAT(Ask(kGet),
              ::testing::ContainsRegex("\r\ndate: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} "
                                       "[0-9]{2}:[0-9]{2}:[0-9]{2} GMT\r\n"));
}

TEST_F(HttpListenerTest, AnswersWhatCameAtOnceInOrder) {
  RawConnection connection = Connect();
  ASSERT_TRUE(connection.Send(absl::StrCat(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none",
      "GET /waiting?two HTTP/1.1\r\nHost: x\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n0\r\n\r\n",
      kGet)));

  EXPECT_THAT(connection.ReadUntil("one"), HasSubstr("200 OK"));
  EXPECT_THAT(connection.ReadUntil("query two\n"), HasSubstr("200 OK"));
  EXPECT_THAT(connection.ReadUntil("three"), HasSubstr("200 OK"));
  EXPECT_THAT(connection.ReadUntil("hello\n"), HasSubstr("200 OK"));
}

TEST_F(HttpListenerTest, LeavesTheBodyOutForHead) {
  RawConnection connection = Connect();
  ASSERT_TRUE(connection.Send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(connection.ReadUntil(kEndOfHead), HasSubstr("content-length: 6\r\n"));

  ASSERT_TRUE(connection.Send(kGet));
  EXPECT_THAT(connection.ReadUntil("hello\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpListenerTest, ClosesWhereItIsAskedTo) {
  EXPECT_THAT(Ask("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              AllOf(HasSubstr("connection: close\r\n"), EndsWith("hello\n")));
  EXPECT_THAT(Ask("GET /hello HTTP/1.0\r\n\r\n"), EndsWith("hello\n"));
}

TEST_F(HttpListenerTest, InvitesABodyThatWaitsToBeInvited) {
  RawConnection connection = Connect();
  ASSERT_TRUE(connection.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
  EXPECT_EQ(connection.ReadUntil(kEndOfHead), "HTTP/1.1 100 Continue\r\n\r\n");

  ASSERT_TRUE(connection.Send("now"));
  EXPECT_THAT(connection.ReadUntil("now"), HasSubstr("200 OK"));
}

TEST_F(HttpListenerTest, RefusesWhatItCannotServe) {
  const struct {
    std::string request;
    std::string status;
  } kRows[] = {
      {"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
      {"DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n", "405"},
      {"GET /hello HTTP/1.1\r\n\r\n", "400"},
      {"GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400"},
      {"GET http://x/hello HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
      {"GET /hello HTTP/2.0\r\nHost: x\r\n\r\n", "505"},
      {"GET /hello\r\n\r\n", "400"},
      {"nonsense\r\n\r\n", "400"},
      {"\x16\x03\x01\x02", "400"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
      {"GET /hello HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n", "400"},
      {"GET /hello HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", "200"},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "413"},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
       "400"},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
       "0\r\n\r\n",
       "400"},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n", "413"},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\nContent-Length: 1\r\n\r\n", "417"},
      {"GET /dropped HTTP/1.1\r\nHost: x\r\n\r\n", "500"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(Ask(row.request), StartsWith(absl::StrCat("HTTP/1.1 ", row.status))) << row.request;
  }
}

TEST_F(HttpListenerTest, TurnsAwayAHeadOfAMegabyte) {
  RawConnection connection = Connect();
  connection.Send(absl::StrCat("GET /hello HTTP/1.1\r\nHost: x\r\nX: ", std::string(1 << 20, 'x')));

  EXPECT_THAT(connection.ReadAll(), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Ask(kGet), EndsWith("hello\n"));
}

TEST_F(HttpListenerTest, TurnsAwayAChunkThatBeginsWithAMegabyte) {
  RawConnection connection = Connect();
  connection.Send(
      absl::StrCat("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "1;",
                   std::string(1 << 20, 'x')));

  EXPECT_THAT(connection.ReadAll(), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Ask(kGet), EndsWith("hello\n"));
}

TEST_F(HttpListenerTest, TellsWhichMethodsThereAre) {
  EXPECT_THAT(Ask("POST /hello HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("allow: GET, HEAD\r\n"));
}

TEST_F(HttpListenerTest, DoesNotWaitForSlowRequests) {
  RawConnection slow_head = Connect();
  RawConnection slow_body = Connect();
  RawConnection slow_piece = Connect();
  ASSERT_TRUE(slow_head.Send("GET /hello HTTP/1.1\r\n"));
  ASSERT_TRUE(slow_body.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"));
  ASSERT_TRUE(slow_piece.Send("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"));

  EXPECT_TRUE(slow_head.IsEndedWithin(absl::Seconds(20)));
  EXPECT_TRUE(slow_body.IsEndedWithin(absl::Seconds(20)));
  EXPECT_TRUE(slow_piece.IsEndedWithin(absl::Seconds(20)));
}

TEST_F(HttpListenerTest, HeadAndBodyHaveATimeEach) {
  Start({.read_timeout = absl::Seconds(3)});
  RawConnection connection = Connect();

  ASSERT_TRUE(connection.Send("POST /echo HTTP/1.1\r\nHost: x\r\n"));
  EXPECT_FALSE(connection.IsEndedWithin(absl::Seconds(2)));
  ASSERT_TRUE(connection.Send("Content-Length: 3\r\n\r\n"));
  EXPECT_FALSE(connection.IsEndedWithin(absl::Seconds(2)));
  ASSERT_TRUE(connection.Send("all"));

  EXPECT_THAT(connection.ReadUntil("all"), HasSubstr("200 OK"));
}

// One byte now and then is no progress.
TEST_F(HttpListenerTest, BoundsAHeadAsAWhole) {
  RawConnection connection = Connect();
  const auto drip = [&connection] {
    return connection.Send("GET /hello HTTP/1.1\r\n") && Await([&connection] {
             return !connection.Send("x") || connection.IsEndedWithin(absl::Milliseconds(20));
           });
  };

  EXPECT_TRUE(drip());
}

TEST_F(HttpListenerTest, DoesNotWaitForWhoDoesNotRead) {
  RawConnection connection = Connect();
  ASSERT_TRUE(connection.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n"));

  EXPECT_TRUE(Await([this] { return listener_->counts().open == 0; }));
}

TEST_F(HttpListenerTest, WaitsForWhoReads) {
  RawConnection connection = Connect();
  ASSERT_TRUE(connection.Send("GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));

  EXPECT_GT(connection.ReadUntil("", absl::Minutes(1)).size(), kLargeBytes);
}

TEST_F(HttpListenerTest, WritesPiecesNoFasterThanTheyAreRead) {
  RawConnection connection = Connect();
  ASSERT_TRUE(connection.Send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(connection.ReadUntil(kEndOfHead), HasSubstr("transfer-encoding: chunked\r\n"));

  // Never read again: what the sockets hold is all there will be.
  EXPECT_TRUE(Await([this] { return gone_.load() == 1; }));
  EXPECT_LT(written_.load() * 10'000, 30'000'000);
}

TEST_F(HttpListenerTest, TellsThatTheClientIsGone) {
  RawConnection connection = Connect();
  ASSERT_TRUE(connection.Send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"));
  connection.ReadUntil(kEndOfHead);

  connection.Reset();

  EXPECT_TRUE(Await([this] { return gone_.load() == 1; }));
}

TEST_F(HttpListenerTest, TellsThatTheClientIsGoneBeforeItWasAnswered) {
  {
    RawConnection reset = Connect();
    RawConnection closed = Connect();
    // With another request behind it that nobody reads.
    const std::string request = "GET /awaited HTTP/1.1\r\nHost: x\r\n\r\n";
    ASSERT_TRUE(reset.Send(request));
    ASSERT_TRUE(closed.Send(absl::StrCat(request, kGet)));
    ASSERT_TRUE(Await([this] {
      MutexLock lock(&mu_);
      return held_.size() == 2;
    }));
    EXPECT_EQ(gone_.load(), 0);
    reset.Reset();
  }

  EXPECT_TRUE(Await([this] { return gone_.load() == 2; }));
  MutexLock lock(&mu_);
  held_.clear();
}

TEST_F(HttpListenerTest, TakesABodyPieceByPiece) {
  EXPECT_THAT(Ask(absl::StrCat("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n",
                               std::string(5'000'000, 'z'))),
              EndsWith("5000000\n"));
}

// Once, a body counted no more as soon as it was read, however long it waited then.
TEST_F(HttpListenerTest, BoundsBodiesUntilNobodyHasThem) {
  Start({.bodies_bytes_max = 300'000});
  const std::string request =
      absl::StrCat("POST /held HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n",
                   std::string(200'000, 'z'));
  const auto is_held = [this] {
    MutexLock lock(&mu_);
    return held_.size() == 1;
  };
  RawConnection first = Connect();
  ASSERT_TRUE(first.Send(request));
  ASSERT_TRUE(Await(is_held));

  EXPECT_THAT(Ask(request), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("retry-after: 1\r\n")));

  {
    MutexLock lock(&mu_);
    held_.clear();
  }
  RawConnection next = Connect();
  ASSERT_TRUE(next.Send(request));
  EXPECT_TRUE(Await(is_held));
  MutexLock lock(&mu_);
  held_.clear();
}

TEST_F(HttpListenerTest, MakesRoomByClosingWhoHasWaitedLongest) {
  Start({.connections_max = 8});
  std::vector<RawConnection> idle;
  for (int i = 0; i < 100; ++i) idle.push_back(Connect());

  EXPECT_THAT(Ask(kGet), EndsWith("hello\n"));
  EXPECT_TRUE(Await([this] { return listener_->counts().open <= 16; }));
  EXPECT_TRUE(idle[0].IsEndedWithin(absl::Seconds(20)));
}

TEST_F(HttpListenerTest, EndsIdleConnectionsInTime) {
  Start({.idle_timeout = absl::Milliseconds(100)});

  EXPECT_TRUE(Connect().IsEndedWithin(absl::Seconds(20)));
}

TEST_F(HttpListenerTest, DrainsWhatIsUnderWay) {
  RawConnection idle = Connect();
  RawConnection busy = Connect();
  ASSERT_TRUE(busy.Send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(Await([this] {
    MutexLock lock(&mu_);
    return held_.size() == 1;
  }));

  listener_->StopTaking();
  EXPECT_TRUE(idle.IsEndedWithin(absl::Seconds(20)));
  std::thread drain([this] { listener_->Drain(); });
  {
    MutexLock lock(&mu_);
    held_[0]->Answer(TextResponse(200, "in the end"));
    held_.clear();
  }
  drain.join();

  EXPECT_THAT(busy.ReadAll(), AllOf(HasSubstr("connection: close"), EndsWith("in the end\n")));
  EXPECT_EQ(listener_->counts().open, 0);
}

// As on one that listens on [::].
TEST_F(HttpListenerTest, KnowsIpv4PeersOnASocketOfBoth) {
  HttpBounds bounds;
  bounds.connections_per_peer_max = 1;
  Start(bounds, "[::]:0");

  // From this machine, where peers are not counted.
  RawConnection first = Connect();
  RawConnection second = Connect();
  for (RawConnection* const one : {&first, &second}) {
    ASSERT_TRUE(one->Send("GET /peer HTTP/1.0\r\n\r\n"));
    EXPECT_THAT(one->ReadAll(), HasSubstr("\r\n\r\nipv4:127.0.0.1:"));
  }
}

TEST_F(HttpListenerTest, DoesNotShareItsPort) {
  const auto second = HttpListener::Bind(absl::StrCat("127.0.0.1:", listener_->port()));

  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

TEST_F(HttpListenerTest, LetsNoHeaderBeginALineOfItsOwn) {
  listener_.reset();
  auto bound = HttpListener::Bind("127.0.0.1:0");
  ASSERT_TRUE(bound.ok());
  listener_ = *std::move(bound);
  listener_->routes().Add("GET", "/hello", {.handler = [](const ExchangePtr& exchange) {
                            exchange->Answer({.headers = {{"a", "b\r\nset-cookie: c"}}});
                          }});
  listener_->Serve();

  EXPECT_THAT(Ask(kGet), Not(HasSubstr("set-cookie")));
}

}  // namespace
}  // namespace farebox::web
