// The program and a real mail server: what customers get to read.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "farebox/v1/account.grpc.pb.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "farebox/v1/operations.grpc.pb.h"
#include "farebox/v1/recharge.grpc.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "grpcpp/create_channel.h"
#include "server/exit_codes.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "tests/server/mail/listening_program.h"
#include "tests/server/mail/smtp_fixture.h"
#include "tests/support/read_file.h"
#include "tests/support/server_process.h"

namespace farebox::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class MailProcess : public ::testing::Test {
 protected:
  std::vector<std::string> Arguments(const std::string& mail) const {
    return {"--payments",       "simulated",
            "--mail",           mail,
            "--smtp-host",      "127.0.0.1",
            "--smtp-port",      absl::StrCat(mail_port_),
            "--smtp-security",  "none",
            "--mail-from",      "billing@example.org",
            "--mail-from-name", "Example Telecom",
            "--account-url",    "https://example.org/account",
            "--mail-receipts"};
  }

  void Start(const std::string& mail = "smtp") {
    server_ = std::make_unique<testing::ServerProcess>(
        testing::ServerProcess::Options{.binary = FAREBOX_SERVER_BINARY,
                                        .data_directory = directory_.path() + "/data",
                                        .more_arguments = Arguments(mail)});
    ASSERT_TRUE(server_->Start().ok());
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
  }

  void Stop() {
    channel_.reset();  // Or the server waits for it to be closed.
    EXPECT_EQ(server_->Terminate(), kExitOk);
    server_.reset();
  }

  // Makes the call; every one here is to succeed.
  template <typename Stub, typename Request, typename Response>
  Response Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                Stub* stub, const std::string& text) {
    Request request;
    FAREBOX_CHECK(google::protobuf::TextFormat::ParseFromString(text, &request));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(SystemClock().Now() + absl::Seconds(30)));
    Response response;
    const grpc::Status status = (stub->*method)(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // Opens alice's account with 20.00.
  void OpenAccount() {
    using Accounts = v1::AccountService::Stub;
    Call(&Accounts::CreateAccount, v1::AccountService::NewStub(channel_).get(),
         "account { account_id: 'alice' currency_code: 'USD' email: 'alice@example.com' "
         "low_balance_threshold_micros: 10000000 } request_id: 'open'");
    using Billing = v1::BillingService::Stub;
    Call(&Billing::Credit, v1::BillingService::NewStub(channel_).get(),
         "account_id: 'alice' request_id: 'paid in' amount_micros: 20000000 "
         "reason: CREDIT_REASON_PAYMENT");
  }

  // Registers the test card and has it charged below 15.00. Returns the card's id.
  std::string PutCard(const std::string& token) {
    using Recharge = v1::RechargeService::Stub;
    const auto stub = v1::RechargeService::NewStub(channel_);
    const v1::StartCardSetupResponse setup =
        Call(&Recharge::StartCardSetup, stub.get(),
             "account_id: 'alice' return_url: 'https://example.org/back'");
    const v1::CompleteCardSetupResponse card =
        Call(&Recharge::CompleteCardSetup, stub.get(),
             absl::StrCat("account_id: 'alice' setup_id: '", setup.setup_id(), ":", token, "'"));
    Call(&Recharge::UpdateAutoRecharge, stub.get(),
         "account_id: 'alice' auto_recharge { enabled: true amount_micros: 60000000 "
         "threshold_micros: 15000000 failure_email: 'alice@example.com' }");
    return card.card().card_id();
  }

  void Debit(const std::string& request_id, int64_t micros) {
    using Billing = v1::BillingService::Stub;
    Call(&Billing::Debit, v1::BillingService::NewStub(channel_).get(),
         absl::StrCat("account_id: 'alice' request_id: '", request_id, "' amount_micros: ", micros,
                      " item: ITEM_ADJUSTMENT"));
  }

  std::string Mail(int number) {
    const std::string path = absl::StrCat(kept_, "/000", number, ".eml");
    catcher_.AwaitOutput(path);
    return testing::ReadFile(path);
  }

  // All that came until now; the server has ended.
  int MailCount() const {
    int count = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(kept_)) ++count;
    return count;
  }

  const testing::TemporaryDirectory directory_;
  const std::string kept_ = directory_.path() + "/mails";
  testing::ListeningProgram catcher_{
      {FAREBOX_PYTHON, FAREBOX_MAIL_CATCHER, "--port", "0", "--keep", kept_}};
  int mail_port_ = catcher_.port();
  std::unique_ptr<testing::ServerProcess> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// Of a mail server that takes the connection, and does not get on.
class MailTarpit : public MailProcess, public ::testing::WithParamInterface<const char*> {
 protected:
  MailTarpit() { std::ofstream(script_) << Action() << "\n"; }

