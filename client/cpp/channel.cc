#include "client/cpp/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/client_interceptor.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cpp/trace.h"

namespace farebox::client {
namespace {

// The answer to a full batch, with room to spare.
constexpr int kMessageBytesMax = 64 * 1024 * 1024;

// A server that was away is found again soon after it is back: within a retried call's time.
constexpr absl::Duration kReconnectPauseFirst = absl::Milliseconds(50);
constexpr absl::Duration kReconnectPauseMax = absl::Seconds(1);

int Millis(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

// Metadata that every call is sent with: a key, which gRPC's own call credentials send on
// connections with TLS only, while a server on the same machine may have none; and a trace.
struct CallHeaders {
  std::string authorization = {};
  std::string traceparent = {};
};

class HeaderSender final : public grpc::experimental::Interceptor {
 public:
  explicit HeaderSender(const CallHeaders& headers) : headers_(headers) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    constexpr auto kPoint = grpc::experimental::InterceptionHookPoints::PRE_SEND_INITIAL_METADATA;
    if (methods->QueryInterceptionHookPoint(kPoint)) {
      AddTo(methods->GetSendInitialMetadata());
    }
    methods->Proceed();
  }

 private:
  void AddTo(std::multimap<std::string, std::string>* metadata) const {
    if (!headers_.authorization.empty()) {
      metadata->emplace("authorization", headers_.authorization);
    }
    // A call's own wins.
    if (!headers_.traceparent.empty() && metadata->count(kTraceparent) == 0) {
      metadata->emplace(kTraceparent, headers_.traceparent);
    }
  }

  const CallHeaders& headers_;
};

class HeaderSenderFactory final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit HeaderSenderFactory(CallHeaders headers) : headers_(std::move(headers)) {}

  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo*) override {
    return new HeaderSender(headers_);
  }

 private:
  const CallHeaders headers_;
};

std::shared_ptr<grpc::ChannelCredentials> MakeCredentials(const ClientOptions& options) {
  if (!options.has_tls) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({.pem_root_certs = options.root_certificates,
                               .pem_private_key = options.private_key,
                               .pem_cert_chain = options.certificates});
}

}  // namespace

std::shared_ptr<grpc::Channel> Connect(const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Millis(options.keepalive_interval));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(options.keepalive_timeout));
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Millis(kReconnectPauseFirst));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, Millis(kReconnectPauseMax));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Millis(kReconnectPauseMax));
  // Attempts are repeated here, where the request id and the server's details are known.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Clients of one process do not share a connection behind their backs.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (!options.tls_name.empty()) arguments.SetSslTargetNameOverride(options.tls_name);
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
  CallHeaders headers = {.traceparent = options.traceparent};
  if (!options.api_key.empty()) headers.authorization = absl::StrCat("Bearer ", options.api_key);
  if (!headers.authorization.empty() || !headers.traceparent.empty()) {
    interceptors.push_back(std::make_unique<HeaderSenderFactory>(std::move(headers)));
  }
  return grpc::experimental::CreateCustomChannelWithInterceptors(
      options.target, MakeCredentials(options), arguments, std::move(interceptors));
}

}  // namespace farebox::client
