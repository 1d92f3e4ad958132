#include "tests/support/server_load.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "farebox/v1/account.grpc.pb.h"
#include "farebox/v1/operations.grpc.pb.h"
#include "farebox/v1/rate.grpc.pb.h"
#include "storage/check.h"
#include "storage/status_macros.h"

namespace farebox::testing {
namespace {

constexpr char kDeckName[] = "load";
constexpr char kDeck[] =
    "item,prefix,connect_fee,rate_per_minute,initial_increment,increment\n"
    "OUTBOUND_CALL,44,0.01,0.02,6,6\n";
// Of a call that is not a caller's.
constexpr std::chrono::seconds kTimeout(60);

absl::Status ToStatus(const grpc::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat(what, ": ", status.error_message()));
}

// Calls one RPC and waits for its answer.
template <typename Stub, typename Method, typename Request, typename Response>
absl::Status Call(Stub& stub, Method method, const Request& request, Response* response) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  return ToStatus((stub.*method)(&context, request, response), Request::descriptor()->name());
}

history::Entry ToHistory(const v1::Entry& entry) {
  return {.entry_id = entry.entry_id(),
          .account_id = entry.account_id(),
          .request_id = entry.request_id(),
          .amount_micros = entry.amount_micros(),
          .balance_after_micros = entry.balance_after_micros(),
          .held_change_micros = entry.held_change_micros(),
          .held_after_micros = entry.held_after_micros(),
          .decline = entry.kind() == v1::ENTRY_KIND_DECLINE,
          .overrun = entry.overrun(),
          .late = entry.late(),
          .recharge = false};
}

}  // namespace

ServerLoad::ServerLoad(Options options)
    : options_(std::move(options)), channel_(ConnectTo(options_.address)) {
  for (int i = 0; i < options_.accounts; ++i) account_ids_.push_back(absl::StrCat("account-", i));
}

ServerLoad::~ServerLoad() {
  is_abandoned_ = true;
  Stop();
}

// ---- Before

absl::Status ServerLoad::Prepare() {
  FAREBOX_RETURN_IF_ERROR(ImportDeck());
  for (const std::string& account_id : account_ids_) {
    FAREBOX_ASSIGN_OR_RETURN(const int64_t credited, OpenAccount(account_id));
    history::Account& account = accounts_[account_id];
    account.start_entry_id = credited;
    account.start_balance_micros = options_.opening_micros;
  }
  return absl::OkStatus();
}

absl::Status ServerLoad::ImportDeck() {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  v1::ImportRatesResponse imported;
  const auto writer = v1::RateService::NewStub(channel_)->ImportRates(&context, &imported);
  v1::ImportRatesRequest piece;
  piece.set_deck(kDeckName);
  piece.set_csv(kDeck);
  writer->Write(piece);
  writer->WritesDone();
  return ToStatus(writer->Finish(), "ImportRates");
}

absl::StatusOr<int64_t> ServerLoad::OpenAccount(const std::string& account_id) {
  v1::CreateAccountRequest create;
  create.set_request_id("create");
  create.mutable_account()->set_account_id(account_id);
  create.mutable_account()->set_currency_code("USD");
  create.mutable_account()->set_deck(kDeckName);
  v1::CreateAccountResponse created;
  const auto accounts = v1::AccountService::NewStub(channel_);
  FAREBOX_RETURN_IF_ERROR(
      Call(*accounts, &v1::AccountService::Stub::CreateAccount, create, &created));

  v1::CreditRequest credit;
  credit.set_account_id(account_id);
  credit.set_request_id("opening");
  credit.set_amount_micros(options_.opening_micros);
  credit.set_reason(v1::CREDIT_REASON_PAYMENT);
  v1::CreditResponse credited;
  const auto billing = v1::BillingService::NewStub(channel_);
  FAREBOX_RETURN_IF_ERROR(Call(*billing, &v1::BillingService::Stub::Credit, credit, &credited));
  return credited.entry().entry_id();
}

