#include "server/web/static_files.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/web/gzip.h"

namespace farebox::web {
namespace {

constexpr char kIndex[] = "/index.html";
constexpr absl::string_view kNamedByContent = "/assets/";
// Never the page's own: RPCs.
constexpr absl::string_view kRpcs = "/farebox.";

constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'";

// Whether an If-None-Match names it.
bool IsKnown(absl::string_view known, absl::string_view etag) {
  for (absl::string_view one : absl::StrSplit(known, ',')) {
    one = absl::StripAsciiWhitespace(one);
    absl::ConsumePrefix(&one, "W/");
    if (one == etag || one == "*") return true;
  }
  return false;
}

bool IsHtml(const EmbeddedFile& file) { return absl::StartsWith(file.content_type, "text/html"); }

Headers HeadersOf(const EmbeddedFile& file) {
  const bool is_lasting = absl::StartsWith(file.path, kNamedByContent);
  Headers headers = {
      {"content-type", std::string(file.content_type)},
      {"etag", std::string(file.etag)},
      {"cache-control", is_lasting ? "public, max-age=31536000, immutable" : "no-cache"},
      {"vary", "accept-encoding"}};
  if (IsHtml(file)) {
    headers.emplace_back("content-security-policy", kPolicy);
    headers.emplace_back("cross-origin-opener-policy", "same-origin");
    headers.emplace_back("cross-origin-resource-policy", "same-origin");
  }
  return headers;
}

}  // namespace

StaticFiles::StaticFiles(absl::Span<const EmbeddedFile> files) {
  for (const EmbeddedFile& file : files) by_path_[file.path] = &file;
}

const EmbeddedFile* StaticFiles::Find(const Request& request) const {
  const auto find = [this](absl::string_view path) {
    const auto found = by_path_.find(path);
    return found == by_path_.end() ? nullptr : found->second;
  };
  if (const EmbeddedFile* const file = find(request.path)) return file;
  // An address within the page, which a person goes to; a file that is missing is missing.
  const absl::string_view path = request.path;
  const bool is_address = absl::StrContains(request.Header("accept"), "text/html") &&
                          !absl::StrContains(path.substr(path.rfind('/')), ".") &&
                          !absl::StartsWith(path, kRpcs);
  return path == "/" || is_address ? find(kIndex) : nullptr;
}

void StaticFiles::Serve(const ExchangePtr& exchange) const {
  const Request& request = exchange->request();
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const EmbeddedFile* const file = reads ? Find(request) : nullptr;
  if (file == nullptr) return exchange->Answer(TextResponse(404, "there is nothing here"));
  Response response = {.headers = HeadersOf(*file)};
  if (IsKnown(request.Header("if-none-match"), file->etag)) {
    response.status = 304;
  } else if (!file->is_gzipped) {
    response.lasting_body = file->bytes;
  } else if (AcceptsGzip(request.Header("accept-encoding"))) {
    response.headers.emplace_back("content-encoding", "gzip");
    response.lasting_body = file->bytes;
  } else {
    absl::StatusOr<std::string> plain = Gunzip(file->bytes, std::numeric_limits<uint32_t>::max());
    if (plain.ok()) response.body = *std::move(plain);
  }
  exchange->Answer(std::move(response));
}

}  // namespace farebox::web
