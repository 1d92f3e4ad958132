#include "client/cli/session.h"

#include <google/protobuf/util/json_util.h>

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/advice.h"
#include "client/cli/decimal.h"
#include "client/cli/files.h"
#include "client/cpp/errors.h"

namespace farebox::cli {
namespace {

// People wait longer than call routers do.
constexpr absl::Duration kTimeout = absl::Seconds(5);

std::string JsonOf(const google::protobuf::Message& message, bool is_indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = is_indented;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::StrCat("{\"error\": \"", status.ToString(), "\"}");
  while (!json.empty() && json.back() == '\n') json.pop_back();
  return json;
}

}  // namespace

client::ClientOptions ClientOptionsOf(const SessionOptions& options) {
  return {.target = options.server,
          .api_key = options.api_key,
          .has_tls = options.has_tls,
          .tls_name = options.tls_name,
          .root_certificates = options.root_certificates,
          .certificates = options.certificates,
          .private_key = options.private_key,
          .traceparent = options.traceparent,
          .timeout = kTimeout,
          // Who waits longer waits for what is slow, not for more attempts that end too soon.
          .retry = {.attempt_timeout = options.timeout.value_or(kTimeout)}};
}

Session::Session(SessionOptions options) : options_(std::move(options)) {}

client::Client& Session::client() {
  if (client_ == nullptr) {
    client_ = std::make_unique<client::Client>(ClientOptionsOf(options_));
  }
  return *client_;
}

absl::TimeZone Session::zone() const {
  return options_.has_utc ? absl::UTCTimeZone() : absl::LocalTimeZone();
}

int Session::Fail(const absl::Status& status, absl::string_view look_up) {
  if (options_.has_json) {
    std::cerr << JsonOf(client::StatusToProto(status), /*is_indented=*/true) << "\n";
  } else {
    std::cerr << "farebox: " << DescribeFailure(status, options_.server, look_up) << "\n";
  }
  return ExitCodeOf(status);
}

void Session::PrintJson(const google::protobuf::Message& message) {
  std::cout << JsonOf(message, /*is_indented=*/true) << "\n";
}

void Session::PrintJsonLine(const google::protobuf::Message& message) {
  std::cout << JsonOf(message, /*is_indented=*/false) << std::endl;
}

void Session::Print(const Table& table) { std::cout << table.ToString(options_.has_colour); }

void Session::Print(absl::string_view text) { std::cout << text << std::flush; }

bool Session::can_print() const { return std::cout.good(); }

int Session::Write(const std::string& path, absl::string_view bytes) {
  const absl::StatusOr<std::unique_ptr<OutputFile>> file = OutputFile::Create(path);
  if (!file.ok()) return Fail(file.status());
  (*file)->Write(bytes);
  const absl::Status kept = (*file)->Keep();
  return kept.ok() ? static_cast<int>(kExitOk) : Fail(kept);
}

void Session::Note(absl::string_view text) { std::cerr << text << "\n"; }

std::string Session::CurrencyOf(const std::string& account_id) {
  const auto known = currencies_.find(account_id);
  if (known != currencies_.end()) return known->second;
  v1::GetBalanceRequest request;
  request.set_account_id(account_id);
  const absl::StatusOr<v1::GetBalanceResponse> balance =
      client().GetBalance(request, call_options());
  return currencies_[account_id] = balance.ok() ? balance->currency_code() : "";
}

std::string Session::Money(int64_t micros, absl::string_view currency) const {
  return currency.empty() ? FormatMicros(micros)
                          : absl::StrCat(FormatMicros(micros), " ", currency);
}

}  // namespace farebox::cli
