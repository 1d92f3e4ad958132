#ifndef FAREBOX_TOOLS_BENCHMARK_NOOP_STREAM_H_
#define FAREBOX_TOOLS_BENCHMARK_NOOP_STREAM_H_

#include <grpcpp/grpcpp.h>

#include "farebox/v1/billing.pb.h"
#include "server/services/rpc_method.h"

namespace farebox::benchmark {

// Fills the result of one operation.
using FillResult = void (*)(const v1::Operation& operation, v1::OperationResult* result);

// The baseline of ApplyStream: each message is parsed and answered where it is read. `method`
// outlives the call.
grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ServeNoopStream(
    const server::RpcMethod& method, grpc::CallbackServerContext* context, FillResult fill);

}  // namespace farebox::benchmark

#endif  // FAREBOX_TOOLS_BENCHMARK_NOOP_STREAM_H_
