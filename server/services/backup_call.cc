#include "server/services/backup_call.h"

#include <atomic>
#include <memory>

#include "farebox/v1/operations.pb.h"
#include "server/base/limits.h"
#include "server/base/proto_time.h"
#include "server/services/message.h"
#include "server/services/standing_caller.h"
#include "storage/hash_chain.h"
#include "storage/mutex.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

void FillResult(const Backups::Made& made, v1::BackupResult* out) {
  const BatchHead& head = made.report.head;
  out->set_file_name(made.file_name);
  out->set_head_entry_id(head.last);
  if (head.number != 0) FillTime(head.time, out->mutable_head_time());
  out->set_head_hash(HexOf(head.hash));
  out->set_entries_copied(made.report.entries_copied);
  out->set_file_bytes(made.report.bytes);
  FillDuration(absl::Trunc(made.duration, absl::Milliseconds(1)), out->mutable_duration());
}

// Has a backup made, tells how far it is, and what it came to. Deletes itself.
class BackupCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  BackupCall(const RpcMethod& method, grpc::CallbackServerContext* context,
             const grpc::ByteBuffer& request, Backups* backups)
      : method_(method), backups_(backups), context_(context, method.Now()) {
    const absl::Status taken = Take(request);
    if (!taken.ok()) {
      End(taken);
    } else if (audited_ == nullptr) {
      Begin();
    } else {
      audited_->Begin([this](const absl::Status& noted) {
        if (noted.ok()) return Begin();
        End(noted);
      });
    }
  }

  void OnWriteDone(bool /*ok*/) override {
    // Where the caller is gone, OnCancel has said so.
    bool is_over = false;
    {
      MutexLock lock(&mu_);
      is_writing_ = false;
      is_over = is_over_;
    }
    if (is_over) Next();
  }

  void OnCancel() override {
    method_.NoteCancelled(context_);
    is_cancelled_.store(true);
  }

  void OnDone() override { delete this; }

 private:
  absl::Status Take(const grpc::ByteBuffer& request) {
    FAREBOX_RETURN_IF_ERROR(method_.Admit(&context_, request.Length()));
    FAREBOX_RETURN_IF_ERROR(method_.Parse(request, &request_));
    FAREBOX_RETURN_IF_ERROR(method_.CheckMayAsk(&context_, request_));
    audited_ = method_.Audit(&context_, request_);
    return absl::OkStatus();
  }

  void Begin() {
    backups_->Begin(
        {.file_name = request_.file_name(),
         .updates = request_.update(),
         .observer = [this](const CopyProgress& progress) { return Observe(progress); }},
        [this](const absl::StatusOr<Backups::Made>& made) { TakeResult(made); });
  }

  // On the backup's thread.
  bool Observe(const CopyProgress& progress) {
    status_ = caller_.Check();
    if (is_cancelled_.load() || !status_.ok()) return false;
    const absl::Time now = method_.Now();
    if (now - last_told_ < limits::kBackupProgressPause) return true;
    v1::BackupResponse response;
    response.mutable_progress()->set_is_verifying(progress.is_verifying);
    response.mutable_progress()->set_entries_done(progress.entries_done);
    response.mutable_progress()->set_entries_total(progress.entries_total);
    {
      MutexLock lock(&mu_);
      // A caller who does not read is not waited for.
      if (is_writing_) return true;
      is_writing_ = true;
      piece_ = SerializeMessage(response);
    }
    last_told_ = now;
    StartWrite(&piece_);
    return true;
  }

  // On the backup's thread, after the last Observe; or where nothing was begun.
  void TakeResult(const absl::StatusOr<Backups::Made>& made) {
    if (made.ok()) FillResult(*made, answer_.mutable_result());
    bool is_writing = false;
    {
      MutexLock lock(&mu_);
      status_.Update(made.status());
      is_over_ = true;
      is_writing = is_writing_;
    }
    if (!is_writing) Next();
  }

  // The backup is over, and nothing is being written: writes the result, then ends.
  void Next() {
    if (!status_.ok() || is_told_) return End(status_);
    is_told_ = true;
    {
      MutexLock lock(&mu_);
      is_writing_ = true;
      piece_ = SerializeMessage(answer_);
    }
    StartWrite(&piece_);
  }

  void End(const absl::Status& status) {
    if (audited_ == nullptr) return Answer(status);
    audited_->End(status, answer_, [this, status] { Answer(status); });
  }

  void Answer(const absl::Status& status) { Finish(method_.End(status, &request_, &context_)); }

  const RpcMethod& method_;
  Backups* const backups_;

  // Used by one thread at a time: that of the call, then the backup's, then that of the call.
  CallContext context_;
  StandingCaller caller_{method_, context_};
  v1::BackupRequest request_;
  std::unique_ptr<AuditedCall> audited_;
  absl::Time last_told_ = absl::InfinitePast();
  v1::BackupResponse answer_;
  absl::Status status_;
  bool is_told_ = false;

  std::atomic<bool> is_cancelled_{false};

  Mutex mu_;
  bool is_writing_ ABSL_GUARDED_BY(mu_) = false;
  bool is_over_ ABSL_GUARDED_BY(mu_) = false;
  grpc::ByteBuffer piece_;  // Not touched while it is being written.
};

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* ServeBackup(const RpcMethod& method,
                                                        grpc::CallbackServerContext& context,
                                                        const grpc::ByteBuffer& request,
                                                        Backups* backups) {
  return new BackupCall(method, &context, request, backups);
}

}  // namespace farebox::server
