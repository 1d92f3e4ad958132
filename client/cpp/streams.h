#ifndef FAREBOX_CLIENT_CPP_STREAMS_H_
#define FAREBOX_CLIENT_CPP_STREAMS_H_

#include <memory>

#include "client/cpp/apply_stream.h"
#include "client/cpp/options.h"
#include "client/cpp/watch.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "farebox/v1/billing.pb.h"

// How Client makes its streams. `stub` outlives them.
namespace farebox::client {

std::unique_ptr<ApplyStream> StartApplyStream(v1::BillingService::Stub* stub,
                                              ApplyStream::OnResult on_result,
                                              ApplyStreamOptions options);

std::unique_ptr<Watch> StartWatch(v1::BillingService::Stub* stub, v1::WatchAccountRequest request,
                                  Watch::OnEvent on_event, WatchOptions options,
                                  const RetryOptions& retry);

}  // namespace farebox::client

#endif  // FAREBOX_CLIENT_CPP_STREAMS_H_
