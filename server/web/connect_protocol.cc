#include "server/web/connect_protocol.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/rpc/error_details.pb.h"
#include "server/web/json_message.h"

namespace farebox::web {
namespace {

struct Code {
  absl::string_view name;
  int http_status;
};

// By the numbers of gRPC's codes.
constexpr std::array<Code, 17> kCodes = {{
    {"", 200},
    {"canceled", 499},
    {"unknown", 500},
    {"invalid_argument", 400},
    {"deadline_exceeded", 504},
    {"not_found", 404},
    {"already_exists", 409},
    {"permission_denied", 403},
    {"resource_exhausted", 429},
    {"failed_precondition", 400},
    {"aborted", 409},
    {"out_of_range", 400},
    {"unimplemented", 501},
    {"internal", 500},
    {"unavailable", 503},
    {"data_loss", 500},
    {"unauthenticated", 401},
}};

constexpr size_t kTimeoutDigitsMax = 10;
constexpr size_t kEnvelopeHeadBytes = 5;

const Code& Find(int code) {
  const size_t index = static_cast<size_t>(code);
  return index < kCodes.size() ? kCodes[index] : kCodes[2];
}

std::string Unpadded(absl::string_view bytes) {
  std::string text = absl::Base64Escape(bytes);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

void AppendDetail(const google::protobuf::Any& detail, std::string* json) {
  std::string type;
  google::protobuf::Any::ParseAnyTypeUrl(detail.type_url(), &type);
  absl::StrAppend(json, "{\"type\":");
  AppendJsonString(type, json);
  absl::StrAppend(json, ",\"value\":\"", Unpadded(detail.value()),
                  "\",\"debug\":", WriteJson(detail), "}");
}

// Whole seconds after which it may help to ask again; 0 where that is not said.
int64_t RetrySeconds(const google::rpc::Status& error) {
  for (const google::protobuf::Any& detail : error.details()) {
    google::rpc::RetryInfo retry;
    if (!detail.UnpackTo(&retry)) continue;
    const bool has_part = retry.retry_delay().nanos() > 0;
    return std::max<int64_t>(1, retry.retry_delay().seconds() + (has_part ? 1 : 0));
  }
  return 0;
}

}  // namespace

std::optional<ConnectContent> ReadContentType(absl::string_view content_type) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(content_type, absl::MaxSplits(';', 1));
  const std::string type = absl::AsciiStrToLower(absl::StripAsciiWhitespace(parts.first));
  const absl::string_view parameter = absl::StripAsciiWhitespace(parts.second);
  if (!parameter.empty() && !absl::EqualsIgnoreCase(parameter, "charset=utf-8")) {
    return std::nullopt;
  }
  if (type == "application/json") return ConnectContent{Codec::kJson, false};
  if (type == "application/proto") return ConnectContent{Codec::kProto, false};
  if (type == "application/connect+json") return ConnectContent{Codec::kJson, true};
  if (type == "application/connect+proto") return ConnectContent{Codec::kProto, true};
  return std::nullopt;
}

absl::string_view ContentType(const ConnectContent& content) {
  if (content.is_stream) {
    return content.codec == Codec::kJson ? "application/connect+json" : "application/connect+proto";
  }
  return content.codec == Codec::kJson ? "application/json" : "application/proto";
}

absl::StatusOr<std::optional<absl::Duration>> ReadTimeout(absl::string_view milliseconds) {
  if (milliseconds.empty()) return std::nullopt;
  const bool is_number = std::all_of(milliseconds.begin(), milliseconds.end(), absl::ascii_isdigit);
  int64_t value = 0;
  if (!is_number || milliseconds.size() > kTimeoutDigitsMax ||
      !absl::SimpleAtoi(milliseconds, &value)) {
    return absl::InvalidArgumentError("must be up to 10 digits");
  }
  return absl::Milliseconds(value);
}

absl::string_view ConnectCode(int code) { return Find(code).name; }

int HttpStatusOfCode(int code) { return Find(code).http_status; }

std::string ConnectErrorJson(const google::rpc::Status& error) {
  std::string json = absl::StrCat("{\"code\":\"", ConnectCode(error.code()), "\"");
  if (!error.message().empty()) {
    absl::StrAppend(&json, ",\"message\":");
    AppendJsonString(error.message(), &json);
  }
  for (int i = 0; i < error.details_size(); ++i) {
    absl::StrAppend(&json, i == 0 ? ",\"details\":[" : ",");
    AppendDetail(error.details(i), &json);
  }
  absl::StrAppend(&json, error.details_size() > 0 ? "]}" : "}");
  return json;
}

Response ConnectErrorResponse(const google::rpc::Status& error) {
  Response response = {.status = HttpStatusOfCode(error.code()),
                       .headers = {{"content-type", "application/json"}},
                       .body = ConnectErrorJson(error)};
  const int64_t retry_seconds = RetrySeconds(error);
  if (retry_seconds > 0) {
    response.headers.emplace_back("retry-after", absl::StrCat(retry_seconds));
  }
  if (response.status == 401) response.headers.emplace_back("www-authenticate", "Bearer");
  return response;
}

std::string EndOfStreamJson(const google::rpc::Status& status, const Headers& metadata) {
  std::string json = "{";
  if (status.code() != 0) absl::StrAppend(&json, "\"error\":", ConnectErrorJson(status));
  std::map<absl::string_view, std::vector<absl::string_view>> by_name;
  for (const auto& [name, value] : metadata) by_name[name].push_back(value);
  const char* before = status.code() != 0 ? ",\"metadata\":{" : "\"metadata\":{";
  for (const auto& [name, values] : by_name) {
    absl::StrAppend(&json, std::exchange(before, ","));
    AppendJsonString(name, &json);
    for (size_t i = 0; i < values.size(); ++i) {
      absl::StrAppend(&json, i == 0 ? ":[" : ",");
      AppendJsonString(values[i], &json);
    }
    json.push_back(']');
  }
  if (!by_name.empty()) json.push_back('}');
  absl::StrAppend(&json, "}");
  return json;
}

std::string Envelope(uint8_t flags, absl::string_view message) {
  const std::array<char, kEnvelopeHeadBytes> head = {
      static_cast<char>(flags), static_cast<char>(message.size() >> 24),
      static_cast<char>(message.size() >> 16), static_cast<char>(message.size() >> 8),
      static_cast<char>(message.size())};
  return absl::StrCat(absl::string_view(head.data(), head.size()), message);
}

absl::StatusOr<std::optional<Enveloped>> EnvelopeReader::Next() {
  if (bytes_.size() < kEnvelopeHeadBytes) return std::nullopt;
  const uint8_t flags = static_cast<uint8_t>(bytes_[0]);
  size_t size = 0;
  for (size_t i = 1; i < kEnvelopeHeadBytes; ++i) {
    size = size << 8 | static_cast<uint8_t>(bytes_[i]);
  }
  if ((flags & ~kEnvelopeCompressed) != 0) {
    return absl::InvalidArgumentError("a message has flags that a request does not have");
  }
  if (size > message_bytes_max_) return absl::ResourceExhaustedError("a message is too long");
  if (bytes_.size() < kEnvelopeHeadBytes + size) return std::nullopt;
  Enveloped next = {.flags = flags, .message = bytes_.substr(kEnvelopeHeadBytes, size)};
  bytes_.erase(0, kEnvelopeHeadBytes + size);
  return next;
}

}  // namespace farebox::web