// ---- Meanwhile

Caller::Options ServerLoad::CallerOptions(int number) const {
  return {.address = options_.address,
          .number = number,
          .seed = options_.seed * 1'000 + static_cast<uint64_t>(number),
          .account_ids = account_ids_,
          .patience = options_.patience};
}

void ServerLoad::Start() {
  FAREBOX_CHECK(threads_.empty());
  is_stopping_ = false;
  for (int i = 0; i < options_.callers; ++i) {
    threads_.emplace_back([this, number = next_caller_++] {
      Caller caller(CallerOptions(number), &log_, &is_abandoned_);
      while (!is_stopping_ && !is_abandoned_) caller.Act();
    });
  }
}

void ServerLoad::Stop() {
  is_stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ServerLoad::ReadBalances() {
  Caller caller(CallerOptions(next_caller_++), &log_, &is_abandoned_);
  for (const std::string& account_id : account_ids_) caller.Read(account_id);
}

// ---- Afterwards

absl::Status ServerLoad::RememberJournal() {
  earlier_entries_.clear();
  return ReadJournal(&earlier_entries_);
}

absl::Status ServerLoad::ReadJournal(std::vector<history::Entry>* entries) {
  for (const std::string& account_id : account_ids_) {
    FAREBOX_RETURN_IF_ERROR(ReadJournalOf(account_id, entries));
  }
  return absl::OkStatus();
}

absl::Status ServerLoad::ReadJournalOf(const std::string& account_id,
                                       std::vector<history::Entry>* entries) {
  const auto stub = v1::AccountService::NewStub(channel_);
  v1::ListActivityRequest request;
  request.set_account_id(account_id);
  request.set_show(v1::ACTIVITY_SHOW_JOURNAL);
  request.set_page_size(500);
  do {
    v1::ListActivityResponse page;
    FAREBOX_RETURN_IF_ERROR(Call(*stub, &v1::AccountService::Stub::ListActivity, request, &page));
    for (const v1::Entry& entry : page.entries()) {
      if (entry.entry_id() > accounts_[account_id].start_entry_id) {
        entries->push_back(ToHistory(entry));
      }
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

absl::Status ServerLoad::ReadEndBalances() {
  const auto stub = v1::BillingService::NewStub(channel_);
  for (auto& [account_id, account] : accounts_) {
    v1::GetBalanceRequest request;
    request.set_account_id(account_id);
    v1::GetBalanceResponse response;
    FAREBOX_RETURN_IF_ERROR(Call(*stub, &v1::BillingService::Stub::GetBalance, request, &response));
    account.end_balance_micros = response.balance_micros();
    account.end_held_micros = response.held_micros();
  }
  return absl::OkStatus();
}

absl::Status ServerLoad::Verify() {
  v1::VerifyResponse verified;
  const auto stub = v1::OperationsService::NewStub(channel_);
  FAREBOX_RETURN_IF_ERROR(
      Call(*stub, &v1::OperationsService::Stub::Verify, v1::VerifyRequest(), &verified));
  return verified.ok() ? absl::OkStatus() : absl::DataLossError(verified.problem());
}

std::vector<history::Violation> ServerLoad::FindViolations() {
  FAREBOX_CHECK(threads_.empty());
  history::History history = log_.history();
  absl::Status status = ReadEndBalances();
  if (status.ok()) status = ReadJournal(&history.entries);
  if (!status.ok()) {
    return {
        {history::Check::kKept, absl::StrCat("The ledger cannot be judged: ", status.message())}};
  }

  history.earlier_entries = earlier_entries_;
  history.accounts = accounts_;
  entries_checked_ = static_cast<int64_t>(history.entries.size());
  std::vector<history::Violation> violations = history::FindViolations(history);
  if (const absl::Status verified = Verify(); !verified.ok()) {
    violations.push_back(
        {history::Check::kSums, absl::StrCat("The journal does not verify: ", verified.message())});
  }
  return violations;
}

}  // namespace farebox::testing
