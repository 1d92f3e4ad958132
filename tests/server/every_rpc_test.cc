// Hostile ids and enums, by every RPC that has them: refused with the field that is to blame, and
// nothing is done.

#include <cstdint>
#include <limits>
#include <memory>
#include <ostream>
#include <set>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/access.pb.h"
#include "farebox/v1/account.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"
#include "grpcpp/impl/codegen/client_unary_call.h"
#include "grpcpp/impl/codegen/rpc_method.h"
#include "server/payment_provider.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageLite;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using grpc::StatusCode;

// An RPC and a request of it that has nothing wrong; $hold is an open hold of alice's.
struct GoodCall {
  const char* rpc;
  const char* request;
};
constexpr GoodCall kCallsWithIds[] = {
    {"AccessService.CreateApiKey", "key { role: ROLE_CUSTOMER account_ids: 'alice' }"},
    {"AccessService.RevokeApiKey", "key_id: 'k' account_id: 'alice'"},
    {"AccessService.ListApiKeys", "account_id: 'alice'"},
    {"AccessService.CreateSignInLink", "account_id: 'alice'"},
    {"AccessService.ListAuditLog", "account_id: 'alice'"},
    {"AccountService.CreateAccount",
     "account { account_id: 'carol' currency_code: 'USD' } request_id: 'x'"},
    {"AccountService.GetAccount", "account_id: 'alice'"},
    {"AccountService.UpdateAccount",
     "account { account_id: 'alice' email: 'a@example.org' } request_id: 'x' "
     "update_mask { paths: 'email' }"},
    {"AccountService.SuspendAccount", "account_id: 'alice' request_id: 'x'"},
    {"AccountService.ResumeAccount", "account_id: 'alice' request_id: 'x'"},
    {"AccountService.CloseAccount", "account_id: 'alice' request_id: 'x'"},
    {"AccountService.ListActivity", "account_id: 'alice'"},
    {"AccountService.ExportActivity", "account_id: 'alice'"},
    {"AccountService.GetSummary", "account_id: 'alice'"},
    {"BillingService.Authorize",
     "account_id: 'alice' request_id: 'x' requested_seconds: 60 usage { call { direction: "
     "DIRECTION_OUTBOUND from: '1' to: '+12025550123' } }"},
    {"BillingService.Reauthorize",
     "account_id: 'alice' request_id: 'x' requested_seconds: 60 hold_id: $hold"},
    {"BillingService.Debit",
     "account_id: 'alice' request_id: 'x' amount_micros: 1 item: ITEM_ADJUSTMENT"},
    {"BillingService.Debit",
     "account_id: 'alice' request_id: 'x' settlement { used_seconds: 30 hold_id: $hold }"},
    {"BillingService.Release", "account_id: 'alice' request_id: 'x' hold_id: $hold"},
    {"BillingService.Credit",
     "account_id: 'alice' request_id: 'x' amount_micros: 1 reason: CREDIT_REASON_PROMOTION"},
    {"BillingService.GetBalance", "account_id: 'alice'"},
    {"BillingService.Quote",
     "account_id: 'alice' usage { ring_through { from: '1' to: '+12025550123' } }"},
    {"BillingService.ListHolds", "account_id: 'alice'"},
    {"BillingService.WatchAccount", "account_id: 'alice'"},
    {"NumberService.PurchaseNumber", "account_id: 'alice' request_id: 'x' number: '+12025550123'"},
    {"NumberService.ReleaseNumber", "account_id: 'alice' number: '+12025550123'"},
    {"NumberService.ListNumbers", "account_id: 'alice'"},
    {"RateService.ListRates", "account_id: 'alice'"},
    {"RechargeService.Pay", "account_id: 'alice' request_id: 'x' amount_micros: 10000000"},
    {"RechargeService.GetAutoRecharge", "account_id: 'alice'"},
    {"RechargeService.UpdateAutoRecharge", "account_id: 'alice' auto_recharge {}"},
    {"RechargeService.RetryRecharge", "account_id: 'alice'"},
    {"RechargeService.StartCardSetup", "account_id: 'alice'"},
    {"RechargeService.CompleteCardSetup", "account_id: 'alice' setup_id: 's'"},
    {"RechargeService.GetCard", "account_id: 'alice'"},
    {"RechargeService.DeleteCard", "account_id: 'alice' card_id: 'c'"},
    {"RechargeService.ListRecharges", "account_id: 'alice'"},
};

// Those that are about all accounts where they name none.
constexpr absl::string_view kAboutAllAccounts[] = {
    "AccessService.RevokeApiKey",
    "AccessService.ListApiKeys",
    "AccessService.ListAuditLog",
    "BillingService.WatchAccount",
};

