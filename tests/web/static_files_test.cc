#include "server/web/static_files.h"

#include <memory>
#include <string>
#include <utility>

#include "embedded/test_page.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/web/gzip.h"

namespace farebox::web {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Keeps the answer.
class FakeExchange final : public Exchange {
 public:
  FakeExchange(Request request, Response* answer) : request_(std::move(request)), answer_(answer) {}

  const Request& request() const override { return request_; }
  void Answer(Response response) override { *answer_ = std::move(response); }
  void Begin(Response) override {}
  void Write(std::string, absl::AnyInvocable<void(bool)>) override {}
  void End() override {}
  void OnGone(absl::AnyInvocable<void()>) override {}
  void ReadBody(absl::AnyInvocable<void(absl::StatusOr<std::string>)>) override {}

 private:
  const Request request_;
  Response* const answer_;
};

std::string Header(const Response& response, absl::string_view name) {
  return std::string(Request{.headers = response.headers}.Header(name));
}

std::string BodyOf(const Response& response) {
  return response.lasting_body.empty() ? response.body : std::string(response.lasting_body);
}

class StaticFilesTest : public ::testing::Test {
 protected:
  Response Get(std::string path, Headers headers = {}, std::string method = "GET") {
    Response response = {.status = 0};
    files_.Serve(std::make_shared<FakeExchange>(
        Request{
            .method = std::move(method), .path = std::move(path), .headers = std::move(headers)},
        &response));
    return response;
  }

  const StaticFiles files_{TestPage()};
};

TEST_F(StaticFilesTest, ServesThePageWithAStrictPolicy) {
  const Response page = Get("/");

  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(BodyOf(page), HasSubstr("<title>A page</title>"));
  EXPECT_EQ(Header(page, "cache-control"), "no-cache");
  EXPECT_THAT(Header(page, "content-type"), StartsWith("text/html"));
  EXPECT_THAT(Header(page, "content-security-policy"), HasSubstr("script-src 'self';"));
  EXPECT_THAT(Header(page, "content-security-policy"), Not(HasSubstr("unsafe")));
}

TEST_F(StaticFilesTest, ServesThePageAtItsOwnAddressesOnly) {
  const Headers browser = {{"accept", "text/html,application/xhtml+xml"}};

  EXPECT_EQ(Get("/activity", browser).status, 200);
  EXPECT_EQ(Get("/sign-in", browser).status, 200);
  EXPECT_EQ(Get("/activity").status, 404);
  EXPECT_EQ(Get("/missing.js", browser).status, 404);
  EXPECT_EQ(Get("/assets/missing.js", browser).status, 404);
  EXPECT_EQ(Get("/farebox.v1.BillingService/Nothing", browser).status, 404);
  EXPECT_EQ(Get("/", browser, "POST").status, 404);
}

TEST_F(StaticFilesTest, NamesThatHaveTheirContentAreKept) {
  const Response script = Get("/assets/page-1a2b3c4d.js", {{"accept-encoding", "gzip, br"}});

  EXPECT_EQ(Header(script, "cache-control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(Header(script, "content-encoding"), "gzip");
  EXPECT_THAT(*Gunzip(BodyOf(script), 100'000), HasSubstr("export const word1"));
}

TEST_F(StaticFilesTest, WhoTakesNoGzipGetsNone) {
  const Response script = Get("/assets/page-1a2b3c4d.js");

  EXPECT_EQ(Header(script, "content-encoding"), "");
  EXPECT_THAT(BodyOf(script), HasSubstr("export const word1"));
}

TEST_F(StaticFilesTest, WhatIsSmallAlreadyStaysAsItIs) {
  const Response icon = Get("/icon.png", {{"accept-encoding", "gzip"}});

  EXPECT_EQ(Header(icon, "content-encoding"), "");
  EXPECT_THAT(BodyOf(icon), StartsWith("\x89PNG"));
}

TEST_F(StaticFilesTest, WhatHasNotChangedIsNotSentAgain) {
  const std::string etag = Header(Get("/"), "etag");

  for (const std::string& known : {etag, "\"x\", " + etag, "W/" + etag, std::string("*")}) {
    const Response again = Get("/", {{"if-none-match", known}});
    EXPECT_EQ(again.status, 304) << known;
    EXPECT_EQ(BodyOf(again), "");
    EXPECT_EQ(Header(again, "etag"), etag);
  }
  EXPECT_EQ(Get("/", {{"if-none-match", "\"x\""}}).status, 200);
}

TEST_F(StaticFilesTest, NothingElseCanBeReached) {
  for (const char* const path :
       {"/../CMakeLists.txt", "/assets/../index.html", "/assets/..%2findex.html", "//index.html",
        "/%2e%2e/etc/passwd.", "/index.html/", "/assets/", "/index.html%00.js", "/INDEX.HTML"}) {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
}

}  // namespace
}  // namespace farebox::web
