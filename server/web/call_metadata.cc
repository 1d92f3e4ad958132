#include "server/web/call_metadata.h"

#include <grpc/grpc.h>

#include <map>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "grpcpp/support/slice.h"

namespace farebox::web {
namespace {

constexpr absl::string_view kBinary = "-bin";

// HTTP's own, what browsers and proxies add, and what stands for the caller at this server only.
bool IsOfHttp(absl::string_view name) {
  static const auto* const names =
      new absl::flat_hash_set<absl::string_view>{"accept",
                                                 "accept-charset",
                                                 "accept-encoding",
                                                 "accept-language",
                                                 "cache-control",
                                                 "connection",
                                                 "content-length",
                                                 "content-encoding",
                                                 "content-type",
                                                 "cookie",
                                                 "dnt",
                                                 "expect",
                                                 "forwarded",
                                                 "host",
                                                 "if-match",
                                                 "if-none-match",
                                                 "if-modified-since",
                                                 "keep-alive",
                                                 "origin",
                                                 "pragma",
                                                 "priority",
                                                 "range",
                                                 "referer",
                                                 "te",
                                                 "trailer",
                                                 "transfer-encoding",
                                                 "upgrade",
                                                 "user-agent",
                                                 "via",
                                                 "upgrade-insecure-requests"};
  for (const absl::string_view prefix :
       {"connect-", "farebox-", "grpc-", "proxy-", "sec-", "x-forwarded-"}) {
    if (absl::StartsWith(name, prefix)) return true;
  }
  return names->contains(name);
}

grpc_slice Borrow(absl::string_view text) {
  return grpc_slice_from_static_buffer(text.data(), text.size());
}

void Append(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
            absl::string_view prefix, Headers* headers) {
  for (const auto& [key, value] : metadata) {
    const absl::string_view name(key.data(), key.size());
    const absl::string_view bytes(value.data(), value.size());
    if (absl::StartsWith(name, "grpc-") || absl::StartsWith(name, ":") || IsOfHttp(name)) continue;
    std::string text(bytes);
    if (absl::EndsWith(name, kBinary)) {
      text = absl::Base64Escape(bytes);
      while (!text.empty() && text.back() == '=') text.pop_back();
    }
    headers->emplace_back(absl::StrCat(prefix, name), std::move(text));
  }
}

}  // namespace

void AddMetadata(const Request& request, grpc::ClientContext* context) {
  for (const auto& [name, value] : request.headers) {
    if (IsOfHttp(name) || grpc_header_key_is_legal(Borrow(name)) == 0) continue;
    if (absl::EndsWith(name, kBinary)) {
      std::string bytes;
      if (absl::Base64Unescape(value, &bytes)) context->AddMetadata(name, bytes);
    } else if (grpc_header_nonbin_value_is_legal(Borrow(value)) != 0) {
      context->AddMetadata(name, value);
    }
  }
}

void AppendLeading(const grpc::ClientContext& context, Headers* headers) {
  Append(context.GetServerInitialMetadata(), "", headers);
}

void AppendTrailing(const grpc::ClientContext& context, absl::string_view prefix,
                    Headers* headers) {
  Append(context.GetServerTrailingMetadata(), prefix, headers);
}

google::rpc::Status ToRpcStatus(const grpc::Status& status) {
  google::rpc::Status with_details;
  if (!status.error_details().empty() && with_details.ParseFromString(status.error_details())) {
    return with_details;
  }
  google::rpc::Status plain;
  plain.set_code(status.error_code());
  plain.set_message(status.error_message());
  return plain;
}

grpc::ByteBuffer ToBuffer(absl::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::string bytes;
  std::vector<grpc::Slice> slices;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace farebox::web
