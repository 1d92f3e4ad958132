#include "server/services/operations_service.h"

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "server/base/limits.h"
#include "server/services/backup_call.h"
#include "server/services/reader_call.h"
#include "server/services/server_status.h"
#include "server/services/unary_call.h"
#include "storage/errors.h"
#include "storage/verify.h"

namespace farebox::server {
namespace {

void FillReport(const VerifyReport& report, v1::VerifyResponse* response) {
  response->set_ok(report.ok());
  response->set_first_bad_entry_id(report.first_bad_entry);
  response->set_problem(report.problem);
  response->set_entries(report.entries);
  response->set_batches(report.batches);
  response->set_accounts(report.accounts);
  response->set_balance_sum_micros(SumText(report.balance_sum_micros));
  response->set_held_sum_micros(SumText(report.held_sum_micros));
  response->set_head_hash(absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(report.head.hash.data()), report.head.hash.size())));
}

}  // namespace

OperationsService::OperationsService(const Parts& parts)
    : parts_(parts),
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
      const auto is_closing = [this] { return parts_.environment.is_closing->load(); };
      // It takes long: nobody who has gone away keeps it going, and no stop waits for it.
      const absl::StatusOr<VerifyReport> report = VerifyJournal(
          &reader,
          {.should_continue = [&](EntryId) { return !is_closing() && !call->is_given_up(); }});
      is_verifying_.store(false);
      if (report.ok()) FillReport(*report, call->response());
      const bool is_shut_down = absl::IsCancelled(report.status()) && is_closing();
      call->Finish(is_shut_down ? error::ShuttingDown() : report.status());
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
    // How large the files are, and what waits in them, is asked of the disk.
    AnswerOnReader(parts_.readers, call, [this, call](JournalReader&) {
      FillServerStatus(parts_.status, call->response());
      return absl::OkStatus();
    });
  });
}

}  // namespace farebox::server
