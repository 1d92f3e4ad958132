#include "server/recharge/http_client.h"

#include <curl/curl.h>

#include <mutex>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/recharge/limits.h"
#include "storage/check.h"

namespace farebox::server {
namespace {

// Handles that are kept for the next request; more requests at once are fine.
constexpr size_t kIdleHandlesMax = 16;

// What the callbacks of one request write to.
struct Receiver {
  HttpResponse response;
  size_t body_bytes_max = 0;
  bool is_too_large = false;
};

size_t ReceiveBody(char* bytes, size_t /*one*/, size_t count, void* user) {
  Receiver& receiver = *static_cast<Receiver*>(user);
  if (count > receiver.body_bytes_max - receiver.response.body.size()) {
    receiver.is_too_large = true;
    return 0;
  }
  receiver.response.body.append(bytes, count);
  return count;
}

size_t ReceiveHeader(char* bytes, size_t /*one*/, size_t count, void* user) {
  Receiver& receiver = *static_cast<Receiver*>(user);
  const absl::string_view line(bytes, count);
  // A status line begins a response: those before it were interim ones.
  if (line.substr(0, 5) == "HTTP/") receiver.response.headers.clear();
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return count;
  if (receiver.response.headers.size() == limits::kProviderHeaderLinesMax) {
    receiver.is_too_large = true;
    return 0;
  }
  receiver.response.headers.emplace_back(
      absl::AsciiStrToLower(line.substr(0, colon)),
      std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
  return count;
}

struct ListFreer {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListFreer>;

void Append(HeaderList* list, const std::string& line) {
  FAREBOX_CHECK(line.find_first_of("\r\n") == std::string::npos);
  curl_slist* const longer = curl_slist_append(list->get(), line.c_str());
  FAREBOX_CHECK(longer != nullptr);
  (void)list->release();  // It is a part of `longer` now.
  list->reset(longer);
}

HeaderList ListOf(const HttpRequest& request) {
  HeaderList list;
  // Without waiting for a "100 Continue".
  Append(&list, "Expect:");
  for (const std::string& line : request.headers) Append(&list, line);
  return list;
}

template <typename Value>
void Set(CURL* handle, CURLoption option, Value value) {
  FAREBOX_CHECK(curl_easy_setopt(handle, option, value) == CURLE_OK);
}

void Configure(CURL* handle, const HttpClient::Options& options) {
  Set(handle, CURLOPT_NOSIGNAL, 1L);
  Set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  Set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  Set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  Set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));  // NOLINT(*-int)
  Set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // NOLINT(*-int)
  Set(handle, CURLOPT_CONNECTTIMEOUT_MS, absl::ToInt64Milliseconds(options.connect_timeout));
  Set(handle, CURLOPT_TIMEOUT_MS, absl::ToInt64Milliseconds(options.total_timeout));
  Set(handle, CURLOPT_PROXY, options.proxy.c_str());
  if (!options.ca_file.empty()) Set(handle, CURLOPT_CAINFO, options.ca_file.c_str());
}

void Describe(CURL* handle, const HttpRequest& request, curl_slist* headers) {
  FAREBOX_CHECK(request.method == "GET" || request.method == "POST");
  Set(handle, CURLOPT_URL, request.url.c_str());
  Set(handle, CURLOPT_HTTPHEADER, headers);
  if (request.method == "GET") {
    Set(handle, CURLOPT_HTTPGET, 1L);
    return;
  }
  Set(handle, CURLOPT_POST, 1L);
  Set(handle, CURLOPT_POSTFIELDS, request.body.c_str());
  Set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
}

absl::Status FailureOf(CURLcode code, bool is_too_large) {
  if (is_too_large) return absl::ResourceExhaustedError("the response is too large");
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return absl::DeadlineExceededError("no complete response in time");
  }
  return absl::UnavailableError(absl::StrCat("no response: ", curl_easy_strerror(code)));
}

}  // namespace

absl::string_view HttpResponse::Header(absl::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

void HttpClient::HandleCloser::operator()(void* handle) const { curl_easy_cleanup(handle); }

HttpClient::HttpClient(Options options) : options_(std::move(options)) {
  static std::once_flag once;
  std::call_once(once, [] { FAREBOX_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

HttpClient::~HttpClient() = default;

absl::StatusOr<HttpResponse> HttpClient::Send(const HttpRequest& request) {
  const HeaderList headers = ListOf(request);
  Receiver receiver = {.body_bytes_max = options_.response_bytes_max};
  // Last: closing it may still look at what it was given.
  Handle handle = TakeHandle();
  Configure(handle.get(), options_);
  Describe(handle.get(), request, headers.get());
  Set(handle.get(), CURLOPT_WRITEFUNCTION, &ReceiveBody);
  Set(handle.get(), CURLOPT_WRITEDATA, &receiver);
  Set(handle.get(), CURLOPT_HEADERFUNCTION, &ReceiveHeader);
  Set(handle.get(), CURLOPT_HEADERDATA, &receiver);
  const CURLcode code = curl_easy_perform(handle.get());
  if (code != CURLE_OK) return FailureOf(code, receiver.is_too_large);
  long status = 0;  // NOLINT(google-runtime-int): libcurl's
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  receiver.response.status = static_cast<int>(status);
  GiveBack(std::move(handle));
  return std::move(receiver.response);
}

HttpClient::Handle HttpClient::TakeHandle() {
  {
    MutexLock lock(&mu_);
    if (!idle_.empty()) {
      Handle handle = std::move(idle_.back());
      idle_.pop_back();
      return handle;
    }
  }
  Handle handle(curl_easy_init());
  FAREBOX_CHECK(handle != nullptr);
  return handle;
}

void HttpClient::GiveBack(Handle handle) {
  // Forgets the request, keeps the connection.
  curl_easy_reset(handle.get());
  MutexLock lock(&mu_);
  if (idle_.size() < kIdleHandlesMax) idle_.push_back(std::move(handle));
}

std::string PercentEncode(absl::string_view text) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
        absl::string_view("-._~").find(c) != absl::string_view::npos) {
      encoded.push_back(c);
    } else {
      absl::StrAppend(&encoded, "%",
                      absl::AsciiStrToUpper(absl::BytesToHexString(absl::string_view(&c, 1))));
    }
  }
  return encoded;
}

}  // namespace farebox::server
