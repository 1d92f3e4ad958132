// The key of an admin that a start makes where there is none.

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/access.h"
#include "server/base/log.h"
#include "storage/sqlite/sqlite_journal.h"
#include "tests/server/access_fixture.h"

namespace farebox::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class AdminKeyTest : public AccessTest {
 protected:
  // There is one key beside it, which is newer.
  void RevokeAdminKey() {
    const auto keys = CallBy<v1::ListApiKeysResponse>(channel_, "AccessService/ListApiKeys",
                                                      v1::ListApiKeysRequest());
    v1::RevokeApiKeyRequest revocation;
    revocation.set_key_id(keys->keys(1).key_id());
    ASSERT_TRUE(CallBy<v1::RevokeApiKeyResponse>(channel_, "AccessService/RevokeApiKey", revocation)
                    .status.ok());
  }

  bool HasAccess(const std::string& key) const {
    const auto request = Parse<v1::GetBalanceRequest>("account_id: 'acme'");
    return CallBy<v1::GetBalanceResponse>(ChannelWith(key), "BillingService/GetBalance", request)
        .status.ok();
  }
};

class FirstKeyTest : public ::testing::Test {
 protected:
  FirstKeyTest() {
    config_.data_directory = absl::StrCat(directory_.path(), "/data");
    config_.listen = "127.0.0.1:0";
    config_.access.mode = AccessMode::kKeys;
  }

  absl::Status Start() {
    return Server::Start(config_, &clock_, [](const absl::Status&) {}).status();
  }

  testing::TemporaryDirectory directory_;
  ManualClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  Config config_;
  const std::string key_file_ = absl::StrCat(directory_.path(), "/admin.key");
};

TEST_F(FirstKeyTest, WithoutAFileForItTheServerDoesNotStart) {
  const absl::Status status = Start();

  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("--admin-key-file"));
}

TEST_F(FirstKeyTest, AFileThatIsThereIsNotWrittenOver) {
  config_.access.admin_key_file = key_file_;
  std::ofstream(key_file_) << "precious";

  const absl::Status status = Start();

  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("remove it and start again"));
}

TEST_F(FirstKeyTest, NoKeyIsMadeBeforeItIsWrittenDown) {
  config_.access.admin_key_file = key_file_;
  std::filesystem::create_directories(key_file_ + ".new/in the way");

  EXPECT_TRUE(absl::IsInvalidArgument(Start()));

  std::filesystem::remove_all(key_file_ + ".new");
  EXPECT_TRUE(Start().ok());
  EXPECT_TRUE(std::filesystem::exists(key_file_));
}

TEST_F(FirstKeyTest, WhatAKilledStartHasLeftIsReplaced) {
  config_.access.admin_key_file = key_file_;
  std::ofstream(key_file_ + ".new") << "half a k";

  EXPECT_TRUE(Start().ok());

  EXPECT_TRUE(std::filesystem::exists(key_file_));
  EXPECT_FALSE(std::filesystem::exists(key_file_ + ".new"));
}

TEST_F(AdminKeyTest, TheFileOfTheFirstKeyIsForItsOwnerOnlyAndNotWrittenTwice) {
  const std::string path = MakeConfig().access.admin_key_file;
  const std::string key = AdminKey();
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);

  Restart();

  EXPECT_EQ(AdminKey(), key);
}

TEST_F(AdminKeyTest, AStartThatWasKilledBeforeTheFileHadItsNameIsFinished) {
  const std::string path = MakeConfig().access.admin_key_file;
  const std::string key = AdminKey();
  Stop();
  std::filesystem::rename(path, path + ".new");

  Start();

  EXPECT_EQ(AdminKey(), key);
}

TEST_F(AdminKeyTest, WithoutAnAdminTheOthersAreServedUntilANewKeyIsMade) {
  const Config config = MakeConfig();
  const std::string router = MakeKey("role: ROLE_ROUTER").secret();
  ASSERT_NO_FATAL_FAILURE(RevokeAdminKey());
  Stop();
  {
    const auto reader = sqlite::OpenOfflineReader(config.data_directory);
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_TRUE(Access::Check(config.access, &(*reader)->catalog()).ok());
  }

  ConfigureLog(LogFormat::kText, LogLevel::kWarning);
  ::testing::internal::CaptureStderr();
  Start();
  FlushLog();
  ConfigureLog(LogFormat::kText, LogLevel::kError);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("admin_key_missing"), HasSubstr("remove it and start again")));
  EXPECT_TRUE(HasAccess(router));
  EXPECT_FALSE(HasAccess(AdminKey()));

  Stop();
  std::filesystem::remove(config.access.admin_key_file);
  Start();
  EXPECT_TRUE(HasAccess(router));
  EXPECT_TRUE(HasAccess(AdminKey()));
}

class FullDiskTest : public AdminKeyTest {
 protected:
  Config MakeConfig() const override {
    Config config = AdminKeyTest::MakeConfig();
    // More than any disk has, and small enough to be doubled.
    if (is_full_) config.free_disk_bytes_min = std::numeric_limits<int64_t>::max() / 4;
    return config;
  }

  // From the next start on.
  bool is_full_ = false;
};

TEST_F(FullDiskTest, WithoutAnAdminTheOthersAreServedAllTheSame) {
  const std::string router = MakeKey("role: ROLE_ROUTER").secret();
  ASSERT_NO_FATAL_FAILURE(RevokeAdminKey());
  std::filesystem::remove(MakeConfig().access.admin_key_file);

  is_full_ = true;
  Restart();

  EXPECT_TRUE(HasAccess(router));
  is_full_ = false;
  Restart();
  EXPECT_TRUE(HasAccess(AdminKey()));
}

}  // namespace
}  // namespace farebox::server
