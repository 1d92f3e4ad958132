#include "tests/server/server_fixture.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

namespace farebox::server {

void ServerTest::SetUp() {
  ConfigureLog(LogFormat::kText, LogLevel::kError);
  Start();
  const Answer<v1::ImportRatesResponse> imported = Import("standard", DeckCsv());
  ASSERT_TRUE(imported.status.ok()) << imported.status.error_message();
}

void ServerTest::TearDown() {
  // The last word on every test: the journal agrees with itself.
  if (server_ == nullptr) return;
  EXPECT_THAT(Send<v1::VerifyRequest>(""), Answers("ok: true"));
  server_->Drain();
}

Config ServerTest::MakeConfig() const {
  Config config;
  config.data_directory = absl::StrCat(directory_.path(), "/data");
  config.listen = "127.0.0.1:0";
  config.drain_grace = absl::ZeroDuration();
  return config;
}

std::string ServerTest::DeckCsv() const {
  return "item,prefix,description,connect_fee,attempt_fee,rate_per_minute,initial_increment,"
         "increment,unit_fee\n"
         "OUTBOUND_CALL,1,North America,,,0.20,60,60,\n"
         "OUTBOUND_CALL,44,United Kingdom,0.05,0.01,0.012,1,1,\n"
         "OUTBOUND_CALL,1800,Toll-free,,,0,60,60,\n"
         "INBOUND_CALL,,Anywhere,,,0.01,60,60,\n"
         "OUTGOING_TEXT,,Anywhere,,,,,,0.01\n"
         "INCOMING_TEXT,,Anywhere,,,,,,0\n"
         "PHONE_NUMBER_PURCHASE,1,North America,,,,,,1.50\n"
         "PHONE_NUMBER_RENEWAL,1,North America,,,,,,1\n"
         "RING_THROUGH_ATTEMPT,,Anywhere,,,,,,0.02\n";
}

void ServerTest::Start() {
  absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Start(MakeConfig(), &clock_, [](const absl::Status&) {});
  FAREBOX_CHECK(server.ok());
  server_ = *std::move(server);
  channel_ = NewChannel();
  billing_ = v1::BillingService::NewStub(channel_);
  accounts_ = v1::AccountService::NewStub(channel_);
  rates_ = v1::RateService::NewStub(channel_);
  operations_ = v1::OperationsService::NewStub(channel_);
}

std::shared_ptr<grpc::Channel> ServerTest::NewChannel() const {
  grpc::ChannelArguments arguments;
  // Who does not read is waited for after 64 KiB, and not after what a fast connection holds.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // Connections of one process to one address would be shared.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                   grpc::InsecureChannelCredentials(), arguments);
}

void ServerTest::Restart() {
  Stop();
  Start();
}

void ServerTest::Stop() {
  server_->Drain();
  server_ = nullptr;
}

void ServerTest::OpenAccount(absl::string_view id, int64_t balance_micros) {
  const auto opened = Send<v1::CreateAccountRequest>(absl::Substitute(
      "account { account_id: '$0' currency_code: 'USD' deck: 'standard' } request_id: 'open'", id));
  ASSERT_TRUE(opened.status.ok()) << opened.status.error_message();
  if (balance_micros == 0) return;
  const auto paid = Send<v1::CreditRequest>(absl::Substitute(
      "account_id: '$0' request_id: 'paid in' amount_micros: $1 reason: CREDIT_REASON_PAYMENT", id,
      balance_micros));
  ASSERT_TRUE(paid.status.ok()) << paid.status.error_message();
}

Answer<v1::AuthorizeResponse> ServerTest::AuthorizeCall(absl::string_view account,
                                                        absl::string_view request_id,
                                                        int64_t seconds) {
  return Send<v1::AuthorizeRequest>(absl::Substitute(
      "account_id: '$0' request_id: '$1' requested_seconds: $2 "
      "usage { call { direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' } }",
      account, request_id, seconds));
}

Answer<v1::DebitResponse> ServerTest::Settle(absl::string_view account,
                                             absl::string_view request_id, int64_t hold_id,
                                             int64_t used_seconds) {
  return Send<v1::DebitRequest>(absl::Substitute(
      "account_id: '$0' request_id: '$1' settlement { hold_id: $2 used_seconds: $3 }", account,
      request_id, hold_id, used_seconds));
}

v1::GetBalanceResponse ServerTest::Balance(absl::string_view account) {
  const auto answer = Send<v1::GetBalanceRequest>(absl::Substitute("account_id: '$0'", account));
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  return answer.value;
}

Answer<v1::ImportRatesResponse> ServerTest::Import(absl::string_view deck, absl::string_view csv) {
  grpc::ClientContext context;
  SetDeadline(&context);
  Answer<v1::ImportRatesResponse> answer;
  const auto writer = rates_->ImportRates(&context, &answer.value);
  v1::ImportRatesRequest piece;
  piece.set_deck(std::string(deck));
  do {
    piece.set_csv(std::string(csv.substr(0, 60'000)));
    csv.remove_prefix(piece.csv().size());
    if (!writer->Write(piece)) break;
    piece.clear_deck();
  } while (!csv.empty());
  writer->WritesDone();
  answer.status = writer->Finish();
  return answer;
}

void ServerTest::Advance(absl::Duration by) {
  clock_.Advance(by);
  EXPECT_TRUE(server_->ledger().ExpireDue().ok());
}

}  // namespace farebox::server
