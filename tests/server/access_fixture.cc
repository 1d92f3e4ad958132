#include "tests/server/access_fixture.h"

#include <fstream>

#include "client/cpp/channel.h"

namespace farebox::server {

void AccessTest::SetUp() {
  ServerTest::SetUp();
  OpenAccount("acme", 20'000'000);
  OpenAccount("other", 20'000'000);
}

Config AccessTest::MakeConfig() const {
  Config config = ServerTest::MakeConfig();
  config.access.mode = AccessMode::kKeys;
  config.access.admin_key_file = absl::StrCat(directory_.path(), "/admin.key");
  config.access.support_credit_max = Micros(5'000'000);
  return config;
}

std::string AccessTest::AdminKey() const {
  std::ifstream file(MakeConfig().access.admin_key_file);
  std::string key;
  std::getline(file, key);
  return key;
}

std::shared_ptr<grpc::Channel> AccessTest::ChannelWith(const std::string& api_key) const {
  return client::Connect(
      {.target = absl::StrCat("127.0.0.1:", server_->port()), .api_key = api_key});
}

std::shared_ptr<grpc::Channel> AccessTest::NewChannel() const { return ChannelWith(AdminKey()); }

v1::CreateApiKeyResponse AccessTest::MakeKey(absl::string_view key) {
  v1::CreateApiKeyRequest request;
  *request.mutable_key() = Parse<v1::ApiKey>(key);
  const auto made =
      CallBy<v1::CreateApiKeyResponse>(channel_, "AccessService/CreateApiKey", request);
  EXPECT_TRUE(made.status.ok()) << made.status.error_message();
  return made.value;
}

v1::ListAuditLogResponse AccessTest::AuditLog(absl::string_view request) {
  const auto answer = CallBy<v1::ListAuditLogResponse>(channel_, "AccessService/ListAuditLog",
                                                       Parse<v1::ListAuditLogRequest>(request));
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  return answer.value;
}

}  // namespace farebox::server
