#include "server/access.h"

#include <utility>

#include "server/base/limits.h"
#include "server/security/admin_key.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// How far the time of a key's last use may be behind.
constexpr absl::Duration kUsePause = absl::Minutes(1);

}  // namespace

absl::StatusOr<std::unique_ptr<Access>> Access::Start(const AccessOptions& options,
                                                      const Parts& parts) {
  std::unique_ptr<Access> access(new Access(options, parts));
  FAREBOX_RETURN_IF_ERROR(access->Load());
  access->use_writer_.Start(kUsePause);
  return access;
}

absl::Status Access::Check(const AccessOptions& options, CatalogReader* catalog) {
  if (options.mode != AccessMode::kKeys) return absl::OkStatus();
  FAREBOX_ASSIGN_OR_RETURN(const bool has_any, ApiKeys::HasAny(catalog));
  return has_any ? absl::OkStatus() : CheckAdminKeyCanBeMade(options);
}

Access::Access(const AccessOptions& options, const Parts& parts)
    : options_(options),
      parts_(parts),
      documents_(parts.ledger, parts.journal),
      audit_(&documents_, parts.ledger, parts.clock),
      lanes_("access", limits::kAccessThreads) {}

Access::~Access() { Drain(); }

absl::Status Access::Load() {
  FAREBOX_ASSIGN_OR_RETURN(keys_, ApiKeys::Load({.support_credit_max = options_.support_credit_max,
                                                 .rate = options_.caller_rate},
                                                &documents_, parts_.clock));
  FAREBOX_ASSIGN_OR_RETURN(sessions_, Sessions::Load({.is_open = options_.mode == AccessMode::kOpen,
                                                      .rate = options_.caller_rate},
                                                     &documents_, keys_.get(), parts_.clock));
  control_ = std::make_unique<AccessControl>(options_, keys_.get(), sessions_.get());
  return options_.mode == AccessMode::kKeys ? EnsureAdminKey(options_, keys_.get())
                                            : absl::OkStatus();
}

RpcEnvironment Access::Complete(RpcEnvironment environment) {
  environment.access = control_.get();
  environment.audit = &audit_;
  return environment;
}

void Access::MakeService(const RpcEnvironment& environment) {
  service_ = std::make_unique<AccessService>(AccessService::Parts{.environment = environment,
                                                                  .keys = keys_.get(),
                                                                  .sessions = sessions_.get(),
                                                                  .http_url = parts_.http_url,
                                                                  .audit = &audit_,
                                                                  .ledger = parts_.ledger,
                                                                  .lanes = &lanes_});
}

absl::Duration Access::WriteUse() {
  keys_->WriteUse();
  sessions_->WriteUse();
  sessions_->RemoveOver([this] { return !use_writer_.IsStopping(); });
  return kUsePause;
}

void Access::EndUse() {
  {
    MutexLock lock(&mu_);
    if (std::exchange(is_use_over_, true)) return;
  }
  use_writer_.Stop();
  if (keys_ != nullptr) keys_->WriteUse();
  if (sessions_ != nullptr) sessions_->WriteUse();
}

void Access::Drain() {
  {
    MutexLock lock(&mu_);
    if (std::exchange(is_drained_, true)) return;
  }
  lanes_.Drain();
  audit_.Drain();
  EndUse();
}

}  // namespace farebox::server
