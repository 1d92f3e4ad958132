#include "server/services/account_service.h"

#include <string>
#include <utility>
#include <vector>

#include "server/services/account_fields.h"
#include "server/services/accounts.h"
#include "server/services/activity.h"
#include "server/services/content.h"
#include "server/services/export_activity.h"
#include "server/services/fields.h"
#include "server/services/page_token.h"
#include "server/services/reader_call.h"
#include "server/services/summary.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// Submits the change of an account, or ends the call where there is none; the answer is the account
// as the entry has it.
template <typename Call>
void SubmitChange(Ledger* ledger, absl::StatusOr<Command> command, Call* call) {
  if (!command.ok()) return call->Finish(command.status());
  command->deadline = call->deadline();
  std::vector<Command> submitted;
  submitted.push_back(*std::move(command));
  ledger->Submit(std::move(submitted), [call](std::vector<Outcome> outcomes) {
    const Outcome& outcome = outcomes[0];
    if (!outcome.status.ok()) return call->Finish(outcome.status);
    call->response()->set_replayed(outcome.replayed);
    call->Finish(FillAccount(outcome.entry, call->response()->mutable_account()));
  });
}

// A deck that an account names must be there: a wrong name would only show when nobody can call.
absl::Status CheckDeckExists(const DeckRegistry& decks, const v1::Account& account) {
  if (account.deck().empty() || decks.Find(account.deck()) != nullptr) return absl::OkStatus();
  return error::DeckNotFound(account.deck());
}

absl::StatusOr<Command> MakeOpen(const v1::CreateAccountRequest& request,
                                 const DeckRegistry& decks) {
  FAREBOX_RETURN_IF_ERROR(CheckNewAccount(request.account()));
  FAREBOX_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  FAREBOX_RETURN_IF_ERROR(CheckDeckExists(decks, request.account()));
  return Command{.account_id = request.account().account_id(),
                 .request_id = request.request_id(),
                 .fingerprint = FingerprintOf(request),
                 .action = OpeningOf(request.account())};
}

absl::StatusOr<Command> MakeUpdate(const v1::UpdateAccountRequest& request,
                                   const DeckRegistry& decks) {
  const v1::Account& account = request.account();
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(account.account_id(), "account.account_id"));
  FAREBOX_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  if (request.update_mask().paths().empty()) {
    return error::FieldInvalid("update_mask", "is required: the fields to take, e.g. email");
  }
  std::vector<std::string> fields;
  for (const std::string& field : request.update_mask().paths()) {
    FAREBOX_RETURN_IF_ERROR(CheckAccountField(account, field));
    if (field == "deck") FAREBOX_RETURN_IF_ERROR(CheckDeckExists(decks, account));
    fields.push_back(field);
  }
  Command command = {.account_id = account.account_id(),
                     .request_id = request.request_id(),
                     .fingerprint = FingerprintOf(request)};
  command.action =
      ChangeAccount{[account, fields = std::move(fields)](AccountRecord* record) -> absl::Status {
        for (const std::string& field : fields) TakeField(account, field, record);
        return absl::OkStatus();
      }};
  return command;
}

// Suspends, resumes or closes.
template <typename Request>
absl::StatusOr<Command> MakeStatusChange(const Request& request, ContentKind kind,
                                         AccountStatus status) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  Command command = {.account_id = request.account_id(),
                     .request_id = request.request_id(),
                     .fingerprint = Content(kind).Fingerprint()};
  command.action = ChangeAccount{[status](AccountRecord* record) {
    record->terms.status = status;
    return absl::OkStatus();
  }};
  return command;
}

absl::Status FillAccounts(const Ledger& ledger, const v1::ListAccountsRequest& request,
                          v1::ListAccountsResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(const Page page, ReadPage(request, "accounts"));
  std::vector<AccountFacts> accounts = ledger.ListAccounts(page.before, page.sought());
  CutPage(page, &AccountFacts::number, &accounts, response);
  for (const AccountFacts& account : accounts) FillAccount(account, response->add_accounts());
  return absl::OkStatus();
}

// The account that a change is about, for the audit log.
std::string DescribeAccount(const Ledger& ledger, const std::string& account_id) {
  const absl::StatusOr<AccountFacts> facts = ledger.FindAccount(account_id);
  if (!facts.ok()) return "";
  v1::Account account;
  FillAccount(*facts, &account);
  return AuditJson(account);
}

template <typename Request>
DescribeBefore DescribeAccountOf(const Ledger* ledger) {
  return [ledger](const google::protobuf::Message& message) {
    const auto& request = static_cast<const Request&>(message);
    if constexpr (requires { request.account_id(); }) {
      return DescribeAccount(*ledger, request.account_id());
    } else {
      return DescribeAccount(*ledger, request.account().account_id());
    }
  };
}

// Runs `fill(query, reader, response)` on a thread that may wait for a disk, and ends the call.
template <typename Query, typename Call, typename Fill>
void AskReader(ReaderPool* readers, absl::StatusOr<Query> query, Call* call, Fill fill) {
  if (!query.ok()) return call->Finish(query.status());
  AnswerOnReader(readers, call, [call, query = *std::move(query), fill](JournalReader& reader) {
    return fill(query, &reader, call->response());
  });
}

}  // namespace