// A request with $enum in place of one value.
struct CallWithEnum {
  const char* rpc;
  const char* field;  // The one to blame.
  const char* request;
};
constexpr CallWithEnum kCallsWithEnums[] = {
    {"AccessService.CreateApiKey", "key.role", "key { role: $enum account_ids: 'alice' }"},
    {"AccountService.CreateAccount", "account.failure_handling",
     "account { account_id: 'carol' currency_code: 'USD' failure_handling: $enum } "
     "request_id: 'x'"},
    {"AccountService.UpdateAccount", "account.failure_handling",
     "account { account_id: 'alice' failure_handling: $enum } request_id: 'x' "
     "update_mask { paths: 'failure_handling' }"},
    {"AccountService.ListActivity", "show", "account_id: 'alice' show: $enum"},
    {"AccountService.ListActivity", "items", "account_id: 'alice' items: $enum"},
    {"AccountService.ExportActivity", "show", "account_id: 'alice' show: $enum"},
    {"AccountService.ExportActivity", "items", "account_id: 'alice' items: $enum"},
    {"AccountService.GetSummary", "step", "account_id: 'alice' step: $enum"},
    {"BillingService.Authorize", "usage.call.direction",
     "account_id: 'alice' request_id: 'x' requested_seconds: 60 "
     "usage { call { direction: $enum from: '1' to: '+12025550123' } }"},
    {"BillingService.Debit", "usage.text.direction",
     "account_id: 'alice' request_id: 'x' "
     "usage { text { direction: $enum from: '1' to: '+12025550123' body: 'hello' } }"},
    {"BillingService.Debit", "usage.phone_number.kind",
     "account_id: 'alice' request_id: 'x' "
     "usage { phone_number { number: '+12025550123' kind: $enum } }"},
    {"BillingService.Debit", "item",
     "account_id: 'alice' request_id: 'x' amount_micros: 1 item: $enum"},
    {"BillingService.Credit", "reason",
     "account_id: 'alice' request_id: 'x' amount_micros: 1 reason: $enum"},
    {"BillingService.Quote", "usage.call.direction",
     "account_id: 'alice' usage { call { direction: $enum from: '1' to: '+12025550123' } }"},
    {"RateService.ListRates", "item", "deck: 'standard' item: $enum"},
    {"RechargeService.UpdateAutoRecharge", "auto_recharge.mode",
     "account_id: 'alice' auto_recharge { enabled: true mode: $enum amount_micros: 60000000 "
     "threshold_micros: 15000000 failure_email: 'a@example.org' }"},
};

// What a caller was told; of an answer only that there was one.
struct Told {
  grpc::Status status;

  friend void PrintTo(const Told& told, std::ostream* out) {
    *out << "code " << told.status.error_code() << " \"" << told.status.error_message() << "\"";
  }
};

class EveryRpc : public ServerTest {
 protected:
  Config MakeConfig() const override {
    Config config = ServerTest::MakeConfig();
    config.http_listen = "127.0.0.1:0";
    config.payments.provider.provider = PaymentProvider::kSimulated;
    return config;
  }

  void SetUp() override {
    ServerTest::SetUp();
    OpenAccount("alice", 1'000'000);
    hold_id_ = AuthorizeCall("alice", "hold", 60)->hold_id();
  }

  int64_t Entries() { return Send<v1::GetStatusRequest>("")->entries(); }

  static const MethodDescriptor& MethodOf(absl::string_view rpc) {
    const MethodDescriptor* const method =
        google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
            absl::StrCat("farebox.v1.", rpc));
    FAREBOX_CHECK(method != nullptr);
    return *method;
  }

  // Where the request names its account; empty where it names none.
  static std::string AccountField(const Descriptor& request) {
    // In the name of an account, it wants the same in both.
    if (&request == v1::CreateApiKeyRequest::descriptor()) return "key.account_ids";
    if (request.FindFieldByName("account_id") != nullptr) return "account_id";
    const FieldDescriptor* const account = request.FindFieldByName("account");
    return account != nullptr && account->message_type() == v1::Account::descriptor()
               ? "account.account_id"
               : "";
  }
  static bool HasRequestId(const Descriptor& request) {
    return request.FindFieldByName("request_id") != nullptr;
  }

  static std::unique_ptr<Message> NewMessage(const Descriptor& type) {
    return std::unique_ptr<Message>(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  }

  static const FieldDescriptor* FieldOf(const Message& message, absl::string_view name) {
    const FieldDescriptor* const field =
        message.GetDescriptor()->FindFieldByName(std::string(name));
    FAREBOX_CHECK(field != nullptr);
    return field;
  }

  // Of a field with several values, the first one.
  static void SetId(absl::string_view path, const std::string& id, Message* message) {
    const google::protobuf::Reflection& reflection = *message->GetReflection();
    const size_t dot = path.find('.');
    if (dot != absl::string_view::npos) {
      const FieldDescriptor* const part = FieldOf(*message, path.substr(0, dot));
      return SetId(path.substr(dot + 1), id, reflection.MutableMessage(message, part));
    }
    const FieldDescriptor* const field = FieldOf(*message, path);
    if (field->is_repeated()) return reflection.SetRepeatedString(message, field, 0, id);
    reflection.SetString(message, field, id);
  }

  std::unique_ptr<Message> Request(const MethodDescriptor& method, const std::string& text) const {
    std::unique_ptr<Message> request = NewMessage(*method.input_type());
    const std::string filled = absl::StrReplaceAll(text, {{"$hold", absl::StrCat(hold_id_)}});
    FAREBOX_CHECK(google::protobuf::TextFormat::ParseFromString(filled, request.get()));
    return request;
  }

  // Of a stream of answers too: what is refused has none.
  Told Call(const MethodDescriptor& method, const Message& request) {
    const std::string path = absl::StrCat("/", method.service()->full_name(), "/", method.name());
    const std::unique_ptr<Message> response = NewMessage(*method.output_type());
    grpc::ClientContext context;
    SetDeadline(&context);
    return {grpc::internal::BlockingUnaryCall<MessageLite, MessageLite>(
        channel_.get(),
        grpc::internal::RpcMethod(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC), &context,
        request, response.get())};
  }

  Told CallWithId(const GoodCall& call, absl::string_view field, const std::string& id) {
    const MethodDescriptor& method = MethodOf(call.rpc);
    const std::unique_ptr<Message> request = Request(method, call.request);
    SetId(field, id, request.get());
    return Call(method, *request);
  }

  int64_t hold_id_ = 0;
};

