#include "server/recharge/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "storage/mutex.h"
#include "tests/server/recharge/provider_fixture.h"
#include "tests/server/recharge/stub_server.h"
#include "tests/support/temporary_directory.h"

namespace farebox::server {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Ending = StubAnswer::Ending;

class HttpClientTest : public ::testing::Test {
 protected:
  void SetAnswer(const StubAnswer& answer) {
    MutexLock lock(&mu_);
    answer_ = answer;
  }
  StubAnswer Answer() {
    MutexLock lock(&mu_);
    return answer_;
  }
  absl::StatusOr<HttpResponse> Get(const StubAnswer& answer) {
    SetAnswer(answer);
    return client_.Send({.method = "GET", .url = absl::StrCat(server_.url(), "/secret-path")});
  }

  Mutex mu_;
  StubAnswer answer_ ABSL_GUARDED_BY(mu_);
  StubServer server_{[this](const StubRequest&) { return Answer(); }};
  HttpClient client_{{.total_timeout = absl::Milliseconds(500), .response_bytes_max = 1'000}};
};

TEST_F(HttpClientTest, ACompleteResponseIsAnAnswerWhateverItsStatus) {
  for (const int status : {200, 201, 302, 404, 429, 500}) {
    const absl::StatusOr<HttpResponse> response =
        Get({.status = status, .body = "abc", .headers = {"X-One: 1", "x-one: 2", "Location: /"}});

    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->body, "abc");
    EXPECT_EQ(response->Header("x-one"), "1");
    EXPECT_THAT(response->Header("x-none"), IsEmpty());
  }
  EXPECT_EQ(server_.received().size(), 6u) << "redirects are not followed";
}

TEST_F(HttpClientTest, AnIncompleteResponseIsNone) {
  EXPECT_THAT(Get({.body = "abcdef", .ending = Ending::kHalfTheBody}),
              HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Get({.ending = Ending::kSilence}), HasCode(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(Get({.body = std::string(1'000, 'a')}), IsOk());
  EXPECT_THAT(Get({.body = std::string(1'001, 'a')}),
              HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Get({.headers = std::vector<std::string>(1'000, "X: y")}),
              HasCode(absl::StatusCode::kResourceExhausted));
}

TEST_F(HttpClientTest, AFailureTellsNothingOfTheRequest) {
  for (const Ending ending : {Ending::kHalfTheBody, Ending::kNothing, Ending::kSilence}) {
    const absl::StatusOr<HttpResponse> response = Get({.body = "abcdef", .ending = ending});
    EXPECT_THAT(std::string(response.status().message()), Not(HasSubstr("secret-path")));
  }
}

TEST_F(HttpClientTest, ABodyIsSentAsItIs) {
  const std::string body = std::string("a=1&b=\0\xff", 8) + std::string(5'000, 'x');

  EXPECT_THAT(
      client_.Send(
          {.method = "POST", .url = server_.url() + "/x", .headers = {"A: b"}, .body = body}),
      IsOk());
  EXPECT_THAT(client_.Send({.method = "POST", .url = server_.url() + "/x"}), IsOk());

  EXPECT_EQ(server_.received().at(0).body, body);
  EXPECT_EQ(server_.received().at(0).Header("a"), "b");
  EXPECT_EQ(server_.received().at(1).body, "");
  EXPECT_EQ(server_.received().at(1).Header("a"), "") << "nothing is left of the one before";
}

TEST_F(HttpClientTest, TheEnvironmentsProxyIsLeftAlone) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);  // NOLINT(concurrency-mt-unsafe): one thread
  EXPECT_THAT(Get({}), IsOk());
  unsetenv("http_proxy");  // NOLINT(concurrency-mt-unsafe)
}

TEST_F(HttpClientTest, ManyThreadsSendAtOnce) {
  SetAnswer({.body = "abc"});
  std::vector<std::thread> threads;
  threads.reserve(24);
  for (int i = 0; i < 24; ++i) {
    threads.emplace_back([this] {
      for (int request = 0; request < 10; ++request) {
        EXPECT_THAT(client_.Send({.method = "GET", .url = server_.url()}), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(server_.received().size(), 240u);
}

// The other side breaks the connection off while we still talk TLS: an error, never a signal.
TEST(HttpClientTlsTest, AConnectionThatBreaksIsAnError) {
  StubServer server([](const StubRequest&) { return StubAnswer{.ending = Ending::kNothing}; },
                    {.certificate_host = "localhost"});
  (void)std::signal(SIGPIPE, SIG_DFL);
  // It is talked to, and not turned away for its certificate.
  const testing::TemporaryDirectory directory;
  std::ofstream(directory / "ca.pem") << server.certificate();
  HttpClient client({.ca_file = directory / "ca.pem"});

  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(client.Send({.method = "POST", .url = server.url(), .body = std::string(1, 'a')}),
                Not(IsOk()));
  }
  EXPECT_FALSE(server.received().empty());
}

TEST(PercentEncodeTest, AllButPlainCharactersAreEscaped) {
  EXPECT_EQ(PercentEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(PercentEncode("a b&c=d+e/f?g#h[]"), "a%20b%26c%3Dd%2Be%2Ff%3Fg%23h%5B%5D");
  EXPECT_EQ(PercentEncode(absl::string_view("\0\n\xff\xc3\xbc", 5)), "%00%0A%FF%C3%BC");
}

}  // namespace
}  // namespace farebox::server
