#include "server/services/recharge_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/base/limits.h"
#include "server/recharge/limits.h"
#include "server/services/card_number.h"
#include "server/services/fields.h"
#include "server/services/lane_call.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// What the provider names: a setup, a card.
absl::Status CheckProviderId(absl::string_view value, absl::string_view field) {
  const bool is_id =
      !value.empty() && value.size() <= limits::kProviderIdBytesMax && !HasCardNumber(value);
  return is_id ? absl::OkStatus() : error::FieldInvalid(field, "is required, as it was given out");
}

// Whether a browser that is sent there goes where the text seems to lead.
bool IsSafe(absl::string_view url) {
  const auto is_plain = [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '@' && c != '\\';
  };
  if (!std::all_of(url.begin(), url.end(), is_plain)) return false;
  if (absl::ConsumePrefix(&url, "https://")) return !url.empty();
  if (!absl::ConsumePrefix(&url, "http://")) return false;
  const absl::string_view host = url.substr(0, url.find_first_of(":/?#"));
  return host == "localhost" || host == "127.0.0.1";
}

absl::Status Check(const v1::GetAutoRechargeRequest& request) {
  return CheckAccountId(request.account_id());
}

absl::Status Check(const v1::UpdateAutoRechargeRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  // Without it, nobody has asked to switch anything off.
  if (request.has_auto_recharge()) return absl::OkStatus();
  return error::FieldInvalid("auto_recharge", "is required");
}

absl::Status Check(const v1::RetryRechargeRequest& request) {
  return CheckAccountId(request.account_id());
}

absl::Status Check(const v1::GetCardRequest& request) {
  return CheckAccountId(request.account_id());
}

absl::Status Check(const v1::ListRechargesRequest& request) {
  return CheckAccountId(request.account_id());
}

absl::Status Check(const v1::PayRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  return CheckAmount(request.amount_micros(), "amount_micros");
}

absl::Status Check(const v1::StartCardSetupRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  const std::string& url = request.return_url();
  if (url.empty() || (IsSafe(url) && url.size() <= limits::kUrlBytesMax)) return absl::OkStatus();
  return error::FieldInvalid("return_url", "must be https, or http on this machine");
}

absl::Status Check(const v1::CompleteCardSetupRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  return CheckProviderId(request.setup_id(), "setup_id");
}

absl::Status Check(const v1::DeleteCardRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  return CheckProviderId(request.card_id(), "card_id");
}

absl::Status Check(const v1::ReconcileRechargesRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckTimestamp(request.from_time(), "from_time"));
  return CheckTimestamp(request.to_time(), "to_time");
}

// Charges have the account's lane; what only reads or changes settings waits neither for them nor
// for the provider.
enum class Lane { kCharges, kSettings, kProvider };

template <typename Request>
std::string LaneOf(const Request& request) {
  return request.account_id();
}

// One at a time: it is about all accounts.
std::string LaneOf(const v1::ReconcileRechargesRequest&) { return "all recharges"; }

// What answers one call by a function of the desk.
template <typename Request, typename Response>
Lanes::Work WorkOf(const RechargeService::Parts& parts,
                   absl::Status (RechargeDesk::*function)(const Request&, Response*),
                   UnaryCall<Request, Response>* call) {
  return AnswerInTurnIfAwaited(
      call, [desk = parts.desk, function](UnaryCall<Request, Response>* answered) {
        return (desk->*function)(answered->request(), answered->response());
      });
}

// What takes long: nobody who has gone away keeps it going, and no stop waits for it.
template <typename Request, typename Response>
Lanes::Work WorkOf(const RechargeService::Parts& parts,
                   absl::Status (RechargeDesk::*function)(const Request&, Response*,
                                                          PaymentGateway::ShouldContinue),
                   UnaryCall<Request, Response>* call) {
  return AnswerInTurn(call, [&parts, function](UnaryCall<Request, Response>* answered) {
    const absl::Status status =
        (parts.desk->*function)(answered->request(), answered->response(),
                                [&] { return !parts.is_ending() && !answered->is_given_up(); });
    const bool is_shut_down = absl::IsCancelled(status) && parts.is_ending();
    return is_shut_down ? error::ShuttingDown() : status;
  });
}

// Serves one call by a function of the desk.
template <typename Request, typename Response, typename... Long>
grpc::ServerUnaryReactor* Serve(const RpcMethod& method, grpc::CallbackServerContext& context,
                                const grpc::ByteBuffer& request, grpc::ByteBuffer* response,
                                const RechargeService::Parts& parts, Lane lane,
                                absl::Status (RechargeDesk::*function)(const Request&, Response*,
                                                                       Long...)) {
  using Call = UnaryCall<Request, Response>;
  return Call::Serve(method, context, request, response, [&parts, lane, function](Call* call) {
    const absl::Status valid = Check(call->request());
    if (!valid.ok()) return call->Finish(valid);
    Lanes::Work work = WorkOf(parts, function, call);
    // By value: the work takes the call along.
    std::string name = LaneOf(call->request());
    switch (lane) {
      case Lane::kCharges:
        parts.worker->Run(name, std::move(work));
        break;
      case Lane::kSettings:
        parts.settings->Post(std::move(name), std::move(work));
        break;
      case Lane::kProvider:
        parts.provider->Post(std::move(name), std::move(work));
        break;
    }
  });
}

