#include "server/base/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace farebox::server {
namespace {

constexpr char kGood[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Trace, TheStandardsExampleIsRead) {
  const std::optional<TraceSpan> span = ParseTraceparent(kGood);

  ASSERT_TRUE(span.has_value());
  EXPECT_EQ(TraceIdText(*span), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(SpanIdText(*span), "b7ad6b7169203331");
  EXPECT_TRUE(span->is_sampled);
}

TEST(Trace, OfALaterVersionIsReadWhatIsKnown) {
  for (const char* const header :
       {"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-adds",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-"}) {
    EXPECT_EQ(ParseTraceparent(header), ParseTraceparent(kGood)) << header;
  }
}

TEST(Trace, WhatIsNotJustSoIsTakenForNone) {
  for (const std::string header : {"", "0", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
                                   // Longer than its version may be.
                                   "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
                                   "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                                   "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more",
                                   // Ids that mean none, and the version that is none.
                                   "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                   "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                   "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                   // Other characters, in every part.
                                   "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                   "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01",
                                   "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
                                   "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333 -01",
                                   "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                   "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
                                   " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                   "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                   "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
                                   "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01"}) {
    EXPECT_FALSE(ParseTraceparent(header).has_value()) << header;
  }
}

TEST(Trace, ASpanGoesOnWithItsCallersTrace) {
  const std::optional<TraceSpan> caller = ParseTraceparent(kGood);

  const TraceSpan span = BeginSpan(caller);

  EXPECT_EQ(span.trace_id, caller->trace_id);
  EXPECT_NE(span.span_id, caller->span_id);
  EXPECT_TRUE(span.is_sampled);
  EXPECT_EQ(ParseTraceparent(FormatTraceresponse(span)), span);
}

TEST(Trace, WithoutACallersTraceANewOneBegins) {
  const TraceSpan span = BeginSpan(std::nullopt);

  EXPECT_NE(span.trace_id, BeginSpan(std::nullopt).trace_id);
  EXPECT_FALSE(span.is_sampled);
  EXPECT_EQ(ParseTraceparent(FormatTraceresponse(span)), span);
}

}  // namespace
}  // namespace farebox::server
