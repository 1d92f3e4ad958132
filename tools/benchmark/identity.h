#ifndef FAREBOX_TOOLS_BENCHMARK_IDENTITY_H_
#define FAREBOX_TOOLS_BENCHMARK_IDENTITY_H_

#include <grpcpp/client_context.h>
#include <grpcpp/security/credentials.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "tools/benchmark/load_options.h"

// Who the load is made by, and in which trace.
namespace farebox::benchmark {

inline std::shared_ptr<grpc::ChannelCredentials> Credentials(const LoadOptions& options) {
  if (options.root_certificates.empty()) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({.pem_root_certs = options.root_certificates});
}

inline void AddHeaders(const LoadOptions& options, grpc::ClientContext* context) {
  if (!options.api_key.empty()) {
    context->AddMetadata("authorization", absl::StrCat("Bearer ", options.api_key));
  }
  if (!options.traceparent.empty()) context->AddMetadata("traceparent", options.traceparent);
}

}  // namespace farebox::benchmark

#endif  // FAREBOX_TOOLS_BENCHMARK_IDENTITY_H_
