#include "server/services/export_rates.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "farebox/v1/rate.pb.h"
#include "server/limits.h"
#include "server/rating/deck_csv.h"
#include "server/services/fields.h"
#include "server/services/message.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// Deletes itself.
class ExportCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  ExportCall(const RpcMethod& method, absl::StatusOr<std::shared_ptr<const LoadedDeck>> deck)
      : method_(method), start_(method.Now()) {
    if (!deck.ok()) {
      End(deck.status());
      return;
    }
    deck_ = *std::move(deck);
    csv_ = rating::DeckCsvHeader();
    Next();
  }

  void OnWriteDone(bool ok) override {
    const BlockedHandlers::Scope running = method_.Running();
    if (!ok) return End(absl::CancelledError());
    Next();
  }

  void OnDone() override { delete this; }

 private:
  void Next() {
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

  void End(const absl::Status& status) { Finish(method_.End(status, start_)); }

  const RpcMethod& method_;
  const absl::Time start_;

  // Used by one reaction at a time.
  std::shared_ptr<const LoadedDeck> deck_;
  uint32_t next_row_ = 0;
  std::string csv_;
  grpc::ByteBuffer piece_;
};

absl::StatusOr<std::shared_ptr<const LoadedDeck>> FindDeck(
    const RpcMethod& method, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes, const DeckRegistry& decks) {
  FAREBOX_ASSIGN_OR_RETURN(const CallerPtr caller, method.Admit(context));
  v1::ExportRatesRequest request;
  FAREBOX_RETURN_IF_ERROR(method.Parse(bytes, &request));
  FAREBOX_RETURN_IF_ERROR(method.CheckMayAsk(*caller, context, request));
  FAREBOX_RETURN_IF_ERROR(CheckDeckName(request.deck()));
  std::shared_ptr<const LoadedDeck> deck = decks.Find(request.deck());
  if (deck == nullptr) return error::DeckNotFound(request.deck());
  return deck;
}

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* ServeExport(const RpcMethod& method,
                                                        const grpc::CallbackServerContext& context,
                                                        const grpc::ByteBuffer& request,
                                                        const DeckRegistry& decks) {
  return new ExportCall(method, FindDeck(method, context, request, decks));
}

}  // namespace farebox::server
