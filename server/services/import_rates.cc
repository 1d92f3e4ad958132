#include "server/services/import_rates.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "farebox/v1/rate.pb.h"
#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/rating/deck_csv.h"
#include "server/services/fields.h"
#include "server/services/message.h"
#include "server/services/rate_decks.h"
#include "server/services/standing_caller.h"
#include "storage/errors.h"
#include "storage/mutex.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

absl::StatusOr<std::shared_ptr<const rating::RateDeck>> ParseDeck(const std::string& csv) {
  rating::DeckCsvParser parser;
  parser.Feed(csv);
  rating::DeckCsvParser::Result result = std::move(parser).Finish();
  if (result.deck != nullptr) return std::move(result.deck);
  std::vector<std::string> problems;
  for (const rating::DeckCsvError& error : result.errors) {
    problems.push_back(rating::ToString(error));
  }
  return FieldProblems("csv", problems);
}

// Reads a deck to its end, has it imported, and answers. Deletes itself.
class ImportCall final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  ImportCall(const RpcMethod& method, grpc::CallbackServerContext* context, DeckImporter* importer,
             grpc::ByteBuffer* response)
      : method_(method), context_(context, method.Now()), importer_(importer), response_(response) {
    const absl::Status taken = Admit();
    if (taken.ok()) {
      StartRead(&piece_);
    } else {
      End(taken);
    }
  }

  void OnReadDone(bool ok) override {
    const BlockedHandlers::Scope running = method_.Running();
    if (is_ended_) return;
    // The caller has sent everything, or is gone: gRPC says it alike. Only to one who is there can
    // something be sent.
    if (!ok) return StartSendInitialMetadata();
    const absl::Status taken = TakePiece();
    if (taken.ok()) {
      StartRead(&piece_);
    } else {
      End(taken);
    }
  }

  void OnSendInitialMetadataDone(bool ok) override {
    const BlockedHandlers::Scope running = method_.Running();
    if (!ok || is_cancelled_.load() || context_.grpc().IsCancelled()) {
      return End(absl::CancelledError());
    }
    TakeEnd();
  }

  void OnCancel() override {
    method_.NoteCancelled(context_);
    is_cancelled_.store(true);
  }

  void OnDone() override { delete this; }

 private:
  absl::Status Admit() {
    FAREBOX_RETURN_IF_ERROR(method_.Admit(&context_, 0));
    FAREBOX_RETURN_IF_ERROR(method_.CheckMayAsk(&context_, about_));
    // Not before it is known who asks: strangers would take the places.
    has_place_ = importer_->Enter();
    return has_place_ ? absl::OkStatus() : error::Overloaded();
  }

  absl::Status TakePiece() {
    method_.NoteBytes(context_, piece_.Length());
    FAREBOX_RETURN_IF_ERROR(caller_.Check());
    v1::ImportRatesRequest request;
    FAREBOX_RETURN_IF_ERROR(method_.Parse(piece_, &request));
    if (name_.empty()) {
      FAREBOX_RETURN_IF_ERROR(CheckDeckName(request.deck()));
      name_ = request.deck();
    } else if (!request.deck().empty() && request.deck() != name_) {
      return error::FieldInvalid("deck", "must not change within one import");
    }
    if (csv_.size() + request.csv().size() > limits::kDeckBytesMax) {
      return MessageTooLarge(csv_.size() + request.csv().size(), limits::kDeckBytesMax);
    }
    csv_ += request.csv();
    return absl::OkStatus();
  }

  // The caller has sent everything.
  void TakeEnd() {
    const absl::Status known = caller_.Check();
    if (!known.ok()) return End(known);
    if (name_.empty()) return End(error::FieldInvalid("deck", "is required"));
    about_.set_deck(name_);
    audited_ = method_.Audit(&context_, about_);
    if (audited_ == nullptr) return Import();
    audited_->Begin([this](const absl::Status& noted) {
      if (noted.ok()) return Import();
      End(noted);
    });
  }

  void Import() {
    importer_->Import(std::move(name_), std::move(csv_),
                      [this](const absl::StatusOr<DeckVersion>& version) {
                        if (version.ok()) NoteImported(*version);
                        End(version.status());
                      });
  }

  void NoteImported(const DeckVersion& version) {
    FillRateDeck(version, /*is_current=*/true, answer_.mutable_rate_deck());
    Log(LogLevel::kInfo, "deck_imported",
        {{"deck", version.name},
         {"version", version.version},
         {"rates", version.row_count},
         {"trace_id", TraceIdText(context_.trace())}});
  }

  // The place is free before the caller hears of it: its next import must not find it taken.
  void End(const absl::Status& status) {
    is_ended_ = true;
    csv_ = std::string();
    if (has_place_) importer_->Leave();
    if (audited_ == nullptr) return Answer(status);
    audited_->End(status, answer_, [this, status] { Answer(status); });
  }

  void Answer(const absl::Status& status) {
    if (status.ok()) *response_ = SerializeMessage(answer_);
    Finish(method_.End(status, &about_, &context_));
  }

  const RpcMethod& method_;
  CallContext context_;
  StandingCaller caller_{method_, context_};
  DeckImporter* const importer_;
  grpc::ByteBuffer* const response_;

  // Used by one reaction at a time.
  bool has_place_ = false;
  grpc::ByteBuffer piece_;
  std::string name_;
  std::string csv_;
  bool is_ended_ = false;
  // What the audit log is told: the deck, without its rates.
  v1::ImportRatesRequest about_;
  v1::ImportRatesResponse answer_;
  std::unique_ptr<AuditedCall> audited_;

  std::atomic<bool> is_cancelled_{false};
};

}  // namespace

