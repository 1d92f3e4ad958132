#include "server/services/audited_call.h"

#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/errors.h"
#include "server/base/rpc_metrics.h"
#include "storage/errors.h"

namespace farebox::server {
namespace {

// What goes on with a call once its lines are written. Where they are dropped it goes on too: its
// caller waits for an answer.
class Continuation {
 public:
  explicit Continuation(absl::AnyInvocable<void(const absl::Status&)> then)
      : then_(std::move(then)) {}
  ~Continuation() {
    if (then_ != nullptr) then_(error::ShuttingDown());
  }
  Continuation(Continuation&& other) noexcept : then_(std::exchange(other.then_, nullptr)) {}
  Continuation& operator=(Continuation&&) = delete;

  void operator()(const absl::Status& noted) { std::exchange(then_, nullptr)(noted); }

 private:
  absl::AnyInvocable<void(const absl::Status&)> then_;
};

}  // namespace

AuditedCall::AuditedCall(AuditLog* log, v1::AuditRecord about,
                         const google::protobuf::Message& request,
                         const DescribeBefore* describe_before, Lanes::Turn turn)
    : about_(std::move(about)),
      request_(request),
      describe_before_(describe_before),
      change_(log, turn) {}

v1::AuditRecord AuditedCall::Line(v1::AuditEvent event, AuditText* text) const {
  v1::AuditRecord line = about_;
  line.set_event(event);
  line.set_account_id(std::move(text->account_id));
  line.set_request_id(std::move(text->request_id));
  return line;
}

void AuditedCall::Begin(absl::AnyInvocable<void(const absl::Status&)> then) {
  std::vector<v1::AuditRecord> asked;
  for (AuditText& text : RequestTexts(request_)) {
    asked.push_back(Line(v1::AUDIT_EVENT_ASKED, &text));
    asked.back().set_request_json(std::move(text.json));
  }
  // Both are there until `then` is called or dropped.
  auto describe = [&describe = *describe_before_, &request = request_] {
    return describe == nullptr ? "" : describe(request);
  };
  change_.Begin(std::move(asked), describe, Continuation(std::move(then)));
}

void AuditedCall::End(const absl::Status& status, const google::protobuf::Message& response,
                      absl::AnyInvocable<void()> then) {
  const absl::string_view code = CodeName(ToGrpcStatus(status).error_code());
  std::vector<v1::AuditRecord> answered;
  for (AuditText& text : ResponseTexts(request_, response, status.ok())) {
    v1::AuditRecord& line = answered.emplace_back(Line(v1::AUDIT_EVENT_ANSWERED, &text));
    line.set_code(std::string(code));
    line.set_after_json(std::move(text.json));
    if (!status.ok()) line.set_problem(std::string(status.message()));
  }
  change_.End(std::move(answered), std::move(then));
}

}  // namespace farebox::server
