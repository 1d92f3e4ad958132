// One server leaves the ledger to the next, and the audit log with it.

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace farebox {
namespace {

using testing::ServerProcess;

class HandOverAuditTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(server_.Start(), absl::OkStatus()); }

  client::ClientOptions AsAdmin() const {
    std::ifstream file(key_path_);
    client::ClientOptions options = {.target = server_.address(), .timeout = absl::Seconds(20)};
    file >> options.api_key;
    return options;
  }

  // Opens account after account until it is over.
  void OpenAccounts(const std::string& name, const std::atomic<bool>& is_over) const {
    client::Client client(AsAdmin());
    for (int i = 0; !is_over; ++i) {
      const std::string id = absl::StrCat(name, "-", i);
      v1::CreateAccountRequest request;
      request.set_request_id(id);
      request.mutable_account()->set_account_id(id);
      request.mutable_account()->set_currency_code("USD");
      EXPECT_EQ(client.CreateAccount(std::move(request)).status(), absl::OkStatus());
    }
  }

  struct LineCounts {
    int asked = 0;
    int answered = 0;
  };
  LineCounts CountLines() const {
    client::Client client(AsAdmin());
    v1::ListAuditLogRequest request;
    LineCounts counts;
    do {
      const auto page = client.ListAuditLog(request);
      EXPECT_EQ(page.status(), absl::OkStatus());
      if (!page.ok()) break;
      for (const v1::AuditRecord& line : page->records()) {
        counts.asked += line.event() == v1::AUDIT_EVENT_ASKED ? 1 : 0;
        counts.answered += line.event() == v1::AUDIT_EVENT_ANSWERED ? 1 : 0;
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return counts;
  }

  const testing::TemporaryDirectory directory_;
  const std::string key_path_ = absl::StrCat(directory_.path(), "/admin.key");
  ServerProcess server_{{.binary = FAREBOX_SERVER_BINARY,
                         .data_directory = absl::StrCat(directory_.path(), "/data"),
                         .more_arguments = {"--access", "keys", "--admin-key-file", key_path_}}};
};

TEST_F(HandOverAuditTest, OfEveryChangeItSaysWhatBecameOfIt) {
  std::atomic<bool> is_over = false;
  std::vector<std::thread> clerks;
  for (int i = 0; i < 8; ++i) {
    clerks.emplace_back([&, i] { OpenAccounts(absl::StrCat("clerk-", i), is_over); });
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(server_.HandOver(), absl::OkStatus());
  is_over = true;
  for (std::thread& clerk : clerks) clerk.join();

  const LineCounts lines = CountLines();
  EXPECT_GT(lines.asked, 20);
  EXPECT_EQ(lines.answered, lines.asked);
  EXPECT_EQ(server_.Terminate(), 0) << server_.Log();
}

}  // namespace
}  // namespace farebox
