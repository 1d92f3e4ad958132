#include "server/services/call_log.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/base/errors.h"
#include "server/base/log.h"
#include "server/base/rpc_metrics.h"
#include "server/services/text_field.h"
#include "storage/errors.h"

namespace farebox::server {
namespace {

void AddText(absl::string_view key, std::string value, std::vector<LogField>* fields) {
  if (!value.empty()) fields->emplace_back(key, std::move(value));
}

}  // namespace

void CallLog::Write(const EndedCall& ended, CallContext* call) {
  const bool is_slow = ended.took >= options_.slow && ended.request != nullptr;
  int64_t left_out = 0;
  if (!options_.has_all && (!is_slow || !slow_turns_.Take(&left_out))) return;

  std::vector<LogField> fields = {{"method", ended.method},
                                  {"code", CodeName(ToGrpcStatus(ended.status).error_code())},
                                  {"took_us", absl::ToInt64Microseconds(ended.took)}};
  if (!ended.status.ok()) {
    AddText("reason", std::string(ReasonName(GetReason(ended.status))), &fields);
  }
  if (call->caller() != nullptr) AddText("caller", call->caller()->name, &fields);
  AddText("peer", ended.peer, &fields);
  if (ended.request != nullptr) {
    AddText("account_id", TextField(*ended.request, "account_id"), &fields);
    AddText("request_id", TextField(*ended.request, "request_id"), &fields);
  }
  fields.emplace_back("trace_id", TraceIdText(call->trace()));
  fields.emplace_back("span_id", SpanIdText(call->trace()));
  if (left_out > 0) fields.emplace_back("left_out", left_out);
  Log(is_slow ? LogLevel::kWarning : LogLevel::kInfo, is_slow ? "slow_call" : "call", fields);
}

}  // namespace farebox::server
