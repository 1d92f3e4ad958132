#ifndef FAREBOX_SERVER_ACCESS_H_
#define FAREBOX_SERVER_ACCESS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/due_thread.h"
#include "server/base/lanes.h"
#include "server/security/access_control.h"
#include "server/security/api_keys.h"
#include "server/security/audit_log.h"
#include "server/security/sessions.h"
#include "server/services/access_service.h"
#include "server/services/rpc_method.h"
#include "storage/catalog.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/journal.h"
#include "storage/ledger.h"
#include "storage/mutex.h"

namespace farebox::server {

// Who is let in, put together: keys, roles, the audit log and the RPCs about them. Thread-safe.
class Access {
 public:
  // All outlive it.
  struct Parts {
    Ledger* ledger = nullptr;
    Journal* journal = nullptr;
    const Clock* clock = nullptr;
    // Where browsers reach this server; empty: they do not.
    std::string http_url;
  };
  // Makes a key of an admin where there is none in force. InvalidArgument: there is no key at all,
  // and with these options nobody could ever be let in to make one.
  static absl::StatusOr<std::unique_ptr<Access>> Start(const AccessOptions& options,
                                                       const Parts& parts);
  ~Access();

  // Whether Start() would fail with these options, of a ledger that another process owns so far.
  static absl::Status Check(const AccessOptions& options, CatalogReader* catalog);

  // Adds what is its own: with that, the environment is whole.
  RpcEnvironment Complete(RpcEnvironment environment);
  // Called once, with the whole environment.
  void MakeService(const RpcEnvironment& environment);
  const AccessControl& control() const { return *control_; }
  Sessions* sessions() { return sessions_.get(); }
  AccessService* service() { return service_.get(); }
  AuditLog* audit() { return &audit_; }

  // Puts on disk when keys and sessions were used so far: what is used after that is not noted any
  // more. May take a while, in which callers are served as ever. Idempotent.
  void EndUse();

  // Ends all, with EndUse() where that was not called. Idempotent.
  void Drain();

 private:
  Access(const AccessOptions& options, const Parts& parts);

  absl::Status Load();
  // Returns how long to wait before the next.
  absl::Duration WriteUse();

  // Constant after construction.
  const AccessOptions options_;
  const Parts parts_;

  // Synchronise themselves.
  DocumentStore documents_;
  std::unique_ptr<ApiKeys> keys_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<AccessControl> control_;
  AuditLog audit_;
  Lanes lanes_;
  std::unique_ptr<AccessService> service_;

  Mutex mu_;
  bool is_use_over_ ABSL_GUARDED_BY(mu_) = false;
  bool is_drained_ ABSL_GUARDED_BY(mu_) = false;
  DueThread use_writer_{"fbx-key-use", [this] { return WriteUse(); }};  // Last: it uses all above.
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_ACCESS_H_
