#include "server/services/export_activity.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "farebox/v1/account.pb.h"
#include "google/protobuf/arena.h"
#include "server/base/account_settings.h"
#include "server/base/limits.h"
#include "server/services/activity.h"
#include "server/services/activity_csv.h"
#include "server/services/entries.h"
#include "server/services/message.h"
#include "server/services/standing_caller.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// Goes round between a reader thread, which makes a piece, and gRPC, which writes it: whoever has
// the call hands it on or ends it, so that nothing in it is used by two at a time. Only that it is
// to end can be said at any time. Keeps itself alive until gRPC is done with it.
class ActivityExport final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                             public OpenStream,
                             public std::enable_shared_from_this<ActivityExport> {
 public:
  ActivityExport(const ExportParts& parts, grpc::CallbackServerContext* context)
      : parts_(parts), context_(context, parts.method.Now()) {}

  // The call is gone when gRPC is done with it, which may be before this returns.
  void Begin(const grpc::ByteBuffer& request) {
    const std::shared_ptr<ActivityExport> alive = self_ = shared_from_this();
    const absl::Status read = Read(request);
    if (!read.ok()) return End(read);
    QueueNext();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return End(absl::CancelledError());
    if (is_complete_) return End(absl::OkStatus());
    QueueNext();
  }

  void OnCancel() override {
    parts_.method.NoteCancelled(context_);
    ending_ = Ending::kCancelled;
  }
  void EndSoon() override { ending_ = Ending::kShuttingDown; }

  void OnDone() override {
    parts_.exports->Leave(this);
    self_.reset();
  }

 private:
  enum class Ending { kNo, kCancelled, kShuttingDown };

  absl::Status Read(const grpc::ByteBuffer& bytes) {
    FAREBOX_RETURN_IF_ERROR(parts_.method.Admit(&context_, bytes.Length()));
    FAREBOX_RETURN_IF_ERROR(parts_.method.Parse(bytes, &request_));
    FAREBOX_RETURN_IF_ERROR(parts_.method.CheckMayAsk(&context_, request_));
    FAREBOX_ASSIGN_OR_RETURN(query_, ReadActivityQuery(parts_.ledger, request_));
    zone_ = TimeZoneOf(query_.account);
    currency_code_ = SettingsOf(*query_.account.settings).currency_code();
    const bool is_customers = context_.caller()->role == v1::ROLE_CUSTOMER;
    return parts_.exports->Enter(shared_from_this(), is_customers ? request_.account_id() : "");
  }

  void QueueNext() {
    const absl::Status queued =
        parts_.readers->Run([self = shared_from_this()](JournalReader& reader) {
          const absl::Status made = self->MakePiece(&reader);
          if (!made.ok()) return self->End(made);
          self->StartWrite(&self->piece_bytes_);
        });
    if (!queued.ok()) End(queued);
  }

  // On a reader thread.
  absl::Status MakePiece(JournalReader* reader) {
    FAREBOX_RETURN_IF_ERROR(caller_.Check());
    piece_.clear_csv();
    if (!is_begun_) FAREBOX_RETURN_IF_ERROR(BeginFile(reader));
    if (scan_.newest > scan_.after) FAREBOX_RETURN_IF_ERROR(AddLines(reader));
    FAREBOX_RETURN_IF_ERROR(CheckGoesOn());
    is_complete_ = scan_.newest <= scan_.after;
    piece_bytes_ = SerializeMessage(piece_);
    return absl::OkStatus();
  }

  absl::Status BeginFile(JournalReader* reader) {
    is_begun_ = true;
    FAREBOX_ASSIGN_OR_RETURN(scan_, MakeScan(query_, reader));
    scan_.looks_max = limits::kActivityEntriesScannedMax;
    if (scan_.from <= scan_.after) scan_.newest = 0;
    FAREBOX_ASSIGN_OR_RETURN(std::vector<AccountTotals> totals,
                             reader->ReadTotals(scan_.account, query_.account.state.last_entry,
                                                {std::min(scan_.after, scan_.from), scan_.from}));
    if (!totals[1].Subtract(totals[0])) return error::TotalsNotReady();
    piece_.set_total_entries(totals[1].CountOf(scan_.filter));
    piece_.set_csv(ActivityCsvHeader());
    return absl::OkStatus();
  }

  absl::Status AddLines(JournalReader* reader) {
    const std::string& account_id = query_.account.account_id;
    std::string* const csv = piece_.mutable_csv();
    FAREBOX_ASSIGN_OR_RETURN(
        const EntryId next, reader->ScanAccount(scan_, [&](const Entry& entry) {
          if (ending_ != Ending::kNo || csv->size() >= limits::kActivityPieceBytes) return false;
          alignas(8) std::array<char, kLineArenaBytes> block;
          google::protobuf::Arena arena(block.data(), block.size());
          auto* const line = google::protobuf::Arena::CreateMessage<v1::Entry>(&arena);
          FillEntry(entry, account_id, line);
          AppendActivityCsvLine(*line, zone_, currency_code_, csv);
          piece_.set_exported_entries(piece_.exported_entries() + 1);
          return true;
        }));
    // It goes on at an entry of the account, which needs no index to be found.
    scan_.newest = next;
    // It may be above what is wanted, where the index does not reach that far yet.
    scan_.from = std::min(scan_.from, next);
    return absl::OkStatus();
  }

  absl::Status CheckGoesOn() const {
    switch (ending_) {
      case Ending::kNo:
        return absl::OkStatus();
      case Ending::kCancelled:
        return absl::CancelledError();
      case Ending::kShuttingDown:
        return error::ShuttingDown();
    }
    return absl::OkStatus();
  }

  void End(const absl::Status& status) { Finish(parts_.method.End(status, &request_, &context_)); }

  // Most lines fit in here.
  static constexpr size_t kLineArenaBytes = 2048;

  // Constant after construction.
  const ExportParts parts_;

  // Synchronises itself.
  std::atomic<Ending> ending_{Ending::kNo};

  std::shared_ptr<ActivityExport> self_;  // Until gRPC is done.

  // Used by whoever has the call.
  CallContext context_;
  StandingCaller caller_{parts_.method, context_};
  v1::ExportActivityRequest request_;
  ActivityQuery query_;
  absl::TimeZone zone_;
  std::string currency_code_;
  bool is_begun_ = false;
  bool is_complete_ = false;
  AccountScan scan_;  // What is still to be exported: nothing where `newest` is 0.
  v1::ExportActivityResponse piece_;
  grpc::ByteBuffer piece_bytes_;
};

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* ServeActivityExport(
    const ExportParts& parts, grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& request) {
  const auto call = std::make_shared<ActivityExport>(parts, &context);
  call->Begin(request);
  return call.get();
}

}  // namespace farebox::server