AccountService::AccountService(const Parts& parts)
    : parts_(parts),
      create_account_(parts.environment, "farebox.v1.AccountService/CreateAccount"),
      get_account_(parts.environment, "farebox.v1.AccountService/GetAccount"),
      update_account_(parts.environment, "farebox.v1.AccountService/UpdateAccount", {},
                      DescribeAccountOf<v1::UpdateAccountRequest>(parts.ledger)),
      list_accounts_(parts.environment, "farebox.v1.AccountService/ListAccounts"),
      suspend_account_(parts.environment, "farebox.v1.AccountService/SuspendAccount", {},
                       DescribeAccountOf<v1::SuspendAccountRequest>(parts.ledger)),
      resume_account_(parts.environment, "farebox.v1.AccountService/ResumeAccount", {},
                      DescribeAccountOf<v1::ResumeAccountRequest>(parts.ledger)),
      close_account_(parts.environment, "farebox.v1.AccountService/CloseAccount", {},
                     DescribeAccountOf<v1::CloseAccountRequest>(parts.ledger)),
      list_activity_(parts.environment, "farebox.v1.AccountService/ListActivity"),
      export_activity_(parts.environment, "farebox.v1.AccountService/ExportActivity"),
      get_summary_(parts.environment, "farebox.v1.AccountService/GetSummary") {}

grpc::ServerUnaryReactor* AccountService::CreateAccount(Context* context, const Bytes* request,
                                                        Bytes* response) {
  using Call = UnaryCall<v1::CreateAccountRequest, v1::CreateAccountResponse>;
  return Call::Serve(create_account_, *context, *request, response, [this](Call* call) {
    SubmitChange(parts_.ledger, MakeOpen(call->request(), *parts_.decks), call);
  });
}

grpc::ServerUnaryReactor* AccountService::GetAccount(Context* context, const Bytes* request,
                                                     Bytes* response) {
  using Call = UnaryCall<v1::GetAccountRequest, v1::GetAccountResponse>;
  return Call::Serve(get_account_, *context, *request, response, [this](Call* call) {
    const absl::Status valid = CheckAccountId(call->request().account_id());
    if (!valid.ok()) return call->Finish(valid);
    const absl::StatusOr<AccountFacts> account =
        parts_.ledger->FindAccount(call->request().account_id());
    if (!account.ok()) return call->Finish(account.status());
    FillAccount(*account, call->response()->mutable_account());
    call->Finish(absl::OkStatus());
  });
}

grpc::ServerUnaryReactor* AccountService::UpdateAccount(Context* context, const Bytes* request,
                                                        Bytes* response) {
  using Call = UnaryCall<v1::UpdateAccountRequest, v1::UpdateAccountResponse>;
  return Call::Serve(update_account_, *context, *request, response, [this](Call* call) {
    SubmitChange(parts_.ledger, MakeUpdate(call->request(), *parts_.decks), call);
  });
}

grpc::ServerUnaryReactor* AccountService::ListAccounts(Context* context, const Bytes* request,
                                                       Bytes* response) {
  using Call = UnaryCall<v1::ListAccountsRequest, v1::ListAccountsResponse>;
  return Call::Serve(list_accounts_, *context, *request, response, [this](Call* call) {
    call->Finish(FillAccounts(*parts_.ledger, call->request(), call->response()));
  });
}

grpc::ServerUnaryReactor* AccountService::SuspendAccount(Context* context, const Bytes* request,
                                                         Bytes* response) {
  using Call = UnaryCall<v1::SuspendAccountRequest, v1::SuspendAccountResponse>;
  return Call::Serve(suspend_account_, *context, *request, response, [this](Call* call) {
    SubmitChange(
        parts_.ledger,
        MakeStatusChange(call->request(), ContentKind::kSuspendAccount, AccountStatus::kSuspended),
        call);
  });
}

grpc::ServerUnaryReactor* AccountService::ResumeAccount(Context* context, const Bytes* request,
                                                        Bytes* response) {
  using Call = UnaryCall<v1::ResumeAccountRequest, v1::ResumeAccountResponse>;
  return Call::Serve(resume_account_, *context, *request, response, [this](Call* call) {
    SubmitChange(
        parts_.ledger,
        MakeStatusChange(call->request(), ContentKind::kResumeAccount, AccountStatus::kOpen), call);
  });
}

grpc::ServerUnaryReactor* AccountService::CloseAccount(Context* context, const Bytes* request,
                                                       Bytes* response) {
  using Call = UnaryCall<v1::CloseAccountRequest, v1::CloseAccountResponse>;
  return Call::Serve(close_account_, *context, *request, response, [this](Call* call) {
    SubmitChange(
        parts_.ledger,
        MakeStatusChange(call->request(), ContentKind::kCloseAccount, AccountStatus::kClosed),
        call);
  });
}

grpc::ServerUnaryReactor* AccountService::ListActivity(Context* context, const Bytes* request,
                                                       Bytes* response) {
  using Call = UnaryCall<v1::ListActivityRequest, v1::ListActivityResponse>;
  return Call::Serve(list_activity_, *context, *request, response, [this](Call* call) {
    AskReader(parts_.readers, ReadActivityQuery(*parts_.ledger, call->request()), call,
              FillActivity);
  });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* AccountService::ExportActivity(Context* context,
                                                                           const Bytes* request) {
  return ServeActivityExport({.method = export_activity_,
                              .ledger = *parts_.ledger,
                              .readers = parts_.readers,
                              .exports = parts_.exports},
                             *context, *request);
}

grpc::ServerUnaryReactor* AccountService::GetSummary(Context* context, const Bytes* request,
                                                     Bytes* response) {
  using Call = UnaryCall<v1::GetSummaryRequest, v1::GetSummaryResponse>;
  return Call::Serve(get_summary_, *context, *request, response, [this](Call* call) {
    AskReader(parts_.readers, ReadSummaryQuery(*parts_.ledger, call->start_time(), call->request()),
              call, FillSummary);
  });
}

}  // namespace farebox::server