bool DeckImporter::Enter() {
  if (entered_.fetch_add(1) < limits::kImportsMax) return true;
  entered_.fetch_sub(1);
  return false;
}

void DeckImporter::Leave() { entered_.fetch_sub(1); }

void DeckImporter::Import(std::string name, std::string csv, Done done) {
  auto shared_done = std::make_shared<Done>(std::move(done));
  const absl::Status queued =
      parts_.readers->Run([this, name = std::move(name), csv = std::move(csv),
                           shared_done](JournalReader&) { (*shared_done)(ImportNow(name, csv)); });
  if (!queued.ok()) (*shared_done)(queued);
}

absl::StatusOr<DeckVersion> DeckImporter::ImportNow(const std::string& name,
                                                    const std::string& csv) {
  FAREBOX_ASSIGN_OR_RETURN(std::shared_ptr<const rating::RateDeck> rates, ParseDeck(csv));

  int64_t deck_id = 0;
  FAREBOX_RETURN_IF_ERROR(Change([&](Catalog& catalog) -> absl::Status {
    FAREBOX_ASSIGN_OR_RETURN(deck_id, catalog.BeginDeck(name));
    return absl::OkStatus();
  }));
  for (size_t begin = 0; begin < csv.size(); begin += limits::kDeckPieceBytes) {
    const absl::string_view piece = absl::string_view(csv).substr(begin, limits::kDeckPieceBytes);
    FAREBOX_RETURN_IF_ERROR(
        Change([&](Catalog& catalog) { return catalog.AppendDeck(deck_id, piece); }));
  }
  DeckVersion version;
  FAREBOX_RETURN_IF_ERROR(Change([&](Catalog& catalog) -> absl::Status {
    FAREBOX_ASSIGN_OR_RETURN(version, catalog.SealDeck(deck_id, static_cast<int64_t>(rates->size()),
                                                       parts_.clock->Now()));
    return absl::OkStatus();
  }));
  parts_.decks->Put({.version = version, .rates = std::move(rates)});
  return version;
}

absl::Status DeckImporter::Change(std::function<absl::Status(Catalog&)> change) {
  Mutex mu;
  CondVar answered;
  std::optional<absl::Status> result;
  parts_.ledger->SubmitCatalogChange(std::move(change), [&](absl::Status status) {
    MutexLock lock(&mu);
    result = std::move(status);
    answered.SignalOne();
  });
  MutexLock lock(&mu);
  while (!result.has_value()) answered.Wait(&mu);
  return *std::move(result);
}

grpc::ServerReadReactor<grpc::ByteBuffer>* ServeImport(const RpcMethod& method,
                                                       grpc::CallbackServerContext& context,
                                                       DeckImporter* importer,
                                                       grpc::ByteBuffer* response) {
  return new ImportCall(method, &context, importer, response);
}

}  // namespace farebox::server
