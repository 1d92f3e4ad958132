// A real file system that fills up under the real server.

#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "google/protobuf/text_format.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "tests/end_to_end/faulty_server.h"
#include "tests/server/answer.h"
#include "tests/support/await.h"

namespace farebox {
namespace {

using grpc::StatusCode;
using server::Answer;
using server::Answers;
using server::FailsWith;

constexpr int64_t kMebibyte = 1 << 20;

class FullDiskTest : public FaultyServer {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(Disk());
    if (mount("none", Disk().c_str(), "tmpfs", 0, "size=96m") != 0) {
      GTEST_SKIP() << "only root can mount a small disk";
    }
    is_mounted_ = true;
    Begin({.arguments = {"--free-disk-min", "32"}, .place = "disk/"});
    stub_ = v1::BillingService::NewStub(load_->channel());
  }

  void TearDown() override {
    if (!is_mounted_) return;
    MakeSpace();
    FaultyServer::TearDown();
    if (server_->is_running()) server_->Kill();
    EXPECT_EQ(umount(Disk().c_str()), 0);
  }

  std::string Disk() const { return absl::StrCat(directory_.path(), "/disk"); }

  // Leaves this much free, or a little less.
  void FillUpTo(int64_t bytes_left) {
    MakeSpace();
    const auto space = std::filesystem::space(Disk());
    std::ofstream filler(absl::StrCat(Disk(), "/filler"));
    const std::string piece(65'536, 'f');
    for (auto left = static_cast<int64_t>(space.available) - bytes_left; left > 0 && filler;
         left -= static_cast<int64_t>(piece.size())) {
      filler << piece << std::flush;
    }
  }

  void MakeSpace() { std::filesystem::remove(absl::StrCat(Disk(), "/filler")); }

  template <typename Request, typename Response>
  Answer<Response> Send(grpc::Status (v1::BillingService::Stub::*method)(grpc::ClientContext*,
                                                                         const Request&, Response*),
                        const std::string& text) {
    Request request;
    FAREBOX_CHECK(google::protobuf::TextFormat::ParseFromString(text, &request));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(SystemClock().Now() + absl::Seconds(20)));
    Answer<Response> answer;
    answer.status = (stub_.get()->*method)(&context, request, &answer.value);
    return answer;
  }

  Answer<v1::AuthorizeResponse> Authorize(absl::string_view request_id) {
    return Send(
        &v1::BillingService::Stub::Authorize,
        absl::Substitute("account_id: 'alice' request_id: '$0' requested_seconds: 60 usage { call "
                         "{ direction: DIRECTION_OUTBOUND from: '12025550123' to: '442071838750' "
                         "} }",
                         request_id));
  }
  int64_t Hold(absl::string_view request_id) { return Authorize(request_id)->hold_id(); }

  Answer<v1::DebitResponse> Settle(absl::string_view request_id, int64_t hold_id) {
    return Send(&v1::BillingService::Stub::Debit,
                absl::Substitute("account_id: 'alice' request_id: '$0' settlement { hold_id: $1 "
                                 "used_seconds: 6 }",
                                 request_id, hold_id));
  }

  Answer<v1::DebitResponse> Debit(absl::string_view request_id) {
    return Send(&v1::BillingService::Stub::Debit,
                absl::Substitute("account_id: 'alice' request_id: '$0' amount_micros: 1 item: "
                                 "ITEM_ADJUSTMENT",
                                 request_id));
  }

  Answer<v1::ReleaseResponse> Release(absl::string_view request_id, int64_t hold_id) {
    return Send(
        &v1::BillingService::Stub::Release,
        absl::Substitute("account_id: 'alice' request_id: '$0' hold_id: $1", request_id, hold_id));
  }

  Answer<v1::GetBalanceResponse> Balance() {
    return Send(&v1::BillingService::Stub::GetBalance, "account_id: 'alice'");
  }

  bool is_mounted_ = false;
  std::unique_ptr<v1::BillingService::Stub> stub_;
};

TEST_F(FullDiskTest, CallsAreEndedAsLongAsTheReserveLastsAndAllGoesOnByItself) {
  ASSERT_TRUE(load_->OpenAccount("alice").ok());
  const auto is_full = FailsWith(StatusCode::UNAVAILABLE, "STORAGE_FULL");
  const int64_t settled = Hold("first");
  const int64_t released = Hold("second");
  const int64_t kept = Hold("third");
  ASSERT_THAT(Debit("before"), Answers("entry { amount_micros: -1 }"));

  // The reserve is there for what has begun.
  FillUpTo(20 * kMebibyte);
  EXPECT_THAT(Authorize("fourth"), is_full);
  EXPECT_THAT(Debit("now"), is_full);
  EXPECT_THAT(Debit("before"), Answers("replayed: true"));
  EXPECT_THAT(Settle("settle", settled), Answers("entry { amount_micros: -12000 }"));
  EXPECT_THAT(Release("release", released), Answers("entry { amount_micros: 0 }"));
  EXPECT_THAT(Balance(), Answers("open_holds: 1"));

  // It is gone, and then everything.
  for (const int64_t left : {4 * kMebibyte, int64_t{0}}) {
    SCOPED_TRACE(left);
    FillUpTo(left);
    EXPECT_THAT(Settle("end", kept), is_full);
    EXPECT_THAT(Balance(), Answers("open_holds: 1"));
    const absl::Duration read_time = ReadTimeP80();
    EXPECT_LT(read_time, absl::Milliseconds(200));
    RecordProperty(absl::StrCat("read_p80_us_", left >> 20),
                   static_cast<int>(absl::ToInt64Microseconds(read_time)));
  }

  // A start needs no room.
  server_->Kill();
  ASSERT_EQ(server_->Start(), absl::OkStatus());
  EXPECT_THAT(Settle("end", kept), is_full);
  EXPECT_THAT(Balance(), Answers("open_holds: 1"));

  const SystemClock clock;
  MakeSpace();
  const absl::Time space_returned = clock.Now();
  EXPECT_TRUE(testing::Await([&] { return Settle("end", kept).status.ok(); }));
  EXPECT_TRUE(AwaitAcknowledged(100));
  EXPECT_LT(clock.Now() - space_returned, absl::Seconds(5));
  RecordProperty("healed_after_ms",
                 static_cast<int>(absl::ToInt64Milliseconds(clock.Now() - space_returned)));
  EXPECT_THAT(Authorize("fourth"), Answers("decision: DECISION_GRANTED"));
  EXPECT_THAT(Balance(), Answers("open_holds: 1"));
}

}  // namespace
}  // namespace farebox
