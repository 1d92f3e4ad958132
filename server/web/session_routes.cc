#include "server/web/session_routes.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/services/call_gate.h"
#include "server/web/connect_messages.h"
#include "server/web/connect_protocol.h"
#include "server/web/session_cookie.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::web {
namespace {

using nlohmann::json;
using server::Sessions;

constexpr char kPath[] = "/session";

// The one field of a sign-in; FIELD_INVALID where there is none, or more than one.
struct Credential {
  std::string field;
  std::string value;
};
absl::StatusOr<Credential> ReadCredential(absl::string_view body) {
  const json sent = json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  if (!sent.is_object() || sent.size() != 1 || !sent.begin()->is_string()) {
    return error::FieldInvalid("request", "must be one of api_key, code and account_id as JSON");
  }
  return Credential{.field = sent.begin().key(), .value = sent.begin()->get<std::string>()};
}

}  // namespace

SessionRoutes::SessionRoutes(const Parts& parts)
    : parts_(parts),
      guard_(parts.clock),
      refused_turns_(parts.clock, limits::kRefusedSignInLinesPerSecond) {}

void SessionRoutes::AddRoutes(Router* routes) {
  routes->AddWaiting("POST", kPath, [this](const Request& request) { return SignIn(request); });
  routes->AddWaiting("GET", kPath, [this](const Request& request) { return Show(request); });
  routes->AddWaiting("DELETE", kPath, [this](const Request& request) { return SignOut(request); });
}

void SessionRoutes::NoteRefused(const Request& request) {
  guard_.NoteFailure(request.peer);
  int64_t left_out = 0;
  if (!refused_turns_.Take(&left_out)) return;
  server::Log(server::LogLevel::kWarning, "sign_in_refused",
              {{"peer", request.peer}, {"left_out", left_out}});
}

Response SessionRoutes::Refuse(const absl::Status& status) const {
  Response response = ConnectErrorResponse(ToRpcStatus(status));
  if (response.status != 401) return response;
  // The page asks for what can be had.
  json body = json::parse(response.body);
  body["access"] = parts_.is_open ? "open" : "keys";
  response.body = body.dump();
  return response;
}

Response SessionRoutes::Tell(const Sessions::Facts& facts) const {
  const json body = {{"account_id", facts.account_id},
                     {"expire_time", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", facts.expire_time,
                                                      absl::UTCTimeZone())},
                     {"access", parts_.is_open ? "open" : "keys"}};
  return {.headers = {{"content-type", "application/json"}}, .body = body.dump()};
}

absl::StatusOr<Sessions::Opened> SessionRoutes::Open(const Request& request) {
  FAREBOX_ASSIGN_OR_RETURN(const Credential credential, ReadCredential(request.body));
  if (credential.field == "api_key") return OpenWithKey(credential.value);
  if (credential.field == "code") return parts_.sessions->OpenWithCode(credential.value);
  if (credential.field == "account_id" && parts_.is_open) {
    FAREBOX_RETURN_IF_ERROR(parts_.ledger->FindAccount(credential.value).status());
    return parts_.sessions->OpenForAccount(credential.value);
  }
  return error::FieldInvalid("request", "must be one of api_key, code and account_id as JSON");
}

// It is a call of the key's, which costs more than most.
absl::StatusOr<Sessions::Opened> SessionRoutes::OpenWithKey(absl::string_view secret) {
  FAREBOX_ASSIGN_OR_RETURN(const server::CallerPtr signer, parts_.sessions->FindSigner(secret));
  FAREBOX_RETURN_IF_ERROR(parts_.gate->CheckCallerRate(*signer));
  return parts_.sessions->OpenFor(*signer);
}

std::optional<v1::AuditRecord> SessionRoutes::Line(const char* method, const Request& request,
                                                   const std::string& digest) const {
  if (parts_.is_open) return std::nullopt;
  const server::CallerPtr caller = parts_.sessions->FindCaller(digest);
  if (caller == nullptr) return std::nullopt;
  v1::AuditRecord line;
  line.set_event(v1::AUDIT_EVENT_ANSWERED);
  line.set_caller(caller->name);
  line.set_role(caller->role);
  line.set_peer(request.peer);
  line.set_method(method);
  // A customer's one.
  line.set_account_id(*caller->account_ids.begin());
  line.set_call_id(server::MakeCallId());
  line.set_code("OK");
  line.set_after_json(json({{"session", Sessions::NameOf(digest)}}).dump());
  return line;
}

Response SessionRoutes::SignIn(const Request& request) {
  if (request.body.size() > limits::kSignInBytesMax) return TextResponse(413, "it is too long");
  const std::optional<ConnectContent> content = ReadContentType(request.Header("content-type"));
  if (!content.has_value() || content->codec != Codec::kJson || content->is_stream) {
    return TextResponse(415, "it must be application/json");
  }
  const absl::Status allowed = parts_.origins->Check(request);
  if (!allowed.ok()) return Refuse(allowed);
  const absl::Duration wait = guard_.Wait(request.peer);
  if (wait > absl::ZeroDuration()) {
    Response later = TextResponse(429, "too many wrong keys came from here");
    later.headers.emplace_back("retry-after", absl::StrCat(absl::ToInt64Seconds(wait) + 1));
    return later;
  }
  const absl::StatusOr<Sessions::Opened> opened = Open(request);
  if (!opened.ok()) {
    if (absl::IsUnauthenticated(opened.status())) NoteRefused(request);
    return Refuse(opened.status());
  }
  // Whatever session there was is over: what somebody may have put there is worth nothing.
  const bool is_secure = parts_.origins->IsSecure(request);
  const std::string old_token = SessionToken(request, is_secure);
  if (!old_token.empty()) {
    const absl::Status closed = parts_.sessions->Close(old_token);
    if (!closed.ok()) return Refuse(closed);
  }
  // Before anybody has the token.
  const auto line = Line("SignIn", request, Sessions::DigestOf(opened->token));
  const absl::Status noted = line.has_value() ? parts_.audit->Write({*line}) : absl::OkStatus();
  if (!noted.ok()) return Refuse(noted);
  server::Log(server::LogLevel::kInfo, "signed_in",
              {{"peer", request.peer}, {"account_id", opened->facts.account_id}});
  Response response = Tell(opened->facts);
  response.headers.emplace_back("set-cookie", SetSessionCookie(opened->token, is_secure));
  return response;
}

Response SessionRoutes::Show(const Request& request) const {
  const absl::Status allowed = parts_.origins->Check(request);
  if (!allowed.ok()) return Refuse(allowed);
  const std::string token = SessionToken(request, parts_.origins->IsSecure(request));
  const std::optional<Sessions::Facts> facts = parts_.sessions->Find(token);
  return facts.has_value() ? Tell(*facts) : Refuse(error::Unauthenticated());
}

Response SessionRoutes::SignOut(const Request& request) {
  absl::Status allowed = parts_.origins->Check(request);
  const bool is_secure = parts_.origins->IsSecure(request);
  const std::string token = SessionToken(request, is_secure);
  if (allowed.ok() && !token.empty()) allowed = parts_.origins->CheckWithSession(request);
  if (!allowed.ok()) return Refuse(allowed);
  const auto line = Line("SignOut", request, Sessions::DigestOf(token));
  const absl::Status closed = parts_.sessions->Close(token);
  if (!closed.ok()) return Refuse(closed);
  if (line.has_value()) parts_.audit->WriteDone({*line});
  return {.status = 204, .headers = {{"set-cookie", ClearSessionCookie(is_secure)}}};
}

}  // namespace farebox::web
