#include "server/services/export_rates.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "farebox/v1/rate.pb.h"
#include "server/base/limits.h"
#include "server/rating/deck_csv.h"
#include "server/services/fields.h"
#include "server/services/message.h"
#include "server/services/standing_caller.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// Deletes itself.
class ExportCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  ExportCall(const RpcMethod& method, grpc::CallbackServerContext* context,
             const grpc::ByteBuffer& request, const DeckRegistry& decks)
      : method_(method), context_(context, method.Now()) {
    const absl::Status found = FindDeck(request, decks);
    if (!found.ok()) {
      End(found);
      return;
    }
    csv_ = rating::DeckCsvHeader();
    Next();
  }

  void OnWriteDone(bool ok) override {
    const BlockedHandlers::Scope running = method_.Running();
    if (!ok) return End(absl::CancelledError());
    Next();
  }

  void OnCancel() override { method_.NoteCancelled(context_); }

  void OnDone() override { delete this; }

 private:
  absl::Status FindDeck(const grpc::ByteBuffer& bytes, const DeckRegistry& decks) {
    FAREBOX_RETURN_IF_ERROR(method_.Admit(&context_, bytes.Length()));
    FAREBOX_RETURN_IF_ERROR(method_.Parse(bytes, &request_));
    FAREBOX_RETURN_IF_ERROR(method_.CheckMayAsk(&context_, request_));
    FAREBOX_RETURN_IF_ERROR(CheckDeckName(request_.deck()));
    deck_ = decks.Find(request_.deck());
    return deck_ != nullptr ? absl::OkStatus() : error::DeckNotFound(request_.deck());
  }

  void Next() {
    const absl::Status known = caller_.Check();
    if (!known.ok()) return End(known);
    while (csv_.size() < limits::kExportPieceBytes) {
      const rating::RateRow* const row = deck_->rates->Row(next_row_);
      if (row == nullptr) break;
      rating::AppendDeckCsvRow(*row, &csv_);
      ++next_row_;
    }
    if (csv_.empty()) return End(absl::OkStatus());

    v1::ExportRatesResponse response;
    response.set_csv(csv_.substr(0, limits::kExportPieceBytes));
    csv_.erase(0, limits::kExportPieceBytes);
    piece_ = SerializeMessage(response);
    StartWrite(&piece_);
  }

  void End(const absl::Status& status) { Finish(method_.End(status, &request_, &context_)); }

  const RpcMethod& method_;

  // Used by one reaction at a time.
  CallContext context_;
  StandingCaller caller_{method_, context_};
  v1::ExportRatesRequest request_;
  std::shared_ptr<const LoadedDeck> deck_;
  uint32_t next_row_ = 0;
  std::string csv_;
  grpc::ByteBuffer piece_;
};

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* ServeExport(const RpcMethod& method,
                                                        grpc::CallbackServerContext& context,
                                                        const grpc::ByteBuffer& request,
                                                        const DeckRegistry& decks) {
  return new ExportCall(method, &context, request, decks);
}

}  // namespace farebox::server
