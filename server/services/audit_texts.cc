#include "server/services/audit_texts.h"

#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/access.pb.h"
#include "farebox/v1/billing.pb.h"
#include "google/protobuf/descriptor.h"
#include "server/base/limits.h"
#include "server/security/audit_log.h"
#include "server/services/call_gate.h"
#include "server/services/text_field.h"

namespace farebox::server {
namespace {

using ::google::protobuf::DynamicCastToGenerated;
using ::google::protobuf::Message;

// Null where the message is of another type.
template <typename Wanted>
const Wanted* As(const Message& message) {
  return DynamicCastToGenerated<Wanted>(&message);
}

// The operations of a message that has many; none for any other.
std::vector<const v1::Operation*> OperationsOf(const Message& request) {
  std::vector<const v1::Operation*> operations;
  if (const auto* const batch = As<v1::ApplyBatchRequest>(request); batch != nullptr) {
    for (const v1::Operation& operation : batch->operations()) operations.push_back(&operation);
  } else if (const auto* const streamed = As<v1::ApplyStreamRequest>(request);
             streamed != nullptr) {
    operations.push_back(&streamed->operation());
    for (const v1::StreamOperation& further : streamed->more()) {
      operations.push_back(&further.operation());
    }
  }
  return operations;
}

// Their results, one each; none where the request failed as a whole.
std::vector<const Message*> ResultsOf(const Message& response) {
  std::vector<const Message*> results;
  if (const auto* const batch = As<v1::ApplyBatchResponse>(response); batch != nullptr) {
    for (const v1::OperationResult& result : batch->results()) results.push_back(&result);
  } else if (const auto* const streamed = As<v1::ApplyStreamResponse>(response);
             streamed != nullptr) {
    results.push_back(&streamed->result());
    for (const v1::StreamResult& further : streamed->more()) results.push_back(&further.result());
  }
  return results;
}

std::string RequestIdOf(const v1::Operation& operation) {
  const google::protobuf::FieldDescriptor* const asked =
      operation.GetReflection()->GetOneofFieldDescriptor(operation,
                                                         operation.GetDescriptor()->oneof_decl(0));
  if (asked == nullptr) return "";
  return TextField(operation.GetReflection()->GetMessage(operation, asked), "request_id");
}

std::string NamedAccount(const Message& request) {
  std::string account_id = TextField(request, "account_id");
  const auto* const key = As<v1::CreateApiKeyRequest>(request);
  // A key that is confined to one account concerns it, in whoever's name it is made.
  const bool is_of_one = key != nullptr && key->key().account_ids_size() == 1;
  return account_id.empty() && is_of_one ? key->key().account_ids(0) : account_id;
}

// The places of an account's operations in their message.
struct Share {
  absl::string_view account_id;
  std::vector<size_t> places;
};

std::vector<Share> SharesOf(const std::vector<const v1::Operation*>& operations) {
  std::vector<Share> shares;
  absl::flat_hash_map<absl::string_view, size_t> by_account;
  absl::string_view account_id;
  for (size_t place = 0; place < operations.size(); ++place) {
    // What names no account is no operation: it is told with the one before.
    const absl::string_view named = AccountOf(*operations[place]);
    if (!named.empty()) account_id = named;
    const auto [found, is_new] = by_account.emplace(account_id, shares.size());
    if (is_new) shares.push_back({.account_id = account_id});
    shares[found->second].places.push_back(place);
  }
  return shares;
}

// Writes messages into an array, in as many texts as it takes.
class TextWriter {
 public:
  // `array` is the name of the field in which they are.
  explicit TextWriter(absl::string_view array) : array_(array) {}

  void Begin(absl::string_view account_id) {
    EndText();
    account_id_ = std::string(account_id);
  }
  void Add(const v1::Operation& operation, const Message& message) {
    std::string json = AuditJson(message);
    if (json.empty()) json = "null";
    if (!json_.empty() && json_.size() + json.size() > limits::kAuditTextBytesMax) EndText();
    request_id_ = json_.empty() ? RequestIdOf(operation) : "";
    absl::StrAppend(&json_, json_.empty() ? "" : ",", json);
  }
  std::vector<AuditText> Take() {
    EndText();
    return std::move(texts_);
  }

 private:
  void EndText() {
    if (json_.empty()) return;
    texts_.push_back({.account_id = account_id_,
                      .request_id = request_id_,
                      .json = absl::StrCat("{\"", array_, "\":[", json_, "]}")});
    json_.clear();
  }

  const absl::string_view array_;
  std::string account_id_;
  std::string request_id_;
  std::string json_;
  std::vector<AuditText> texts_;
};

AuditText PlainText(const Message& request, std::string json) {
  return {.account_id = NamedAccount(request),
          .request_id = TextField(request, "request_id"),
          .json = std::move(json)};
}

}  // namespace

std::vector<AuditText> RequestTexts(const Message& request) {
  const std::vector<const v1::Operation*> operations = OperationsOf(request);
  if (operations.empty()) return {PlainText(request, AuditJson(request))};
  TextWriter writer("operations");
  for (const Share& share : SharesOf(operations)) {
    writer.Begin(share.account_id);
    for (const size_t place : share.places) writer.Add(*operations[place], *operations[place]);
  }
  return writer.Take();
}

std::vector<AuditText> ResponseTexts(const Message& request, const Message& response, bool is_ok) {
  const std::vector<const v1::Operation*> operations = OperationsOf(request);
  if (operations.empty()) return {PlainText(request, is_ok ? AuditJson(response) : "")};
  const std::vector<const Message*> results = ResultsOf(response);
  const bool has_results = is_ok && results.size() == operations.size();
  std::vector<AuditText> texts;
  TextWriter writer("results");
  for (const Share& share : SharesOf(operations)) {
    if (!has_results) texts.push_back({.account_id = std::string(share.account_id)});
    writer.Begin(share.account_id);
    for (const size_t place : share.places) {
      if (has_results) writer.Add(*operations[place], *results[place]);
    }
  }
  return has_results ? writer.Take() : texts;
}

}  // namespace farebox::server
