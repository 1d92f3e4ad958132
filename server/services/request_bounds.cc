#include "server/services/request_bounds.h"

#include "server/base/limits.h"

namespace farebox::server {

size_t RequestBytesMax(absl::string_view method) {
  if (method == "farebox.v1.BillingService/ApplyBatch") return limits::kBatchRequestBytesMax;
  if (method == "farebox.v1.BillingService/ApplyStream") return limits::kStreamMessageBytesMax;
  return limits::kRequestBytesMax;
}

}  // namespace farebox::server
