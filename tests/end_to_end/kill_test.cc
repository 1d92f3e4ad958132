// Kills the real server again and again, at random moments under load, and looks whether anything
// that was answered is lost, or anything happened twice.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "farebox/v1/account.grpc.pb.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "farebox/v1/operations.grpc.pb.h"
#include "farebox/v1/rate.grpc.pb.h"
#include "storage/mutex.h"
#include "tests/support/history_check.h"
#include "tests/support/server_process.h"

namespace farebox {
namespace {

constexpr int kAccounts = 8;
constexpr int kWorkers = 6;
constexpr int64_t kOpeningMicros = 50'000'000;
constexpr char kDeck[] =
    "item,prefix,connect_fee,rate_per_minute,initial_increment,increment\n"
    "OUTBOUND_CALL,44,0.01,0.02,6,6\n";

int KillCount() {
  const char* const text = std::getenv("FAREBOX_KILLS");
  int count = 20;
  if (text != nullptr) {
    EXPECT_TRUE(absl::SimpleAtoi(text, &count));
  }
  return count;
}

int64_t NowNanos() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

std::string AccountId(int index) { return absl::StrCat("kill-", index); }

// What all workers saw. Thread-safe.
class Log {
 public:
  void Add(history::Operation operation) {
    MutexLock lock(&mu_);
    operations_.push_back(std::move(operation));
  }
  std::vector<history::Operation> Take() {
    MutexLock lock(&mu_);
    return std::move(operations_);
  }

 private:
  Mutex mu_;
  std::vector<history::Operation> operations_ ABSL_GUARDED_BY(mu_);
};

// Whether the server may not have answered for good.
bool IsTransient(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED ||
         status.error_code() == grpc::StatusCode::CANCELLED;
}

// One client that repeats each request, under its id, until it has an answer.
class Worker {
 public:
  Worker(const std::string& address, int number, Log* log)
      : number_(number),
        log_(*log),
        random_(static_cast<uint64_t>(number) + 1),
        stub_(v1::BillingService::NewStub(Channel(address, number))) {}

  void Run(const std::atomic<bool>& stop) {
    while (!stop) {
      switch (random_() % 4) {
        case 0:
          Debit();
          break;
        case 1:
          Credit();
          break;
        default:
          Call();
      }
    }
  }

 private:
  static std::shared_ptr<grpc::Channel> Channel(const std::string& address, int number) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("worker", number);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  }

  std::string AnyAccount() { return AccountId(static_cast<int>(random_() % kAccounts)); }
  std::string NextRequestId() { return absl::StrCat("w", number_, "-", next_request_++); }

  // Sends until it is answered for good, and logs every sending as an operation of its own.
  template <typename Request, typename Response, typename Method, typename Describe>
  bool Ask(Method method, const Request& request, Response* response, const Describe& describe) {
    while (true) {
      history::Operation operation;
      operation.account_id = request.account_id();
      operation.request_id = request.request_id();
      operation.sent_at_nanos = NowNanos();
      grpc::ClientContext context;
      context.set_wait_for_ready(true);
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
      const grpc::Status status = (stub_.get()->*method)(&context, request, response);
      operation.answered_at_nanos = NowNanos();
      if (IsTransient(status)) {
        log_.Add(std::move(operation));
        continue;
      }
      operation.outcome = history::Outcome::kRefused;
      if (status.ok()) describe(*response, &operation);
      const bool applied = operation.outcome == history::Outcome::kApplied;
      log_.Add(std::move(operation));
      return applied;
    }
  }

