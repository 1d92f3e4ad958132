#include "server/services/billing_service.h"

#include <utility>
#include <vector>

#include "server/services/answers.h"
#include "server/services/apply_batch.h"
#include "server/services/apply_stream.h"
#include "server/services/balance.h"
#include "server/services/quote.h"
#include "server/services/unary_call.h"
#include "server/services/watch_stream.h"

namespace farebox::server {

BillingService::BillingService(const Parts& parts)
    : parts_(parts),
      commands_({.ledger = parts.ledger, .decks = parts.decks, .clock = parts.environment.clock}),
      authorize_(parts.environment, "farebox.v1.BillingService/Authorize",
                 {.urgency = Urgency::kBegins}),
      reauthorize_(parts.environment, "farebox.v1.BillingService/Reauthorize",
                   {.urgency = Urgency::kGoesOn}),
      debit_(parts.environment, "farebox.v1.BillingService/Debit", {.urgency = Urgency::kEnds}),
      release_(parts.environment, "farebox.v1.BillingService/Release", {.urgency = Urgency::kEnds}),
      credit_(parts.environment, "farebox.v1.BillingService/Credit", {.urgency = Urgency::kGoesOn}),
      get_balance_(parts.environment, "farebox.v1.BillingService/GetBalance"),
      quote_(parts.environment, "farebox.v1.BillingService/Quote"),
      list_holds_(parts.environment, "farebox.v1.BillingService/ListHolds"),
      apply_batch_(parts.environment, "farebox.v1.BillingService/ApplyBatch",
                   {.urgency = Urgency::kEnds}),
      apply_stream_(parts.environment, "farebox.v1.BillingService/ApplyStream"),
      watch_account_(parts.environment, "farebox.v1.BillingService/WatchAccount") {}

template <typename Request, typename Response>
grpc::ServerUnaryReactor* BillingService::Apply(const RpcMethod& method, Context& context,
                                                const Bytes& request, Bytes* response) {
  using Call = UnaryCall<Request, Response>;
  return Call::Serve(method, context, request, response, [this](Call* call) {
    absl::StatusOr<Command> command = commands_.Make(call->request(), call->deadline());
    if (!command.ok()) return call->Finish(command.status());
    std::vector<Command> submitted;
    submitted.push_back(*std::move(command));
    parts_.ledger->Submit(std::move(submitted), [call](std::vector<Outcome> outcomes) {
      call->Finish(FillAnswer(call->request(), outcomes[0], call->response()));
    });
  });
}

grpc::ServerUnaryReactor* BillingService::Authorize(Context* context, const Bytes* request,
                                                    Bytes* response) {
  return Apply<v1::AuthorizeRequest, v1::AuthorizeResponse>(authorize_, *context, *request,
                                                            response);
}

grpc::ServerUnaryReactor* BillingService::Reauthorize(Context* context, const Bytes* request,
                                                      Bytes* response) {
  return Apply<v1::ReauthorizeRequest, v1::ReauthorizeResponse>(reauthorize_, *context, *request,
                                                                response);
}

grpc::ServerUnaryReactor* BillingService::Debit(Context* context, const Bytes* request,
                                                Bytes* response) {
  return Apply<v1::DebitRequest, v1::DebitResponse>(debit_, *context, *request, response);
}

grpc::ServerUnaryReactor* BillingService::Release(Context* context, const Bytes* request,
                                                  Bytes* response) {
  return Apply<v1::ReleaseRequest, v1::ReleaseResponse>(release_, *context, *request, response);
}

grpc::ServerUnaryReactor* BillingService::Credit(Context* context, const Bytes* request,
                                                 Bytes* response) {
  return Apply<v1::CreditRequest, v1::CreditResponse>(credit_, *context, *request, response);
}

grpc::ServerUnaryReactor* BillingService::GetBalance(Context* context, const Bytes* request,
                                                     Bytes* response) {
  using Call = UnaryCall<v1::GetBalanceRequest, v1::GetBalanceResponse>;
  return Call::Serve(get_balance_, *context, *request, response, [this](Call* call) {
    call->Finish(FillBalance(*parts_.ledger, call->request(), call->response()));
  });
}

grpc::ServerUnaryReactor* BillingService::Quote(Context* context, const Bytes* request,
                                                Bytes* response) {
  using Call = UnaryCall<v1::QuoteRequest, v1::QuoteResponse>;
  return Call::Serve(quote_, *context, *request, response, [this](Call* call) {
    const QuoteSources sources = {
        .ledger = parts_.ledger, .decks = parts_.decks, .now = parts_.environment.clock->Now()};
    call->Finish(FillQuote(sources, call->request(), call->response()));
  });
}

grpc::ServerUnaryReactor* BillingService::ListHolds(Context* context, const Bytes* request,
                                                    Bytes* response) {
  using Call = UnaryCall<v1::ListHoldsRequest, v1::ListHoldsResponse>;
  return Call::Serve(list_holds_, *context, *request, response, [this](Call* call) {
    call->Finish(FillHolds(*parts_.ledger, call->request(), call->response()));
  });
}

grpc::ServerUnaryReactor* BillingService::ApplyBatch(Context* context, const Bytes* request,
                                                     Bytes* response) {
  using Call = UnaryCall<v1::ApplyBatchRequest, v1::ApplyBatchResponse>;
  return Call::Serve(apply_batch_, *context, *request, response,
                     [this](Call* call) { SubmitBatch(commands_, parts_.ledger, call); });
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* BillingService::ApplyStream(
    Context* context) {
  return ServeApplyStream(apply_stream_, *context, commands_, parts_.ledger, parts_.streams);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* BillingService::WatchAccount(Context* context,
                                                                         const Bytes* request) {
  return ServeWatch(watch_account_, *context, *request, *parts_.ledger, parts_.watchers);
}

}  // namespace farebox::server
