#include "server/services/operations_service.h"

#include <sstream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "server/limits.h"
#include "server/services/backup_call.h"
#include "server/services/entries.h"
#include "server/services/unary_call.h"
#include "storage/errors.h"
#include "storage/verify.h"

namespace farebox::server {
namespace {

std::string Text(absl::int128 sum) {
  std::ostringstream out;
  out << sum;
  return out.str();
}

void FillDuration(absl::Duration duration, google::protobuf::Duration* out) {
  const int64_t nanos = absl::ToInt64Nanoseconds(duration);
  out->set_seconds(nanos / 1'000'000'000);
  out->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

void FillReport(const VerifyReport& report, v1::VerifyResponse* response) {
  response->set_ok(report.ok());
  response->set_first_bad_entry_id(report.first_bad_entry);
  response->set_problem(report.problem);
  response->set_entries(report.entries);
  response->set_batches(report.batches);
  response->set_accounts(report.accounts);
  response->set_balance_sum_micros(Text(report.balance_sum_micros));
  response->set_held_sum_micros(Text(report.held_sum_micros));
  response->set_head_hash(absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(report.head.hash.data()), report.head.hash.size())));
}

}  // namespace

OperationsService::OperationsService(const Parts& parts)
    : parts_(parts),
      start_time_(parts.environment.clock->Now()),
      verify_(parts.environment, "farebox.v1.OperationsService/Verify",
              {.default_timeout = limits::kVerifyTimeout}),
      backup_(parts.environment, "farebox.v1.OperationsService/Backup"),
      get_status_(parts.environment, "farebox.v1.OperationsService/GetStatus") {}

grpc::ServerUnaryReactor* OperationsService::Verify(Context* context, const Bytes* request,
                                                    Bytes* response) {
  using Call = UnaryCall<v1::VerifyRequest, v1::VerifyResponse>;
  return Call::Serve(verify_, *context, *request, response, [this](Call* call) {
    if (is_verifying_.exchange(true)) return call->Finish(error::Overloaded());
    const absl::Status queued = parts_.readers->Run([this, call](JournalReader& reader) {
      const absl::StatusOr<VerifyReport> report = VerifyJournal(&reader);
      is_verifying_.store(false);
      if (report.ok()) FillReport(*report, call->response());
      call->Finish(report.status());
    });
    if (queued.ok()) return;
    is_verifying_.store(false);
    call->Finish(queued);
  });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* OperationsService::Backup(Context* context,
                                                                      const Bytes* request) {
  return ServeBackup(backup_, *context, *request, parts_.backups);
}

grpc::ServerUnaryReactor* OperationsService::GetStatus(Context* context, const Bytes* request,
                                                       Bytes* response) {
  using Call = UnaryCall<v1::GetStatusRequest, v1::GetStatusResponse>;
  return Call::Serve(get_status_, *context, *request, response, [this](Call* call) {
    // How large the files are is asked of the file system.
    const absl::Status queued = parts_.readers->Run([this, call](JournalReader&) {
      FillStatus(call->response());
      call->Finish(absl::OkStatus());
    });
    if (!queued.ok()) call->Finish(queued);
  });
}

void OperationsService::FillStatus(v1::GetStatusResponse* response) const {
  const LedgerStats ledger = parts_.ledger->Stats();
  const JournalStats journal = parts_.journal->Stats();
  response->set_version(FAREBOX_VERSION);
  FillTime(start_time_, response->mutable_start_time());
  response->set_accounts(ledger.accounts);
  response->set_entries(ledger.last_entry);
  response->set_batches(ledger.batches);
  response->set_derived_through_entry_id(journal.derived_through);
  response->set_queued(ledger.queued_commands);
  FillDuration(ledger.last_commit_duration, response->mutable_last_commit_duration());
  FillDuration(ledger.max_commit_duration, response->mutable_max_commit_duration());
  response->set_journal_bytes(journal.journal_bytes + journal.wal_bytes);
  response->set_derived_bytes(journal.derived_bytes);
  for (const RpcCount& count : parts_.environment.metrics->Counts()) {
    v1::RpcCount* const out = response->add_rpcs();
    out->set_method(count.method);
    out->set_code(count.code);
    out->set_count(count.count);
  }
  response->set_watchers(parts_.watchers->watcher_count());
}

}  // namespace farebox::server