  static std::string Action() { return absl::StrCat(GetParam(), " CONNECT"); }

  v1::MailStatus MailStatus() {
    using Operations = v1::OperationsService::Stub;
    return Call(&Operations::GetStatus, v1::OperationsService::NewStub(channel_).get(), "").mails();
  }

  // The longest of so many debits, one after the other.
  absl::Duration SlowestDebit(int count) {
    const SystemClock clock;
    absl::Duration slowest;
    for (int i = 0; i < count; ++i) {
      const absl::Time start = clock.Now();
      Debit(absl::StrCat("meanwhile ", i), 1'000);
      slowest = std::max(slowest, clock.Now() - start);
    }
    return slowest;
  }

  const std::string script_ = directory_.path() + "/script";
  testing::ListeningProgram tarpit_{
      {FAREBOX_PYTHON, FAREBOX_SMTP_SERVER, "--directory", directory_.path(), "--script", script_}};
};

TEST_F(MailProcess, ADeclinedRechargeIsToldOnce) {
  Start();
  OpenAccount();
  PutCard("pm_card_chargeDeclined");

  Debit("call 1", 6'000'000);
  const std::string mail = Mail(1);
  for (int i = 0; i < 5; ++i) Debit(absl::StrCat("more ", i), 100'000);
  server_->Kill();
  server_.reset();
  Start();
  Debit("call 2", 100'000);
  Stop();

  EXPECT_THAT(mail, HasSubstr("From: Example Telecom <billing@example.org>"));
  EXPECT_THAT(mail, HasSubstr("To: alice@example.com"));
  EXPECT_THAT(mail, HasSubstr("Subject: Recharge of 60.00 USD failed - account alice"));
  EXPECT_THAT(mail, HasSubstr("https://example.org/account"));
  EXPECT_EQ(MailCount(), 1);
}

TEST_F(MailProcess, ACreditedRechargeHasAReceiptAndTheDeletedCardANotice) {
  Start();
  OpenAccount();
  const std::string card = PutCard("pm_card_visa");

  Debit("call 1", 6'000'000);
  EXPECT_THAT(Mail(1), HasSubstr("Subject: Receipt: 60.00 USD added - account alice"));
  using Recharge = v1::RechargeService::Stub;
  Call(&Recharge::DeleteCard, v1::RechargeService::NewStub(channel_).get(),
       absl::StrCat("account_id: 'alice' card_id: '", card, "'"));
  EXPECT_THAT(Mail(2), HasSubstr("Subject: Auto-recharge is switched off - account alice"));
  Stop();

  EXPECT_EQ(MailCount(), 2);
}

TEST_F(MailProcess, ALowBalanceIsToldOnceAlsoWhereMailIsSwitchedOnLater) {
  Start("none");
  OpenAccount();
  Debit("call 1", 15'000'000);
  Stop();

  Start();
  EXPECT_THAT(Mail(1), HasSubstr("Subject: Low balance: 5.00 USD left - account alice"));
  Debit("call 2", 1'000'000);
  Stop();
  Start();
  Debit("call 3", 1'000'000);
  Stop();

  EXPECT_EQ(MailCount(), 1);
}

TEST_P(MailTarpit, DelaysMailsAndNothingElse) {
  mail_port_ = tarpit_.port();
  Start();
  OpenAccount();
  Debit("call 1", 15'000'000);
  tarpit_.AwaitOutput(Action());

  // With room for a machine that is busy with other things.
  EXPECT_LT(SlowestDebit(100), absl::Seconds(2));

  const v1::MailStatus status = MailStatus();
  EXPECT_EQ(status.waiting(), 1);
  EXPECT_EQ(status.sent() + status.given_up(), 0);
  Stop();
  // It was kept for the next start.
  mail_port_ = catcher_.port();
  Start();
  EXPECT_THAT(Mail(1), HasSubstr("Subject: Low balance: 5.00 USD left - account alice"));
  Stop();
  EXPECT_EQ(MailCount(), 1);
}

INSTANTIATE_TEST_SUITE_P(Ways, MailTarpit, ::testing::Values("stall", "drip"));

TEST_F(MailProcess, TheLogTellsOfEachMailWithoutItsContent) {
  Start();
  OpenAccount();
  Debit("call 1", 15'000'000);
  Mail(1);
  channel_.reset();
  EXPECT_EQ(server_->Terminate(), kExitOk);

  const std::string log = server_->Log();
  EXPECT_THAT(log, HasSubstr("mail_sent"));
  EXPECT_THAT(log, HasSubstr("account/alice/low-balance/1"));
  EXPECT_THAT(log, Not(HasSubstr("5.00 USD")));
  EXPECT_THAT(log, Not(HasSubstr("alice@example.com")));
}

}  // namespace
}  // namespace farebox::server
