#include "server/security/sessions.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/document_kinds.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/security/last_use.h"
#include "server/security/random.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

constexpr size_t kPage = 1'000;
constexpr absl::string_view kKeyPrefix = "key:";
// Of a digest, where it names a session for people.
constexpr size_t kShownDigits = 12;

void LogUnwritten(const absl::Status& status) {
  Log(LogLevel::kWarning, "session_use_unwritten", {{"error", status.message()}});
}

}  // namespace

std::string Sessions::DigestOf(absl::string_view token) {
  return absl::BytesToHexString(Sha256(token));
}

std::string Sessions::NameOf(absl::string_view digest) {
  return absl::StrCat("session:", digest.substr(0, kShownDigits));
}

absl::StatusOr<std::unique_ptr<Sessions>> Sessions::Load(const Options& options,
                                                         DocumentStore* documents,
                                                         const ApiKeys* keys, const Clock* clock) {
  std::unique_ptr<Sessions> sessions(new Sessions(options, documents, keys, clock));
  int64_t before = std::numeric_limits<int64_t>::max();
  while (true) {
    FAREBOX_ASSIGN_OR_RETURN(const std::vector<Document> page,
                             documents->List(kSessions, /*account=*/0, before, kPage));
    for (const Document& document : page) {
      stored::v1::Session stored;
      if (!stored.ParseFromString(document.content)) {
        return absl::DataLossError("a session cannot be read");
      }
      sessions->Remember(document.key, stored);
      before = document.id;
    }
    if (page.size() < kPage) return sessions;
  }
}

void Sessions::Remember(const std::string& digest, const stored::v1::Session& stored) {
  auto session = std::make_shared<Session>();
  session->digest = digest;
  session->stored = stored;
  session->last_used_micros = stored.last_used_micros();
  session->written_use_micros = stored.last_used_micros();
  session->caller.name = NameOf(digest);
  session->caller.role = v1::ROLE_CUSTOMER;
  session->caller.account_ids.insert(stored.account_id());
  session->caller.rate = MakeCallerRate(options_.rate);
  MutexLock lock(&mu_);
  by_digest_[digest] = std::move(session);
}

absl::Time Sessions::ExpireTime(const Session& session) const {
  return std::min(absl::FromUnixMicros(session.last_used_micros.load()) + limits::kSessionIdleTime,
                  absl::FromUnixMicros(session.stored.create_micros()) + limits::kSessionTime);
}

bool Sessions::IsOver(const Session& session) const {
  if (session.is_ended || ExpireTime(session) <= clock_->Now()) return true;
  // Nobody has shown who they are for one that was begun where nobody was asked.
  return !options_.is_open && session.stored.key_id().empty() &&
         session.stored.certificate().empty();
}

// ---- Beginning

absl::StatusOr<CallerPtr> Sessions::FindSigner(absl::string_view secret) const {
  CallerPtr signer = keys_->Find(secret);
  if (signer == nullptr) return error::Unauthenticated();
  if (signer->role != v1::ROLE_CUSTOMER || signer->account_ids.size() != 1) {
    return error::PermissionDenied("only a customer's key signs in");
  }
  return signer;
}

absl::StatusOr<Sessions::Opened> Sessions::OpenFor(const Caller& signer) {
  stored::v1::Session stored;
  stored.set_account_id(*signer.account_ids.begin());
  stored.set_key_id(std::string(absl::StripPrefix(signer.name, kKeyPrefix)));
  stored.set_is_of_key(true);
  return Open(std::move(stored));
}

absl::StatusOr<Sessions::Opened> Sessions::OpenWithCode(absl::string_view code) {
  stored::v1::Session stored;
  {
    MutexLock lock(&mu_);
    const auto found = links_.find(Sha256(code));
    if (found == links_.end()) return error::Unauthenticated();
    // Once, whatever comes of it.
    const PendingLink link = std::move(found->second);
    links_.erase(found);
    if (link.expire_time <= clock_->Now()) return error::Unauthenticated();
    stored.set_account_id(link.account_id);
    stored.set_key_id(link.key_id);
    stored.set_certificate(link.certificate);
  }
  if (!stored.key_id().empty() && keys_->FindById(stored.key_id()) == nullptr) {
    return error::Unauthenticated();
  }
  return Open(std::move(stored));
}

absl::StatusOr<Sessions::Opened> Sessions::OpenForAccount(const std::string& account_id) {
  stored::v1::Session stored;
  stored.set_account_id(account_id);
  return Open(std::move(stored));
}

Sessions::Link Sessions::MakeLink(const std::string& account_id, const Caller& maker) {
  Link link = {.code = RandomToken(), .expire_time = clock_->Now() + limits::kSignInLinkTime};
  PendingLink pending = {.account_id = account_id, .expire_time = link.expire_time};
  absl::string_view name = maker.name;
  if (maker.is_known) {
    const bool has_key = absl::ConsumePrefix(&name, kKeyPrefix);
    (has_key ? pending.key_id : pending.certificate) = std::string(name);
  }
  MutexLock lock(&mu_);
  if (links_.size() >= limits::kSignInLinksMax) {
    absl::erase_if(
        links_, [now = clock_->Now()](const auto& one) { return one.second.expire_time <= now; });
  }
  // Whoever has so many made within their time loses them all.
  if (links_.size() >= limits::kSignInLinksMax) links_.clear();
  links_[Sha256(link.code)] = std::move(pending);
  return link;
}

