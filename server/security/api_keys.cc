#include "server/security/api_keys.h"

#include <limits>
#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/document_kinds.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/proto_time.h"
#include "server/security/last_use.h"
#include "server/security/random.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

constexpr absl::string_view kSecretPrefix = "fbx_";
constexpr size_t kIdBytes = 6;
constexpr size_t kPage = 1'000;

void SetTime(int64_t micros, google::protobuf::Timestamp* (v1::ApiKey::*field)(), v1::ApiKey* key) {
  if (micros == 0) return;
  FillTime(absl::FromUnixMicros(micros), (key->*field)());
}

// The key's own, or the one for all.
CallRate RateOf(const stored::v1::ApiKey& stored, const CallRate& rate_of_all) {
  if (stored.calls_per_second() == 0) return rate_of_all;
  return {.per_second = stored.calls_per_second(), .burst = stored.calls_burst()};
}

v1::ApiKey Describe(const std::string& key_id, const stored::v1::ApiKey& stored) {
  v1::ApiKey key;
  key.set_key_id(key_id);
  key.set_role(stored.role());
  *key.mutable_account_ids() = stored.account_ids();
  key.set_label(stored.label());
  key.set_calls_per_second(stored.calls_per_second());
  key.set_calls_burst(stored.calls_burst());
  SetTime(stored.create_micros(), &v1::ApiKey::mutable_create_time, &key);
  SetTime(stored.expire_micros(), &v1::ApiKey::mutable_expire_time, &key);
  SetTime(stored.revoke_micros(), &v1::ApiKey::mutable_revoke_time, &key);
  SetTime(stored.last_used_micros(), &v1::ApiKey::mutable_last_used_time, &key);
  return key;
}

absl::StatusOr<stored::v1::ApiKey> Read(const Document& document) {
  stored::v1::ApiKey stored;
  if (stored.ParseFromString(document.content)) return stored;
  return absl::DataLossError(absl::StrCat("API key ", document.key, " cannot be read"));
}

bool IsExpired(int64_t expire_micros, absl::Time now) {
  return expire_micros != 0 && absl::ToUnixMicros(now) >= expire_micros;
}

