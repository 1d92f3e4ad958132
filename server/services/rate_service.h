#ifndef FAREBOX_SERVER_SERVICES_RATE_SERVICE_H_
#define FAREBOX_SERVER_SERVICES_RATE_SERVICE_H_

#include "farebox/v1/rate.grpc.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/deck_registry.h"
#include "server/base/reader_pool.h"
#include "server/services/import_rates.h"
#include "server/services/rpc_method.h"
#include "storage/ledger.h"

namespace farebox::server {

using RawRateService = v1::RateService::WithRawCallbackMethod_ImportRates<
    v1::RateService::WithRawCallbackMethod_ListRateDecks<
        v1::RateService::WithRawCallbackMethod_ListRates<
            v1::RateService::WithRawCallbackMethod_ExportRates<v1::RateService::Service>>>>;

// Loads and shows rate decks. Thread-safe.
class RateService final : public RawRateService {
 public:
  // All of them outlive the service.
  struct Parts {
    RpcEnvironment environment;
    Ledger* ledger = nullptr;
    DeckRegistry* decks = nullptr;
    ReaderPool* readers = nullptr;
  };
  explicit RateService(const Parts& parts);

 private:
  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Unary = grpc::ServerUnaryReactor;

  grpc::ServerReadReactor<Bytes>* ImportRates(Context* context, Bytes* response) override;
  Unary* ListRateDecks(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ListRates(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerWriteReactor<Bytes>* ExportRates(Context* context, const Bytes* request) override;

  const Parts parts_;
  DeckImporter importer_;

  const RpcMethod import_rates_;
  const RpcMethod list_rate_decks_;
  const RpcMethod list_rates_;
  const RpcMethod export_rates_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_RATE_SERVICE_H_
