#ifndef FAREBOX_TESTS_SERVER_SERVER_FIXTURE_H_
#define FAREBOX_TESTS_SERVER_SERVER_FIXTURE_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/v1/account.grpc.pb.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "farebox/v1/operations.grpc.pb.h"
#include "farebox/v1/rate.grpc.pb.h"
#include "google/protobuf/text_format.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "server/server.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "tests/server/answer.h"
#include "tests/support/server_process.h"

namespace farebox::server {

// A server of one's own, with real files and a real socket, and a clock that is moved by hand.
// Requests are written as protobuf text.
//
// The deck `standard`:   calls to +1       0.20 a minute, 60/60
//                        calls to +44      0.05 to connect, 0.01 an attempt, 0.012 a minute, 1/1
//                        calls to +1800    free
//                        calls from anywhere 0.01 a minute, 60/60
//                        texts             0.01 a segment; to the account: free
//                        numbers           +1: 1.50 the first month, 1.00 a further one
//                        ring-through      0.02 an attempt
class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Starts the server, which must succeed.
  void Start();
  // Stops it in good order.
  void Stop();
  // Both, on the same files.
  void Restart();
  // What the server is started with.
  virtual Config MakeConfig() const;
  virtual std::string DeckCsv() const;

  // Sends a request and waits for the answer.
  template <typename Request>
  auto Send(const Request& request);
  template <typename Request>
  auto Send(absl::string_view text) {
    return Send(Parse<Request>(text));
  }

  template <typename Message>
  static Message Parse(absl::string_view text) {
    Message message;
    FAREBOX_CHECK(google::protobuf::TextFormat::ParseFromString(std::string(text), &message));
    return message;
  }

  // Opens the account on the standard deck and pays the amount in.
  void OpenAccount(absl::string_view id, int64_t balance_micros = 0);
  // A call to +1 202 555 0123.
  Answer<v1::AuthorizeResponse> AuthorizeCall(absl::string_view account,
                                              absl::string_view request_id, int64_t seconds);
  Answer<v1::DebitResponse> Settle(absl::string_view account, absl::string_view request_id,
                                   int64_t hold_id, int64_t used_seconds);
  v1::GetBalanceResponse Balance(absl::string_view account);
  Answer<v1::ImportRatesResponse> Import(absl::string_view deck, absl::string_view csv);

  // Moves the clock and expires what is due by then.
  void Advance(absl::Duration by);

  virtual std::shared_ptr<grpc::Channel> NewChannel() const;

  ManualClock clock_{absl::FromUnixSeconds(1'767'225'600)};  // 2026-01-01
  testing::TemporaryDirectory directory_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::BillingService::Stub> billing_;
  std::unique_ptr<v1::AccountService::Stub> accounts_;
  std::unique_ptr<v1::RateService::Stub> rates_;
  std::unique_ptr<v1::OperationsService::Stub> operations_;
};

// Every call has a deadline, so that a server that never answers fails the test.
inline void SetDeadline(grpc::ClientContext* context) {
  context->set_deadline(absl::ToChronoTime(SystemClock().Now() + absl::Minutes(1)));
}

template <typename Request>
auto ServerTest::Send(const Request& request) {
  const auto call = [&](auto& stub, auto method, auto response) {
    grpc::ClientContext context;
    SetDeadline(&context);
    Answer<decltype(response)> answer;
    answer.status = (stub.*method)(&context, request, &answer.value);
    return answer;
  };
  using Billing = v1::BillingService::Stub;
  using Accounts = v1::AccountService::Stub;
  using Rates = v1::RateService::Stub;
  using Operations = v1::OperationsService::Stub;
#define FAREBOX_SEND(service, Stub, Rpc)                     \
  if constexpr (std::is_same_v<Request, v1::Rpc##Request>) { \
    return call(*service, &Stub::Rpc, v1::Rpc##Response());  \
  }
  FAREBOX_SEND(billing_, Billing, Authorize)
  FAREBOX_SEND(billing_, Billing, Reauthorize)
  FAREBOX_SEND(billing_, Billing, Debit)
  FAREBOX_SEND(billing_, Billing, Release)
  FAREBOX_SEND(billing_, Billing, Credit)
  FAREBOX_SEND(billing_, Billing, GetBalance)
  FAREBOX_SEND(billing_, Billing, Quote)
  FAREBOX_SEND(billing_, Billing, ListHolds)
  FAREBOX_SEND(billing_, Billing, ApplyBatch)
  FAREBOX_SEND(accounts_, Accounts, CreateAccount)
  FAREBOX_SEND(accounts_, Accounts, GetAccount)
  FAREBOX_SEND(accounts_, Accounts, UpdateAccount)
  FAREBOX_SEND(accounts_, Accounts, ListAccounts)
  FAREBOX_SEND(accounts_, Accounts, SuspendAccount)
  FAREBOX_SEND(accounts_, Accounts, ResumeAccount)
  FAREBOX_SEND(accounts_, Accounts, CloseAccount)
  FAREBOX_SEND(accounts_, Accounts, ListActivity)
  FAREBOX_SEND(accounts_, Accounts, GetSummary)
  FAREBOX_SEND(rates_, Rates, ListRateDecks)
  FAREBOX_SEND(rates_, Rates, ListRates)
  FAREBOX_SEND(operations_, Operations, Verify)
  FAREBOX_SEND(operations_, Operations, GetStatus)
#undef FAREBOX_SEND
}

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_SERVER_FIXTURE_H_