// Every key that was ever made; `list` has the documents below an id, newest first.
absl::Status VisitKeys(
    absl::FunctionRef<absl::StatusOr<std::vector<Document>>(int64_t before)> list,
    absl::FunctionRef<void(const std::string& key_id, const stored::v1::ApiKey& key)> visit) {
  int64_t before = std::numeric_limits<int64_t>::max();
  while (true) {
    FAREBOX_ASSIGN_OR_RETURN(const std::vector<Document> page, list(before));
    for (const Document& document : page) {
      FAREBOX_ASSIGN_OR_RETURN(const stored::v1::ApiKey stored, Read(document));
      visit(document.key, stored);
      before = document.id;
    }
    if (page.size() < kPage) return absl::OkStatus();
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<ApiKeys>> ApiKeys::Load(const Options& options,
                                                       DocumentStore* documents,
                                                       const Clock* clock) {
  std::unique_ptr<ApiKeys> keys(new ApiKeys(options, documents, clock));
  FAREBOX_RETURN_IF_ERROR(VisitKeys(
      [&](int64_t before) { return documents->List(kApiKeys, /*account=*/0, before, kPage); },
      [&](const std::string& key_id, const stored::v1::ApiKey& stored) {
        keys->Remember(key_id, stored);
      }));
  return keys;
}

void ApiKeys::Remember(const std::string& key_id, const stored::v1::ApiKey& stored) {
  auto known = std::make_shared<Known>();
  known->key_id = key_id;
  known->caller.name = absl::StrCat("key:", key_id);
  known->caller.role = stored.role();
  known->caller.account_ids.insert(stored.account_ids().begin(), stored.account_ids().end());
  known->caller.credit_max = options_.support_credit_max;
  known->caller.key_rate = RateOf(stored, /*rate_of_all=*/{});
  known->caller.rate = MakeCallerRate(RateOf(stored, options_.rate));
  known->expire_micros = stored.expire_micros();
  known->is_revoked = stored.revoke_micros() != 0;
  known->last_used_micros = stored.last_used_micros();
  known->written_use_micros = stored.last_used_micros();
  MutexLock lock(&mu_);
  by_id_[key_id] = known;
  by_digest_[stored.digest()] = std::move(known);
}

absl::Status ApiKeys::CheckRoom(AccountNumber account) {
  {
    MutexLock lock(&mu_);
    if (by_digest_.size() >= limits::kApiKeysMax) {
      return error::FieldInvalid("key", "there are too many keys already");
    }
  }
  if (account == 0) return absl::OkStatus();
  FAREBOX_ASSIGN_OR_RETURN(const std::vector<Document> known,
                           documents_->List(kApiKeys, account, std::numeric_limits<int64_t>::max(),
                                            limits::kCustomerKeysMax));
  if (known.size() < limits::kCustomerKeysMax) return absl::OkStatus();
  return error::FieldInvalid("key", "the account has too many keys already");
}

std::string ApiKeys::MakeSecret() { return absl::StrCat(kSecretPrefix, RandomToken()); }

absl::StatusOr<ApiKeys::NewKey> ApiKeys::Create(const v1::ApiKey& wanted, AccountNumber account,
                                                const std::string& secret) {
  FAREBOX_RETURN_IF_ERROR(CheckRoom(account));
  const std::string key_id = absl::BytesToHexString(RandomBytes(kIdBytes));
  stored::v1::ApiKey stored;
  stored.set_digest(Sha256(secret));
  stored.set_role(wanted.role());
  *stored.mutable_account_ids() = wanted.account_ids();
  stored.set_label(wanted.label());
  stored.set_calls_per_second(wanted.calls_per_second());
  stored.set_calls_burst(wanted.calls_burst() == 0 ? wanted.calls_per_second()
                                                   : wanted.calls_burst());
  stored.set_create_micros(absl::ToUnixMicros(clock_->Now()));
  if (wanted.has_expire_time()) {
    stored.set_expire_micros(wanted.expire_time().seconds() * 1'000'000 +
                             wanted.expire_time().nanos() / 1'000);
  }
  FAREBOX_RETURN_IF_ERROR(documents_->Put({{.kind = kApiKeys,
                                            .key = key_id,
                                            .account = account,
                                            .content = stored.SerializeAsString()}}));
  Remember(key_id, stored);
  return NewKey{.key = Describe(key_id, stored), .secret = secret};
}

absl::StatusOr<stored::v1::ApiKey> ApiKeys::Change(
    absl::string_view key_id, AccountNumber account,
    const std::function<void(stored::v1::ApiKey*)>& change) {
  while (true) {
    FAREBOX_ASSIGN_OR_RETURN(std::optional<Document> document, documents_->Find(kApiKeys, key_id));
    const bool is_found = document.has_value() && (account == 0 || document->account == account);
    if (!is_found) return error::ApiKeyNotFound(key_id);
    FAREBOX_ASSIGN_OR_RETURN(stored::v1::ApiKey stored, Read(*document));
    change(&stored);
    document->content = stored.SerializeAsString();
    const absl::Status written = documents_->Put({*std::move(document)});
    if (written.ok()) return stored;
    if (!absl::IsAborted(written)) return written;
  }
}

absl::StatusOr<v1::ApiKey> ApiKeys::Revoke(absl::string_view key_id, AccountNumber account) {
  const int64_t now = absl::ToUnixMicros(clock_->Now());
  FAREBOX_ASSIGN_OR_RETURN(const stored::v1::ApiKey stored,
                           Change(key_id, account, [now](stored::v1::ApiKey* key) {
                             if (key->revoke_micros() == 0) key->set_revoke_micros(now);
                           }));
  MutexLock lock(&mu_);
  const auto found = by_digest_.find(stored.digest());
  if (found != by_digest_.end()) found->second->is_revoked = true;
  return Describe(std::string(key_id), stored);
}

absl::StatusOr<std::vector<ApiKeys::Listed>> ApiKeys::List(AccountNumber account, int64_t before,
                                                           size_t count_max) {
  FAREBOX_ASSIGN_OR_RETURN(const std::vector<Document> page,
                           documents_->List(kApiKeys, account, before, count_max));
  std::vector<Listed> listed;
  for (const Document& document : page) {
    FAREBOX_ASSIGN_OR_RETURN(const stored::v1::ApiKey stored, Read(document));
    listed.push_back({.position = document.id, .key = Describe(document.key, stored)});
  }
  return listed;
}

bool ApiKeys::IsGood(const Known& known) const {
  return !IsExpired(known.expire_micros, clock_->Now()) &&
         !known.is_revoked.load(std::memory_order_relaxed);
}

CallerPtr ApiKeys::Find(absl::string_view secret) const {
  const std::string digest = Sha256(secret);
  std::shared_ptr<const Known> known;
  {
    MutexLock lock(&mu_);
    const auto found = by_digest_.find(digest);
    if (found != by_digest_.end()) known = found->second;
  }
  if (known == nullptr || !IsGood(*known)) return nullptr;
  known->last_used_micros.store(absl::ToUnixMicros(clock_->Now()), std::memory_order_relaxed);
  const Caller* const caller = &known->caller;
  return CallerPtr(std::move(known), caller);
}

CallerPtr ApiKeys::FindById(absl::string_view key_id) const {
  std::shared_ptr<const Known> known;
  {
    MutexLock lock(&mu_);
    const auto found = by_id_.find(key_id);
    if (found != by_id_.end()) known = found->second;
  }
  if (known == nullptr || !IsGood(*known)) return nullptr;
  const Caller* const caller = &known->caller;
  return CallerPtr(std::move(known), caller);
}

bool ApiKeys::HasAdmin() const {
  MutexLock lock(&mu_);
  for (const auto& [digest, known] : by_digest_) {
    if (known->caller.role == v1::ROLE_ADMIN && IsGood(*known)) return true;
  }
  return false;
}

bool ApiKeys::HasAny() const {
  MutexLock lock(&mu_);
  return !by_id_.empty();
}

absl::StatusOr<bool> ApiKeys::HasAny(CatalogReader* catalog) {
  FAREBOX_ASSIGN_OR_RETURN(
      const std::vector<Document> newest,
      catalog->ListDocuments(kApiKeys, /*account=*/0, std::numeric_limits<int64_t>::max(),
                             /*count_max=*/1));
  return !newest.empty();
}

void ApiKeys::WriteUse() {
  std::vector<std::shared_ptr<Known>> used;
  std::vector<LastUse> uses;
  {
    MutexLock lock(&mu_);
    for (const auto& [digest, known] : by_digest_) {
      const int64_t last_used = known->last_used_micros.load();
      if (last_used <= known->written_use_micros.load()) continue;
      used.push_back(known);
      uses.push_back({.key = known->key_id, .micros = last_used});
    }
  }
  for (size_t begin = 0; begin < used.size(); begin += limits::kUsesPerCommit) {
    const auto group = absl::MakeConstSpan(uses).subspan(begin, limits::kUsesPerCommit);
    const absl::Status written = WriteLastUse<stored::v1::ApiKey>(documents_, kApiKeys, group);
    if (!written.ok()) {
      return Log(LogLevel::kWarning, "key_use_unwritten", {{"error", written.message()}});
    }
    for (size_t i = 0; i < group.size(); ++i) {
      used[begin + i]->written_use_micros = group[i].micros;
    }
  }
}

}  // namespace farebox::server
