#include "server/services/unknown_methods.h"

#include "grpcpp/support/status.h"

namespace farebox::server {
namespace {

// Deletes itself.
class UnknownCall final : public grpc::ServerGenericBidiReactor {
 public:
  UnknownCall(CallTrafficTable* traffic, const grpc::GenericCallbackServerContext& context)
      : traffic_(traffic), context_(context) {
    // It pays for none of its bytes: a flood of these would be worked through for half a minute.
    Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no such method"));
  }

  void OnCancel() override { traffic_->NoteReset(context_.peer()); }

  void OnDone() override { delete this; }

 private:
  CallTrafficTable* const traffic_;
  const grpc::GenericCallbackServerContext& context_;
};

}  // namespace

grpc::ServerGenericBidiReactor* UnknownMethods::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new UnknownCall(traffic_, *context);
}

}  // namespace farebox::server