// The settings or the cards that a change is about, for the audit log.
template <typename Request, typename Question, typename Answer>
DescribeBefore DescribeBy(RechargeDesk* desk,
                          absl::Status (RechargeDesk::*function)(const Question&, Answer*)) {
  return [desk, function](const google::protobuf::Message& message) -> std::string {
    Question question;
    question.set_account_id(static_cast<const Request&>(message).account_id());
    Answer answer;
    return (desk->*function)(question, &answer).ok() ? AuditJson(answer) : "";
  };
}

constexpr RpcBounds kWithProvider = {.default_timeout = limits::kProviderTimeout};
constexpr RpcBounds kWithList = {.default_timeout = limits::kReconciliationTimeout};

}  // namespace

RechargeService::RechargeService(const Parts& parts)
    : parts_(parts),
      pay_(parts.environment, "farebox.v1.RechargeService/Pay", kWithProvider),
      get_auto_recharge_(parts.environment, "farebox.v1.RechargeService/GetAutoRecharge"),
      update_auto_recharge_(
          parts.environment, "farebox.v1.RechargeService/UpdateAutoRecharge", {},
          DescribeBy<v1::UpdateAutoRechargeRequest>(parts.desk, &RechargeDesk::GetAutoRecharge)),
      retry_recharge_(parts.environment, "farebox.v1.RechargeService/RetryRecharge"),
      start_card_setup_(parts.environment, "farebox.v1.RechargeService/StartCardSetup",
                        kWithProvider),
      complete_card_setup_(
          parts.environment, "farebox.v1.RechargeService/CompleteCardSetup", kWithProvider,
          DescribeBy<v1::CompleteCardSetupRequest>(parts.desk, &RechargeDesk::GetCard)),
      get_card_(parts.environment, "farebox.v1.RechargeService/GetCard"),
      delete_card_(parts.environment, "farebox.v1.RechargeService/DeleteCard", {},
                   DescribeBy<v1::DeleteCardRequest>(parts.desk, &RechargeDesk::GetCard)),
      list_recharges_(parts.environment, "farebox.v1.RechargeService/ListRecharges"),
      reconcile_recharges_(parts.environment, "farebox.v1.RechargeService/ReconcileRecharges",
                           kWithList) {}

grpc::ServerUnaryReactor* RechargeService::Pay(Context* context, const Bytes* request,
                                               Bytes* response) {
  return Serve(pay_, *context, *request, response, parts_, Lane::kCharges, &RechargeDesk::Pay);
}

grpc::ServerUnaryReactor* RechargeService::GetAutoRecharge(Context* context, const Bytes* request,
                                                           Bytes* response) {
  return Serve(get_auto_recharge_, *context, *request, response, parts_, Lane::kSettings,
               &RechargeDesk::GetAutoRecharge);
}

grpc::ServerUnaryReactor* RechargeService::UpdateAutoRecharge(Context* context,
                                                              const Bytes* request,
                                                              Bytes* response) {
  return Serve(update_auto_recharge_, *context, *request, response, parts_, Lane::kSettings,
               &RechargeDesk::UpdateAutoRecharge);
}

grpc::ServerUnaryReactor* RechargeService::RetryRecharge(Context* context, const Bytes* request,
                                                         Bytes* response) {
  return Serve(retry_recharge_, *context, *request, response, parts_, Lane::kSettings,
               &RechargeDesk::RetryRecharge);
}

grpc::ServerUnaryReactor* RechargeService::StartCardSetup(Context* context, const Bytes* request,
                                                          Bytes* response) {
  return Serve(start_card_setup_, *context, *request, response, parts_, Lane::kProvider,
               &RechargeDesk::StartCardSetup);
}

grpc::ServerUnaryReactor* RechargeService::CompleteCardSetup(Context* context, const Bytes* request,
                                                             Bytes* response) {
  return Serve(complete_card_setup_, *context, *request, response, parts_, Lane::kProvider,
               &RechargeDesk::CompleteCardSetup);
}

grpc::ServerUnaryReactor* RechargeService::GetCard(Context* context, const Bytes* request,
                                                   Bytes* response) {
  return Serve(get_card_, *context, *request, response, parts_, Lane::kSettings,
               &RechargeDesk::GetCard);
}

grpc::ServerUnaryReactor* RechargeService::DeleteCard(Context* context, const Bytes* request,
                                                      Bytes* response) {
  return Serve(delete_card_, *context, *request, response, parts_, Lane::kSettings,
               &RechargeDesk::DeleteCard);
}

grpc::ServerUnaryReactor* RechargeService::ListRecharges(Context* context, const Bytes* request,
                                                         Bytes* response) {
  return Serve(list_recharges_, *context, *request, response, parts_, Lane::kSettings,
               &RechargeDesk::ListRecharges);
}

grpc::ServerUnaryReactor* RechargeService::ReconcileRecharges(Context* context,
                                                              const Bytes* request,
                                                              Bytes* response) {
  return Serve(reconcile_recharges_, *context, *request, response, parts_, Lane::kProvider,
               &RechargeDesk::ReconcileRecharges);
}

}  // namespace farebox::server
