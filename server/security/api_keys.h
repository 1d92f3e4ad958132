#ifndef FAREBOX_SERVER_SECURITY_API_KEYS_H_
#define FAREBOX_SERVER_SECURITY_API_KEYS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/access.pb.h"
#include "farebox/v1/access.pb.h"
#include "server/base/call_rates.h"
#include "server/security/caller.h"
#include "storage/catalog.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/entry.h"
#include "storage/mutex.h"

namespace farebox::server {

// The keys that callers are let in by: "fbx_" and 256 random bits. Only their hashes are kept, in
// memory and on disk; since a key is random, and not something that people think up, SHA-256 once
// is enough of a hash.
//
// Thread-safe. Find() waits for nothing; the others wait for a disk.
class ApiKeys {
 public:
  struct Options {
    // The most that a caller with a key of ROLE_SUPPORT credits at once.
    Micros support_credit_max;
    // Of a key that has none of its own.
    CallRate rate;
  };
  // Both outlive it.
  static absl::StatusOr<std::unique_ptr<ApiKeys>> Load(const Options& options,
                                                       DocumentStore* documents,
                                                       const Clock* clock);

  struct NewKey {
    v1::ApiKey key;
    // Nobody can be told it again.
    std::string secret;
  };
  static std::string MakeSecret();
  // `wanted` is checked; `account` is the one of a customer's key, 0 for other roles. FieldInvalid
  // where there are too many.
  absl::StatusOr<NewKey> Create(const v1::ApiKey& wanted, AccountNumber account,
                                const std::string& secret = MakeSecret());

  // The key as it ended; again for one that had. NotFound: there is none, or it is not of the
  // customer of `account`, where that is not 0.
  absl::StatusOr<v1::ApiKey> Revoke(absl::string_view key_id, AccountNumber account);

  struct Listed {
    int64_t position = 0;
    v1::ApiKey key;
  };
  // Newest first, those with positions below `before`; of the customer of one account or, for 0,
  // all.
  absl::StatusOr<std::vector<Listed>> List(AccountNumber account, int64_t before, size_t count_max);

  // Whose key it is; null where it is nobody's, expired or revoked: all in the same time.
  CallerPtr Find(absl::string_view secret) const;

  // The same by the key's id, for sessions that it was exchanged for; that is no use of it.
  CallerPtr FindById(absl::string_view key_id) const;

  // Whether somebody can be let in who may make keys.
  bool HasAdmin() const;
  // Whether a key was ever made.
  bool HasAny() const;
  // The same in a ledger that another process owns.
  static absl::StatusOr<bool> HasAny(CatalogReader* catalog);

  // Puts on disk when keys were used since it was done last.
  void WriteUse();

 private:
  // A key as calls need it.
  struct Known {
    Caller caller;
    std::string key_id;
    int64_t expire_micros = 0;
    std::atomic<bool> is_revoked = false;
    mutable std::atomic<int64_t> last_used_micros = 0;
    std::atomic<int64_t> written_use_micros = 0;
  };

  ApiKeys(const Options& options, DocumentStore* documents, const Clock* clock)
      : options_(options), documents_(documents), clock_(clock) {}

  bool IsGood(const Known& known) const;
  absl::Status CheckRoom(AccountNumber account);
  void Remember(const std::string& key_id, const stored::v1::ApiKey& stored);
  // Changes a key on disk, again where somebody was first. NotFound: there is none.
  absl::StatusOr<stored::v1::ApiKey> Change(absl::string_view key_id, AccountNumber account,
                                            const std::function<void(stored::v1::ApiKey*)>& change);

  // Constant after construction.
  const Options options_;
  DocumentStore* const documents_;
  const Clock* const clock_;

  mutable Mutex mu_;
  // By the SHA-256 of the key.
  absl::flat_hash_map<std::string, std::shared_ptr<Known>> by_digest_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, std::shared_ptr<Known>> by_id_ ABSL_GUARDED_BY(mu_);
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_API_KEYS_H_
