#ifndef FAREBOX_SERVER_SERVICES_UNKNOWN_METHODS_H_
#define FAREBOX_SERVER_SERVICES_UNKNOWN_METHODS_H_

#include "grpcpp/generic/async_generic_service.h"
#include "server/transport/connection_table.h"

namespace farebox::server {

// Answers UNIMPLEMENTED to calls of what no service has, as gRPC would do itself: but here they are
// told of, as all calls are, so that a flood of them is one. Thread-safe.
class UnknownMethods : public grpc::CallbackGenericService {
 public:
  // The table outlives it.
  explicit UnknownMethods(ConnectionTable* connections) : connections_(connections) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

 private:
  ConnectionTable* const connections_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_UNKNOWN_METHODS_H_