std::vector<std::string> Sessions::TooMany(const std::string& account_id) {
  std::vector<SessionPtr> of_account;
  std::vector<std::string> ended;
  MutexLock lock(&mu_);
  for (const auto& [digest, session] : by_digest_) {
    if (session->stored.account_id() == account_id) of_account.push_back(session);
  }
  std::sort(of_account.begin(), of_account.end(), [](const auto& a, const auto& b) {
    return a->stored.create_micros() < b->stored.create_micros();
  });
  for (size_t i = 0; i + limits::kSessionsPerAccountMax <= of_account.size(); ++i) {
    ended.push_back(of_account[i]->digest);
  }
  return ended;
}

absl::StatusOr<Sessions::Opened> Sessions::Open(stored::v1::Session stored) {
  for (const std::string& digest : TooMany(stored.account_id())) {
    FAREBOX_RETURN_IF_ERROR(Remove(digest));
  }
  {
    MutexLock lock(&mu_);
    if (by_digest_.size() >= limits::kSessionsMax) return error::Overloaded();
  }
  const int64_t now = absl::ToUnixMicros(clock_->Now());
  stored.set_create_micros(now);
  stored.set_last_used_micros(now);
  Opened opened = {.token = RandomToken()};
  const std::string digest = DigestOf(opened.token);
  FAREBOX_RETURN_IF_ERROR(
      documents_->Put({{.kind = kSessions, .key = digest, .content = stored.SerializeAsString()}}));
  Remember(digest, stored);
  opened.facts = {.account_id = stored.account_id(),
                  .expire_time = absl::FromUnixMicros(now) + limits::kSessionIdleTime};
  return opened;
}

// ---- Use

Sessions::SessionPtr Sessions::FindGood(absl::string_view digest) {
  SessionPtr session;
  {
    MutexLock lock(&mu_);
    const auto found = by_digest_.find(digest);
    if (found != by_digest_.end()) session = found->second;
  }
  if (session == nullptr || IsOver(*session)) return nullptr;
  const std::string& key_id = session->stored.key_id();
  if (!key_id.empty() && keys_->FindById(key_id) == nullptr) return nullptr;
  session->last_used_micros.store(absl::ToUnixMicros(clock_->Now()));
  return session;
}

std::optional<Sessions::Facts> Sessions::Find(absl::string_view token) {
  const SessionPtr session = FindGood(DigestOf(token));
  if (session == nullptr) return std::nullopt;
  return Facts{.account_id = session->stored.account_id(), .expire_time = ExpireTime(*session)};
}

CallerPtr Sessions::FindCaller(absl::string_view digest) {
  const SessionPtr session = FindGood(digest);
  if (session == nullptr) return nullptr;
  if (session->stored.is_of_key()) return keys_->FindById(session->stored.key_id());
  return CallerPtr(session, &session->caller);
}

// ---- Ending

absl::Status Sessions::Close(absl::string_view token) { return Remove(DigestOf(token)); }

absl::Status Sessions::Remove(const std::string& digest) {
  {
    MutexLock lock(&mu_);
    const auto found = by_digest_.find(digest);
    if (found != by_digest_.end()) found->second->is_ended = true;
  }
  absl::Status removed;
  do {
    FAREBOX_ASSIGN_OR_RETURN(const std::optional<Document> document,
                             documents_->Find(kSessions, digest));
    removed = document.has_value() ? documents_->Remove(*document) : absl::OkStatus();
    // Aborted: somebody has written its last use meanwhile.
  } while (absl::IsAborted(removed));
  if (!removed.ok()) return removed;
  MutexLock lock(&mu_);
  by_digest_.erase(digest);
  return absl::OkStatus();
}

void Sessions::WriteUse() {
  std::vector<SessionPtr> used;
  std::vector<LastUse> uses;
  {
    MutexLock lock(&mu_);
    for (const auto& [digest, session] : by_digest_) {
      const int64_t last_used = session->last_used_micros.load();
      const int64_t behind = last_used - session->written_use_micros.load();
      if (absl::Microseconds(behind) < limits::kSessionUsePause || IsOver(*session)) continue;
      used.push_back(session);
      uses.push_back({.key = digest, .micros = last_used});
    }
  }
  for (size_t begin = 0; begin < used.size(); begin += limits::kUsesPerCommit) {
    const auto group = absl::MakeConstSpan(uses).subspan(begin, limits::kUsesPerCommit);
    const absl::Status written = WriteLastUse<stored::v1::Session>(documents_, kSessions, group);
    if (!written.ok()) return LogUnwritten(written);
    for (size_t i = 0; i < group.size(); ++i) {
      used[begin + i]->written_use_micros = group[i].micros;
    }
  }
}

void Sessions::RemoveOver(absl::FunctionRef<bool()> should_continue) {
  std::vector<std::string> over;
  {
    MutexLock lock(&mu_);
    for (const auto& [digest, session] : by_digest_) {
      if (IsOver(*session)) over.push_back(digest);
    }
  }
  for (const std::string& digest : over) {
    if (!should_continue()) return;
    const absl::Status removed = Remove(digest);
    if (!removed.ok()) return LogUnwritten(removed);
  }
}

}  // namespace farebox::server
