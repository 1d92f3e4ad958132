#ifndef FAREBOX_SERVER_SECURITY_SESSIONS_H_
#define FAREBOX_SERVER_SECURITY_SESSIONS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/access.pb.h"
#include "server/base/call_rates.h"
#include "server/security/api_keys.h"
#include "server/security/caller.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/mutex.h"

namespace farebox::server {

// Browsers that are signed in to an account. A browser has a token of 256 random bits in a cookie;
// only its hash is kept, in memory and on disk, so a session outlives a restart.
//
// A session acts as the key that it was exchanged for, and ends with it. One that was begun by a
// link acts as a customer of the link's account; it ends with the key of whoever made the link. One
// that was begun while nobody was asked who they are is over as soon as everybody is.
//
// Thread-safe. Find... and MakeLink wait for nothing; the others wait for a disk.
class Sessions {
 public:
  struct Options {
    // Nobody is asked who they are.
    bool is_open = false;
    // Of a session that does not act as a key.
    CallRate rate;
  };
  // All outlive it.
  static absl::StatusOr<std::unique_ptr<Sessions>> Load(const Options& options,
                                                        DocumentStore* documents,
                                                        const ApiKeys* keys, const Clock* clock);

  struct Facts {
    std::string account_id;
    absl::Time expire_time;
  };
  struct Opened {
    // Nobody can be told it again.
    std::string token;
    Facts facts;
  };
  // Who signs in with a key. UNAUTHENTICATED: it is no good key; PERMISSION_DENIED: it is none of
  // one customer.
  absl::StatusOr<CallerPtr> FindSigner(absl::string_view secret) const;
  absl::StatusOr<Opened> OpenFor(const Caller& signer);
  // UNAUTHENTICATED: it is no code, or was one.
  absl::StatusOr<Opened> OpenWithCode(absl::string_view code);
  // For a server that asks nobody who they are. The account exists.
  absl::StatusOr<Opened> OpenForAccount(const std::string& account_id);

  struct Link {
    std::string code;
    absl::Time expire_time;
  };
  // A link to an account that exists, made by `maker`. Links do not outlive a restart.
  Link MakeLink(const std::string& account_id, const Caller& maker);

  // What there is for the token; nothing where it is over. That is a use of it.
  std::optional<Facts> Find(absl::string_view token);
  // The same by DigestOf(token): who is calling. Null where it is over.
  CallerPtr FindCaller(absl::string_view digest);

  // Signs out. OK where there was nothing, too. Where the disk takes nothing it is over all the
  // same, and RemoveOver removes it.
  absl::Status Close(absl::string_view token);

  // Puts on disk when sessions were used.
  void WriteUse();

  // Removes those that are over, one by one, for as long as `should_continue` says so.
  void RemoveOver(absl::FunctionRef<bool()> should_continue);

  // What stands for a token where that is not to be seen: SHA-256 in hexadecimal.
  static std::string DigestOf(absl::string_view token);
  // What names a session for people: "session:" and the beginning of the digest.
  static std::string NameOf(absl::string_view digest);

 private:
  struct Session {
    // Constant after construction.
    std::string digest;
    stored::v1::Session stored;
    // For those that are not a key's own.
    Caller caller;

    // Somebody has signed out, and it may be on disk still.
    std::atomic<bool> is_ended{false};
    std::atomic<int64_t> last_used_micros{0};
    std::atomic<int64_t> written_use_micros{0};
  };
  using SessionPtr = std::shared_ptr<Session>;

  Sessions(const Options& options, DocumentStore* documents, const ApiKeys* keys,
           const Clock* clock)
      : options_(options), documents_(documents), keys_(keys), clock_(clock) {}

  absl::StatusOr<Opened> Open(stored::v1::Session stored);
  void Remember(const std::string& digest, const stored::v1::Session& stored);
  absl::Time ExpireTime(const Session& session) const;
  // Whether its own time is over; its key may have ended besides.
  bool IsOver(const Session& session) const;
  // Null where it is over.
  SessionPtr FindGood(absl::string_view digest);
  absl::Status Remove(const std::string& digest);
  // The sessions to end before another one of the account is begun.
  std::vector<std::string> TooMany(const std::string& account_id);

  // Constant after construction.
  const Options options_;
  DocumentStore* const documents_;
  const ApiKeys* const keys_;
  const Clock* const clock_;

  struct PendingLink {
    std::string account_id;
    // Who made it: a key or a certificate, or neither where nobody is asked.
    std::string key_id;
    std::string certificate;
    absl::Time expire_time;
  };

  Mutex mu_;
  absl::flat_hash_map<std::string, SessionPtr> by_digest_ ABSL_GUARDED_BY(mu_);
  // By the hash of the code.
  absl::flat_hash_map<std::string, PendingLink> links_ ABSL_GUARDED_BY(mu_);
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_SESSIONS_H_
