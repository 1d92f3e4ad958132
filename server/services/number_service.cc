#include "server/services/number_service.h"

#include "server/services/fields.h"
#include "server/services/lane_call.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

absl::Status Check(const v1::PurchaseNumberRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  return CheckE164(request.number(), "number");
}

absl::Status Check(const v1::ReleaseNumberRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  return CheckE164(request.number(), "number");
}

absl::Status Check(const v1::ListNumbersRequest& request) {
  return CheckAccountId(request.account_id());
}

// Serves one call by a function of the desk, on the account's lane.
template <typename Request, typename Response>
grpc::ServerUnaryReactor* Serve(const RpcMethod& method, grpc::CallbackServerContext& context,
                                const grpc::ByteBuffer& request, grpc::ByteBuffer* response,
                                const NumberService::Parts& parts,
                                absl::Status (NumberDesk::*function)(const Request&, Response*)) {
  using Call = UnaryCall<Request, Response>;
  return Call::Serve(method, context, request, response, [&parts, function](Call* call) {
    const absl::Status valid = Check(call->request());
    if (!valid.ok()) return call->Finish(valid);
    const auto answer = [desk = parts.desk, function](Call* answered) {
      return (desk->*function)(answered->request(), answered->response());
    };
    parts.worker->Run(call->request().account_id(), AnswerInTurnIfAwaited(call, answer));
  });
}

}  // namespace

NumberService::NumberService(const Parts& parts)
    : parts_(parts),
      purchase_number_(parts.environment, "farebox.v1.NumberService/PurchaseNumber"),
      release_number_(parts.environment, "farebox.v1.NumberService/ReleaseNumber"),
      list_numbers_(parts.environment, "farebox.v1.NumberService/ListNumbers") {}

grpc::ServerUnaryReactor* NumberService::PurchaseNumber(Context* context, const Bytes* request,
                                                        Bytes* response) {
  return Serve(purchase_number_, *context, *request, response, parts_, &NumberDesk::PurchaseNumber);
}

grpc::ServerUnaryReactor* NumberService::ReleaseNumber(Context* context, const Bytes* request,
                                                       Bytes* response) {
  return Serve(release_number_, *context, *request, response, parts_, &NumberDesk::ReleaseNumber);
}

grpc::ServerUnaryReactor* NumberService::ListNumbers(Context* context, const Bytes* request,
                                                     Bytes* response) {
  return Serve(list_numbers_, *context, *request, response, parts_, &NumberDesk::ListNumbers);
}

}  // namespace farebox::server
