#include "server/web/connect_protocol.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/web/gzip.h"

namespace farebox::web {
namespace {

using ::testing::ElementsAre;

TEST(ConnectProtocolTest, KnowsItsContentTypes) {
  EXPECT_EQ(ReadContentType("application/json")->codec, Codec::kJson);
  EXPECT_EQ(ReadContentType("Application/JSON; charset=UTF-8")->codec, Codec::kJson);
  EXPECT_EQ(ReadContentType("application/proto")->codec, Codec::kProto);
  EXPECT_TRUE(ReadContentType("application/connect+json")->is_stream);
  for (const char* const other :
       {"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1",
        "application/grpc", "multipart/form-data", "application/jsonx"}) {
    EXPECT_FALSE(ReadContentType(other).has_value()) << other;
  }
}

TEST(ConnectProtocolTest, ReadsTimeouts) {
  EXPECT_EQ(*ReadTimeout(""), std::nullopt);
  EXPECT_EQ(**ReadTimeout("1500"), absl::Milliseconds(1500));
  EXPECT_EQ(**ReadTimeout("9999999999"), absl::Milliseconds(9'999'999'999));
  for (const char* const wrong : {"-1", "1.5", "5s", "10000000000", "0x1", " 1", "+1"}) {
    EXPECT_FALSE(ReadTimeout(wrong).ok()) << wrong;
  }
}

TEST(ConnectProtocolTest, TellsErrorsWithTheirDetails) {
  google::rpc::Status status;
  status.set_code(8);
  status.set_message("later, \"please\"");
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(50'000'000);
  status.add_details()->PackFrom(retry);

  const Response response = ConnectErrorResponse(status);
  const nlohmann::json error = nlohmann::json::parse(response.body);

  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(error["code"], "resource_exhausted");
  EXPECT_EQ(error["message"], "later, \"please\"");
  EXPECT_EQ(error["details"][0]["type"], "google.rpc.RetryInfo");
  EXPECT_EQ(error["details"][0]["value"], "CgUQgOHrFw");
  EXPECT_EQ(error["details"][0]["debug"]["retry_delay"], "0.050s");
  EXPECT_EQ(response.headers.back(), std::make_pair(std::string("retry-after"), std::string("1")));
}

TEST(ConnectProtocolTest, EndsStreams) {
  google::rpc::Status status;
  EXPECT_EQ(EndOfStreamJson(status, {}), "{}");
  EXPECT_EQ(EndOfStreamJson(status, {{"a", "1"}, {"b", "2"}, {"a", "3"}}),
            R"({"metadata":{"a":["1","3"],"b":["2"]}})");
  status.set_code(14);
  EXPECT_EQ(EndOfStreamJson(status, {{"a", "1"}}),
            R"({"error":{"code":"unavailable"},"metadata":{"a":["1"]}})");
}

TEST(EnvelopeReaderTest, TakesMessagesApartWhereverTheyAreCut) {
  const std::string stream =
      absl::StrCat(Envelope(0, "one"), Envelope(kEnvelopeCompressed, ""), Envelope(0, "three"));
  for (size_t step = 1; step <= stream.size(); ++step) {
    EnvelopeReader reader(5);
    std::vector<std::string> messages;
    for (size_t i = 0; i < stream.size(); i += step) {
      reader.Add(absl::string_view(stream).substr(i, step));
      while (true) {
        const auto next = reader.Next();
        ASSERT_TRUE(next.ok());
        if (!next->has_value()) break;
        messages.push_back((*next)->message);
      }
    }
    EXPECT_THAT(messages, ElementsAre("one", "", "three"));
    EXPECT_FALSE(reader.is_within_message());
  }
}

TEST(EnvelopeReaderTest, RefusesWhatIsTooLongOrUnknown) {
  EnvelopeReader reader(5);
  reader.Add(absl::string_view("\0\0\0\0\6", 5));
  EXPECT_TRUE(absl::IsResourceExhausted(reader.Next().status()));

  EnvelopeReader flagged(5);
  flagged.Add(Envelope(kEnvelopeEnd, ""));
  EXPECT_TRUE(absl::IsInvalidArgument(flagged.Next().status()));
}

TEST(GzipTest, GivesBackWhatItWasGiven) {
  for (const size_t size : {0, 1, 1'000, 1'000'000}) {
    const std::string text(size, 'g');
    EXPECT_EQ(*Gunzip(Gzip(text), size), text);
  }
}

TEST(GzipTest, DoesNotBlowUp) {
  const std::string bomb = Gzip(std::string(50'000'000, '\0'));

  EXPECT_LT(bomb.size(), 400'000);
  EXPECT_TRUE(absl::IsResourceExhausted(Gunzip(bomb, 1'000'000).status()));
}

TEST(GzipTest, RefusesWhatIsNone) {
  const std::string good = Gzip("hello");
  for (const std::string& bad : {std::string("hello"), good.substr(0, good.size() - 1), good + "x",
                                 std::string(), good.substr(1)}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Gunzip(bad, 100).status()));
  }
}

TEST(GzipTest, IsUsedWhereItIsTaken) {
  for (const char* const yes : {"gzip", "br, gzip", "deflate, GZIP;q=0.5"}) {
    EXPECT_TRUE(AcceptsGzip(yes)) << yes;
  }
  for (const char* const no : {"", "br", "gzip;q=0", "xgzip", "identity"}) {
    EXPECT_FALSE(AcceptsGzip(no)) << no;
  }
}

}  // namespace
}  // namespace farebox::web
