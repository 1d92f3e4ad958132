#ifndef FAREBOX_TESTS_SERVER_ACCESS_FIXTURE_H_
#define FAREBOX_TESTS_SERVER_ACCESS_FIXTURE_H_

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/access.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/impl/codegen/client_unary_call.h"
#include "grpcpp/impl/codegen/rpc_method.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {

// A server that asks everybody who they are. What the fixture itself does is done with the key of
// the admin; "acme" and "other" are accounts with 20.00.
class AccessTest : public ServerTest {
 protected:
  void SetUp() override;
  Config MakeConfig() const override;
  std::shared_ptr<grpc::Channel> NewChannel() const override;

  // The key of the file that the server has written.
  std::string AdminKey() const;
  // A connection with this key in every call; none where it is empty.
  std::shared_ptr<grpc::Channel> ChannelWith(const std::string& api_key) const;
  // `key` as the text of an ApiKey, e.g. "role: ROLE_ROUTER".
  v1::CreateApiKeyResponse MakeKey(absl::string_view key);
  // A connection with a new key.
  std::shared_ptr<grpc::Channel> ChannelOf(absl::string_view key) {
    return ChannelWith(MakeKey(key).secret());
  }

  // One call of a unary RPC, e.g. "BillingService/Debit".
  template <typename Response, typename Request>
  static Answer<Response> CallBy(const std::shared_ptr<grpc::Channel>& channel,
                                 absl::string_view method, const Request& request) {
    grpc::ClientContext context;
    SetDeadline(&context);
    const std::string path = absl::StrCat("/farebox.v1.", method);
    Answer<Response> answer;
    answer.status = grpc::internal::BlockingUnaryCall<Request, Response>(
        channel.get(),
        grpc::internal::RpcMethod(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC), &context,
        request, &answer.value);
    return answer;
  }
  // The newest first.
  v1::ListAuditLogResponse AuditLog(absl::string_view request = "");
};

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_ACCESS_FIXTURE_H_
