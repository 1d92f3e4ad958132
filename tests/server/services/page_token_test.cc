#include "server/services/page_token.h"

#include <string>
#include <vector>

#include "farebox/v1/billing.pb.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/hold.h"

namespace farebox::server {
namespace {

TEST(PageToken, BringsItsPositionBackToItsQuery) {
  for (const int64_t position : {int64_t{0}, int64_t{1}, int64_t{-1}, INT64_MAX}) {
    EXPECT_EQ(ReadPageToken(MakePageToken("holds alice", position), "holds alice", 7).value(),
              position);
  }
}

TEST(PageToken, NoneIsTheFirstPage) { EXPECT_EQ(ReadPageToken("", "holds alice", 7).value(), 7); }

TEST(PageToken, IsRefusedByAnotherQuery) {
  const std::string token = MakePageToken("holds alice", 5);

  EXPECT_EQ(GetReason(ReadPageToken(token, "holds bob", 7).status()), Reason::kFieldInvalid);
}

TEST(PageToken, IsRefusedWhereAnyOfItsCharactersIsAnother) {
  const std::string token = MakePageToken("holds alice", 5);
  for (size_t i = 0; i < token.size(); ++i) {
    std::string forged = token;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    const absl::StatusOr<int64_t> position = ReadPageToken(forged, "holds alice", 7);
    // The last character has bits that no byte needs.
    if (i + 1 == token.size() && position.ok()) continue;
    EXPECT_EQ(GetReason(position.status()), Reason::kFieldInvalid) << i;
  }
  EXPECT_FALSE(ReadPageToken(token.substr(1), "holds alice", 7).ok());
  EXPECT_FALSE(ReadPageToken(token + "AAAA", "holds alice", 7).ok());
  EXPECT_FALSE(ReadPageToken("\xFF", "holds alice", 7).ok());
}

TEST(PageSize, IsTheDefaultOrWhatIsAskedForUpToTheMost) {
  constexpr PageSizes kSizes = {.by_default = 50, .max = 500};
  EXPECT_EQ(ReadPageSize(0, kSizes).value(), 50u);
  EXPECT_EQ(ReadPageSize(1, kSizes).value(), 1u);
  EXPECT_EQ(ReadPageSize(INT32_MAX, kSizes).value(), 500u);
  EXPECT_EQ(GetReason(ReadPageSize(-1, kSizes).status()), Reason::kFieldInvalid);
}

TEST(Page, GoesOnAfterTheLastThatItHas) {
  v1::ListHoldsRequest request;
  request.set_page_size(2);
  v1::ListHoldsResponse response;
  std::vector<Hold> holds = {{.id = 9}, {.id = 8}, {.id = 7}};
  Page page = ReadPage(request, "holds alice").value();
  EXPECT_EQ(page.sought(), holds.size());

  CutPage(page, &Hold::id, &holds, &response);

  EXPECT_EQ(holds.size(), 2u);
  request.set_page_token(response.next_page_token());
  page = ReadPage(request, "holds alice").value();
  EXPECT_EQ(page.before, 8);
  EXPECT_EQ(GetReason(ReadPage(request, "holds bob").status()), Reason::kFieldInvalid);

  response.Clear();
  holds = {{.id = 7}, {.id = 6}};
  CutPage(page, &Hold::id, &holds, &response);
  EXPECT_EQ(holds.size(), 2u);
  EXPECT_EQ(response.next_page_token(), "");
}

}  // namespace
}  // namespace farebox::server
