#include "server/services/unknown_methods.h"

#include "grpcpp/support/status.h"

namespace farebox::server {
namespace {

// Deletes itself.
class UnknownCall final : public grpc::ServerGenericBidiReactor {
 public:
  UnknownCall(ConnectionTable* connections, const grpc::GenericCallbackServerContext& context)
      : connections_(connections), context_(context) {
    // It pays for none of its bytes: a flood of these would be worked through for half a minute.
    Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no such method"));
  }

  void OnCancel() override { connections_->NoteReset(context_.peer()); }

  void OnDone() override { delete this; }

 private:
  ConnectionTable* const connections_;
  const grpc::GenericCallbackServerContext& context_;
};

}  // namespace

grpc::ServerGenericBidiReactor* UnknownMethods::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new UnknownCall(connections_, *context);
}

}  // namespace farebox::server
