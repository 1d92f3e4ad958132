// What one customer may have open at once, so that others find room.

#include <memory>
#include <string>
#include <vector>

#include "server/services/stream_limits.h"
#include "tests/server/access_fixture.h"
#include "tests/server/backups_fixture.h"

namespace farebox::server {
namespace {

using ::grpc::StatusCode;

// A stream of the server's that is held open.
template <typename Response>
struct HeldStream {
  ~HeldStream() { context.TryCancel(); }

  // The first message, or how it ended without any.
  Answer<Response> First() {
    Answer<Response> first;
    if (!reader->Read(&first.value)) first.status = reader->Finish();
    return first;
  }

  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<Response>> reader;
};

class CustomerStreamsTest : public AccessTest {
 protected:
  using Watch = HeldStream<v1::WatchAccountResponse>;
  using Export = HeldStream<v1::ExportActivityResponse>;
  using Channel = std::shared_ptr<grpc::Channel>;

  // Of all there is of the account.
  static std::unique_ptr<Watch> BeginWatch(const Channel& channel, const std::string& account) {
    auto watch = std::make_unique<Watch>();
    SetDeadline(&watch->context);
    v1::WatchAccountRequest request;
    request.set_account_id(account);
    request.set_from_entry_id(1);
    watch->reader = v1::BillingService::NewStub(channel)->WatchAccount(&watch->context, request);
    return watch;
  }
  static std::unique_ptr<Export> BeginExport(const Channel& channel, const std::string& account) {
    auto begun = std::make_unique<Export>();
    SetDeadline(&begun->context);
    v1::ExportActivityRequest request;
    request.set_account_id(account);
    begun->reader = v1::AccountService::NewStub(channel)->ExportActivity(&begun->context, request);
    return begun;
  }
};

TEST_F(CustomerStreamsTest, TheWatchesOfOneLeaveRoomForOthers) {
  const Channel acme = ChannelOf("role: ROLE_CUSTOMER account_ids: 'acme'");
  std::vector<std::unique_ptr<Watch>> watches;
  for (size_t i = 0; i < limits::kWatchesPerAccountMax; ++i) {
    watches.push_back(BeginWatch(acme, "acme"));
    ASSERT_THAT(watches.back()->First(), Answers("")) << i;
  }

  EXPECT_THAT(BeginWatch(acme, "acme")->First(),
              FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  const Channel router = ChannelOf("role: ROLE_ROUTER");
  EXPECT_THAT(BeginWatch(router, "acme")->First(), Answers(""));
  const Channel other = ChannelOf("role: ROLE_CUSTOMER account_ids: 'other'");
  EXPECT_THAT(BeginWatch(other, "other")->First(), Answers(""));
}

TEST_F(CustomerStreamsTest, TheExportsOfOneLeaveRoomForOthers) {
  // More than is sent to a caller who does not read.
  for (const v1::ApplyBatchRequest& request : ManyDebits("acme", 1)) {
    ASSERT_TRUE(Send(request).status.ok());
  }
  const Channel acme = ChannelOf("role: ROLE_CUSTOMER account_ids: 'acme'");
  std::vector<std::unique_ptr<Export>> exports;
  for (size_t i = 0; i < limits::kExportsPerAccountMax; ++i) {
    exports.push_back(BeginExport(acme, "acme"));
    ASSERT_THAT(exports.back()->First(), Answers("")) << i;
  }

  EXPECT_THAT(BeginExport(acme, "acme")->First(),
              FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  EXPECT_THAT(BeginExport(ChannelOf("role: ROLE_SUPPORT"), "acme")->First(), Answers(""));
  const Channel other = ChannelOf("role: ROLE_CUSTOMER account_ids: 'other'");
  EXPECT_THAT(BeginExport(other, "other")->First(), Answers(""));
}

}  // namespace
}  // namespace farebox::server
