#include "server/web/http_request_reader.h"

#include <boost/asio/buffer.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace farebox::web {
namespace {

using Step = HttpRequestReader::Step;

constexpr char kChunkedHead[] = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

class HttpRequestReaderTest : public ::testing::Test {
 protected:
  HttpRequestReaderTest() { reader_.BeginRequest(); }

  void Bring(absl::string_view bytes) {
    boost::asio::buffer_copy(reader_.Prepare(bytes.size()),
                             boost::asio::buffer(bytes.data(), bytes.size()));
    reader_.Commit(bytes.size());
  }

  // Until something is to be done.
  Step ReadOn() {
    Step step = reader_.Parse();
    while (step == Step::kGoesOn) step = reader_.Parse();
    return step;
  }

  HttpRequestReader reader_{/*header_bytes_max=*/1'000};
};

TEST_F(HttpRequestReaderTest, ReadsOneRequestAfterAnother) {
  Bring("POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /next HTTP/1.0\r\n\r\n");

  ASSERT_EQ(ReadOn(), Step::kHead);
  EXPECT_EQ(reader_.CheckHead(), 0);
  EXPECT_EQ(reader_.method(), "POST");
  EXPECT_EQ(reader_.path(), "/a");
  EXPECT_FALSE(reader_.is_whole());
  ASSERT_TRUE(reader_.AllowBody(3));
  ASSERT_EQ(ReadOn(), Step::kWhole);
  const Request request = reader_.TakeRequest(std::move(reader_.body()));
  EXPECT_EQ(request.path, "/a");
  EXPECT_EQ(request.query, "b");
  EXPECT_EQ(request.body, "abc");
  EXPECT_EQ(request.Header("host"), "h");

  reader_.BeginRequest();
  ASSERT_EQ(ReadOn(), Step::kHead);
  EXPECT_EQ(reader_.path(), "/next");
  EXPECT_TRUE(reader_.is_http_10());
  EXPECT_TRUE(reader_.is_whole());
}

TEST_F(HttpRequestReaderTest, WhatFollowsTheLastChunkIsNoHeader) {
  Bring(absl::StrCat(kChunkedHead, "1\r\na\r\n0\r\nAuthorization: Bearer b\r\n\r\n"));
  ASSERT_EQ(ReadOn(), Step::kHead);
  ASSERT_TRUE(reader_.AllowBody(10));
  ASSERT_EQ(ReadOn(), Step::kWhole);

  const Request request = reader_.TakeRequest(std::move(reader_.body()));

  EXPECT_EQ(request.body, "a");
  EXPECT_EQ(request.Header("host"), "h");
  EXPECT_EQ(request.Header("authorization"), "");
}

TEST_F(HttpRequestReaderTest, AHeadMayComeByteByByte) {
  const absl::string_view head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const char byte : head.substr(0, head.size() - 1)) {
    Bring(absl::string_view(&byte, 1));
    ASSERT_EQ(ReadOn(), Step::kNeedsBytes);
  }

  Bring("\n");

  EXPECT_EQ(ReadOn(), Step::kHead);
}

TEST_F(HttpRequestReaderTest, ALongerBodyThanIsAllowedIsRefusedByItsHead) {
  Bring("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
  ASSERT_EQ(ReadOn(), Step::kHead);

  EXPECT_FALSE(reader_.AllowBody(3));
}

TEST_F(HttpRequestReaderTest, ALongerBodyOfChunksIsRefusedWhereItComes) {
  Bring(absl::StrCat(kChunkedHead, "4\r\nabcd\r\n0\r\n\r\n"));
  ASSERT_EQ(ReadOn(), Step::kHead);
  ASSERT_TRUE(reader_.AllowBody(3));

  EXPECT_EQ(ReadOn(), Step::kMalformed);
  EXPECT_EQ(reader_.error_status(), 413);
}

TEST_F(HttpRequestReaderTest, WhatAChunkBeginsWithHasABound) {
  Bring(kChunkedHead);
  ASSERT_EQ(ReadOn(), Step::kHead);
  ASSERT_TRUE(reader_.AllowBody(10));
  Bring("1;a=b");
  ASSERT_EQ(ReadOn(), Step::kNeedsBytes);

  Bring(std::string(2'000, 'b'));

  EXPECT_EQ(ReadOn(), Step::kMalformed);
  EXPECT_EQ(reader_.error_status(), 431);
}

TEST_F(HttpRequestReaderTest, WhatFollowsTheLastChunkHasABound) {
  Bring(kChunkedHead);
  ASSERT_EQ(ReadOn(), Step::kHead);
  ASSERT_TRUE(reader_.AllowBody(10));
  Bring("0\r\nA: b");
  ASSERT_EQ(ReadOn(), Step::kNeedsBytes);

  Bring(std::string(2'000, 'b'));

  EXPECT_EQ(ReadOn(), Step::kMalformed);
  EXPECT_EQ(reader_.error_status(), 431);
}

TEST_F(HttpRequestReaderTest, WhatIsNoRequestIsMalformed) {
  Bring("junk\r\n\r\n");

  EXPECT_EQ(ReadOn(), Step::kMalformed);
  EXPECT_EQ(reader_.error_status(), 400);
}

TEST_F(HttpRequestReaderTest, AHeadThatIsTooLongIsMalformed) {
  Bring(absl::StrCat("GET / HTTP/1.1\r\nHost: h\r\nA: ", std::string(2'000, 'a'), "\r\n\r\n"));

  EXPECT_EQ(ReadOn(), Step::kMalformed);
  EXPECT_EQ(reader_.error_status(), 431);
}

TEST_F(HttpRequestReaderTest, AHeadNeedsAHostAndAPath) {
  Bring("GET / HTTP/1.1\r\n\r\n");
  ASSERT_EQ(ReadOn(), Step::kHead);
  EXPECT_EQ(reader_.CheckHead(), 400);

  reader_.BeginRequest();
  Bring("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(ReadOn(), Step::kHead);
  EXPECT_EQ(reader_.CheckHead(), 400);
}

}  // namespace
}  // namespace farebox::web