  void Debit() {
    v1::DebitRequest request;
    request.set_account_id(AnyAccount());
    request.set_request_id(NextRequestId());
    request.set_amount_micros(1 + static_cast<int64_t>(random_() % 40'000));
    request.set_item(v1::ITEM_OUTGOING_TEXT);
    AskForEntry<v1::DebitResponse>(&v1::BillingService::Stub::Debit, request);
  }

  void Credit() {
    v1::CreditRequest request;
    request.set_account_id(AnyAccount());
    request.set_request_id(NextRequestId());
    request.set_amount_micros(1 + static_cast<int64_t>(random_() % 20'000));
    request.set_reason(v1::CREDIT_REASON_PAYMENT);
    AskForEntry<v1::CreditResponse>(&v1::BillingService::Stub::Credit, request);
  }

  void Call() {
    v1::AuthorizeRequest request;
    request.set_account_id(AnyAccount());
    request.set_request_id(NextRequestId());
    v1::Call* const call = request.mutable_usage()->mutable_call();
    call->set_direction(v1::DIRECTION_OUTBOUND);
    call->set_from("12025550123");
    call->set_to("442071838750");
    request.set_requested_seconds(60);
    v1::AuthorizeResponse granted;
    const bool is_granted =
        Ask(&v1::BillingService::Stub::Authorize, request, &granted,
            [](const v1::AuthorizeResponse& response, history::Operation* operation) {
              if (response.decision() != v1::DECISION_GRANTED) return;
              operation->outcome = history::Outcome::kApplied;
              operation->entry_id = response.hold_id();
              operation->amount_micros = 0;
              operation->available_after_micros = response.available_micros();
              operation->replayed = response.replayed();
            });
    if (is_granted) EndCall(request.account_id(), granted.hold_id());
  }

  void EndCall(const std::string& account_id, int64_t hold_id) {
    if (random_() % 3 == 0) {
      v1::ReleaseRequest request;
      request.set_account_id(account_id);
      request.set_request_id(NextRequestId());
      request.set_hold_id(hold_id);
      AskForEntry<v1::ReleaseResponse>(&v1::BillingService::Stub::Release, request);
      return;
    }
    v1::DebitRequest request;
    request.set_account_id(account_id);
    request.set_request_id(NextRequestId());
    request.mutable_settlement()->set_hold_id(hold_id);
    request.mutable_settlement()->set_used_seconds(static_cast<int64_t>(random_() % 70));
    AskForEntry<v1::DebitResponse>(&v1::BillingService::Stub::Debit, request);
  }

  template <typename Response, typename Request, typename Method>
  void AskForEntry(Method method, const Request& request) {
    Response response;
    Ask(method, request, &response, [](const Response& answer, history::Operation* operation) {
      operation->outcome = history::Outcome::kApplied;
      operation->entry_id = answer.entry().entry_id();
      operation->amount_micros = answer.entry().amount_micros();
      operation->balance_after_micros = answer.entry().balance_after_micros();
      operation->held_after_micros = answer.entry().held_after_micros();
      operation->replayed = answer.replayed();
    });
  }

  const int number_;
  Log& log_;
  std::mt19937_64 random_;
  const std::unique_ptr<v1::BillingService::Stub> stub_;
  int64_t next_request_ = 0;
};

class KillTest : public ::testing::Test {
 protected:
  KillTest() : server_({FAREBOX_SERVER_BINARY, directory_.path() + "/ledger", {}}) {
    EXPECT_TRUE(server_.Start().ok());
    channel_ = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  }

  void Prepare() {
    grpc::ClientContext import_context;
    v1::ImportRatesResponse imported;
    const auto writer = v1::RateService::NewStub(channel_)->ImportRates(&import_context, &imported);
    v1::ImportRatesRequest piece;
    piece.set_deck("kill");
    piece.set_csv(kDeck);
    writer->Write(piece);
    writer->WritesDone();
    ASSERT_TRUE(writer->Finish().ok());
    for (int i = 0; i < kAccounts; ++i) {
      grpc::ClientContext context;
      v1::CreateAccountRequest request;
      v1::CreateAccountResponse response;
      request.set_request_id("create");
      request.mutable_account()->set_account_id(AccountId(i));
      request.mutable_account()->set_currency_code("USD");
      request.mutable_account()->set_deck("kill");
      ASSERT_TRUE(
          v1::AccountService::NewStub(channel_)->CreateAccount(&context, request, &response).ok());
      grpc::ClientContext credit_context;
      v1::CreditRequest credit;
      v1::CreditResponse credited;
      credit.set_account_id(AccountId(i));
      credit.set_request_id("opening");
      credit.set_amount_micros(kOpeningMicros);
      credit.set_reason(v1::CREDIT_REASON_PAYMENT);
      ASSERT_TRUE(
          v1::BillingService::NewStub(channel_)->Credit(&credit_context, credit, &credited).ok());
      accounts_[AccountId(i)] = {.start_entry_id = credited.entry().entry_id(),
                                 .start_balance_micros = kOpeningMicros,
                                 .start_held_micros = 0,
                                 .credit_limit_micros = 0,
                                 .end_balance_micros = {},
                                 .end_held_micros = {}};
    }
  }

  std::vector<history::Entry> ReadJournal() {
    std::vector<history::Entry> entries;
    const auto stub = v1::AccountService::NewStub(channel_);
    for (const auto& [account_id, account] : accounts_) {
      v1::ListActivityRequest request;
      request.set_account_id(account_id);
      request.set_show(v1::ACTIVITY_SHOW_JOURNAL);
      request.set_page_size(500);
      v1::ListActivityResponse page;
      do {
        grpc::ClientContext context;
        context.set_wait_for_ready(true);
        EXPECT_TRUE(stub->ListActivity(&context, request, &page).ok());
        for (const v1::Entry& entry : page.entries()) {
          if (entry.entry_id() > account.start_entry_id) entries.push_back(ToHistory(entry));
        }
        request.set_page_token(page.next_page_token());
      } while (!page.next_page_token().empty());
    }
    return entries;
  }

  static history::Entry ToHistory(const v1::Entry& entry) {
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

  void ReadEndBalances() {
    const auto stub = v1::BillingService::NewStub(channel_);
    for (auto& [account_id, account] : accounts_) {
      grpc::ClientContext context;
      v1::GetBalanceRequest request;
      v1::GetBalanceResponse response;
      request.set_account_id(account_id);
      ASSERT_TRUE(stub->GetBalance(&context, request, &response).ok());
      account.end_balance_micros = response.balance_micros();
      account.end_held_micros = response.held_micros();
    }
  }

  testing::TemporaryDirectory directory_;
  testing::ServerProcess server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::map<std::string, history::Account> accounts_;
};

TEST_F(KillTest, NothingAnsweredIsLostAndNothingHappensTwice) {
  ASSERT_NO_FATAL_FAILURE(Prepare());
  Log log;
  std::atomic<bool> stop = false;
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&, i] { Worker(server_.address(), i, &log).Run(stop); });
  }

  std::vector<history::Entry> earlier;
  std::mt19937_64 random(20260101);
  for (int kill = 0; kill < KillCount(); ++kill) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random() % 400));
    server_.Kill();
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    if (kill == KillCount() / 2) earlier = ReadJournal();
  }
  stop = true;
  for (std::thread& worker : workers) worker.join();

  ASSERT_NO_FATAL_FAILURE(ReadEndBalances());
  history::History history;
  history.operations = log.Take();
  history.entries = ReadJournal();
  history.earlier_entries = std::move(earlier);
  history.accounts = accounts_;
  EXPECT_GT(history.entries.size(), 1000u);
  for (const history::Violation& violation : history::FindViolations(history)) {
    ADD_FAILURE() << violation.sentence;
  }

  grpc::ClientContext context;
  v1::VerifyResponse verified;
  ASSERT_TRUE(v1::OperationsService::NewStub(channel_)->Verify(&context, {}, &verified).ok());
  EXPECT_TRUE(verified.ok()) << verified.problem();
  EXPECT_EQ(server_.Terminate(), 0);
  RecordProperty("operations", static_cast<int>(history.operations.size()));
  RecordProperty("entries", static_cast<int>(history.entries.size()));
}

}  // namespace
}  // namespace farebox