TEST_F(EveryRpc, WithAnIdIsInTheTable) {
  std::set<std::string> with_ids;
  for (const char* const name : {"AccessService", "AccountService", "BillingService",
                                 "NumberService", "RateService", "RechargeService"}) {
    const ServiceDescriptor* const service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
            absl::StrCat("farebox.v1.", name));
    ASSERT_NE(service, nullptr) << name;
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor& method = *service->method(i);
      const Descriptor& request = *method.input_type();
      if (!AccountField(request).empty() || HasRequestId(request)) {
        with_ids.insert(absl::StrCat(name, ".", method.name()));
      }
    }
  }
  std::set<std::string> in_table;
  for (const GoodCall& call : kCallsWithIds) in_table.insert(call.rpc);

  EXPECT_EQ(in_table, with_ids);
}

TEST_F(EveryRpc, RefusesAccountIds) {
  const std::string bad_ids[] = {
      std::string(),
      std::string(65, 'a'),
      std::string(60'000, 'a'),
      "../../etc",
      "' OR 1=1--",
      std::string("nul\0nul", 7),
      "\xE2\x80\xAE",
      "e\xCC\x81",
      "\xEF\xBC\x91",
      "\xF0\x9F\x98\x80",
      " alice",
      "alice ",
      "a\nb",
  };
  const int64_t entries = Entries();

  for (const GoodCall& call : kCallsWithIds) {
    SCOPED_TRACE(call.rpc);
    const absl::string_view rpc = call.rpc;
    const std::string field = AccountField(*MethodOf(rpc).input_type());
    for (const std::string& id : bad_ids) {
      if (id.empty() && absl::c_linear_search(kAboutAllAccounts, rpc)) continue;
      EXPECT_THAT(CallWithId(call, field, id), BlamesField(field)) << id;
    }
    // That opens them.
    if (rpc == "AccountService.CreateAccount") continue;
    for (const char* const id : {"Alice", "ALICE", "bob"}) {
      EXPECT_THAT(CallWithId(call, field, id),
                  FailsWith(StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"))
          << id;
    }
  }
  EXPECT_EQ(Entries(), entries);
}

TEST_F(EveryRpc, ThatChangesSomethingRefusesRequestIds) {
  const std::string bad_ids[] = {
      std::string(), "   ",   std::string(129, 'a'),   std::string(60'000, 'a'),
      "a\tb",        "a\x7F", std::string("nul\0", 4), "\xC3\xA9",
  };
  const int64_t entries = Entries();

  for (const GoodCall& call : kCallsWithIds) {
    SCOPED_TRACE(call.rpc);
    if (!HasRequestId(*MethodOf(call.rpc).input_type())) continue;
    for (const std::string& id : bad_ids) {
      EXPECT_THAT(CallWithId(call, "request_id", id), BlamesField(std::string("request_id"))) << id;
    }
  }
  EXPECT_EQ(Entries(), entries);
}

TEST_F(EveryRpc, RefusesEnumsThatAreNone) {
  const int64_t entries = Entries();

  for (const CallWithEnum& call : kCallsWithEnums) {
    SCOPED_TRACE(absl::StrCat(call.rpc, " ", call.field));
    for (const int32_t value : {std::numeric_limits<int32_t>::min(), -1, 99, 1'000'000,
                                std::numeric_limits<int32_t>::max()}) {
      const MethodDescriptor& method = MethodOf(call.rpc);
      const std::string text = absl::StrReplaceAll(call.request, {{"$enum", absl::StrCat(value)}});
      EXPECT_THAT(Call(method, *Request(method, text)), BlamesField(std::string(call.field)))
          << value;
    }
  }
  EXPECT_EQ(Entries(), entries);
}

}  // namespace
}  // namespace farebox::server
