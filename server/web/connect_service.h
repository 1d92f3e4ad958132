#ifndef FAREBOX_SERVER_WEB_CONNECT_SERVICE_H_
#define FAREBOX_SERVER_WEB_CONNECT_SERVICE_H_

#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "grpcpp/channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "server/security/access_control.h"
#include "server/security/access_rules.h"
#include "server/web/origin_rules.h"
#include "server/web/router.h"

namespace farebox::web {

// One RPC, as it is called over HTTP.
struct ConnectMethod {
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  // "/farebox.v1.BillingService/Debit".
  std::string path;
  const google::protobuf::Message* request = nullptr;
  const google::protobuf::Message* response = nullptr;
  // May be asked for by GET.
  bool is_safe = false;
  // What a request has at most, or each message of a stream of them, also when it is unpacked.
  size_t request_bytes_max = 0;
  server::AccessRule rule;
};

// Every RPC over HTTP, in the Connect protocol: JSON or protobuf, unary ones as plain requests,
// streams of the server's in envelopes, and those of the client's where the client speaks first and
// listens then, which is all that HTTP/1.1 can do.
//
// Nothing here knows an RPC: what is called is found in the descriptors, and each call is one on an
// in-process channel, so that the same roles, limits, audit log and figures hold as for gRPC. Only
// whether the caller may call it is asked here, too, before what they sent is unpacked and read.
// Thread-safe; constant after construction.
class ConnectService {
 public:
  struct Parts {
    std::shared_ptr<grpc::Channel> channel;
    // As in "farebox.v1.BillingService".
    std::vector<std::string> services;
    const server::AccessControl* access = nullptr;
    const OriginRules* origins = nullptr;
  };
  // What it is given outlives it.
  explicit ConnectService(const Parts& parts);

  // It outlives the routes.
  void AddRoutes(Router* routes);

 private:
  struct Sent;
  class UnaryCall;

  void Serve(const ConnectMethod& method, ExchangePtr exchange);
  void Get(const ConnectMethod& method, ExchangePtr exchange);
  void Start(const std::shared_ptr<UnaryCall>& call);

  const Parts parts_;
  const std::unique_ptr<grpc::GenericStub> stub_;
  std::vector<ConnectMethod> methods_;
  Router* routes_ = nullptr;  // Since AddRoutes.
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_CONNECT_SERVICE_H_
