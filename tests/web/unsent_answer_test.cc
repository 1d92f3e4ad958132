#include "server/web/unsent_answer.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace farebox::web {
namespace {

TEST(UnsentAnswerTest, ASmallBodyGoesWithItsHead) {
  UnsentAnswer answer;

  answer.Set("head ", {.body = "body"}, /*has_body=*/true);

  EXPECT_EQ(answer.TakeBytes(), "head body");
  EXPECT_TRUE(answer.is_empty());
  EXPECT_TRUE(answer.is_complete());
}

TEST(UnsentAnswerTest, ABodyIsLeftOutWhereOnlyTheHeadWasAskedFor) {
  UnsentAnswer answer;

  answer.Set("head", {.body = "body"}, /*has_body=*/false);

  EXPECT_EQ(answer.TakeBytes(), "head");
  EXPECT_TRUE(answer.is_empty());
}

TEST(UnsentAnswerTest, ALargeBodyGoesInPartsOfABoundedLength) {
  const std::string body(200'000, 'x');
  UnsentAnswer answer;

  answer.Set("head", {.body = body}, /*has_body=*/true);

  std::string sent;
  while (!answer.is_empty()) {
    const absl::string_view bytes = answer.TakeBytes();
    EXPECT_LE(bytes.size(), size_t{64} * 1024);
    absl::StrAppend(&sent, bytes);
  }
  EXPECT_EQ(sent, absl::StrCat("head", body));
}

TEST(UnsentAnswerTest, PiecesThatComeMeanwhileAreChunksOfTheNextBytes) {
  UnsentAnswer answer;
  answer.Begin("head", /*is_in_chunks=*/true);
  EXPECT_EQ(answer.TakeBytes(), "head");

  answer.Add("0123456789abcdef");
  answer.Add("g");

  EXPECT_EQ(answer.TakeBytes(), "10\r\n0123456789abcdef\r\n1\r\ng\r\n");
  EXPECT_TRUE(answer.is_empty());
  EXPECT_FALSE(answer.is_complete());
  answer.End();
  EXPECT_TRUE(answer.is_complete());
  EXPECT_EQ(answer.TakeBytes(), "0\r\n\r\n");
}

TEST(UnsentAnswerTest, BarePiecesEndWithTheConnection) {
  UnsentAnswer answer;
  answer.Begin("head ", /*is_in_chunks=*/false);
  answer.Add("piece");
  answer.End();

  EXPECT_EQ(answer.TakeBytes(), "head ");
  EXPECT_EQ(answer.TakeBytes(), "piece");
  EXPECT_TRUE(answer.is_empty());
}

}  // namespace
}  // namespace farebox::web
