#include "server/services/call_context.h"

#include <iterator>

#include "absl/strings/string_view.h"

namespace farebox::server {

bool CallContext::HasTraceparent() const {
  const auto& metadata = context_->client_metadata();
  return metadata.find(kTraceparent) != metadata.end();
}

const TraceSpan& CallContext::trace() {
  if (!trace_.has_value()) {
    const auto sent = context_->client_metadata().equal_range(kTraceparent);
    std::optional<TraceSpan> caller;
    // More than one says nothing.
    if (sent.first != sent.second && std::next(sent.first) == sent.second) {
      const grpc::string_ref header = sent.first->second;
      caller = ParseTraceparent(absl::string_view(header.data(), header.size()));
    }
    trace_ = BeginSpan(caller);
  }
  return *trace_;
}

void CallContext::TellTrace() {
  if (!trace_.has_value() && !HasTraceparent()) return;
  context_->AddTrailingMetadata(kTraceresponse, FormatTraceresponse(trace()));
}

}  // namespace farebox::server
