#ifndef FAREBOX_SERVER_SERVICES_AUDITED_CALL_H_
#define FAREBOX_SERVER_SERVICES_AUDITED_CALL_H_

#include <functional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "farebox/v1/access.pb.h"
#include "google/protobuf/message.h"
#include "server/base/lanes.h"
#include "server/security/audit_log.h"
#include "server/services/audit_texts.h"

namespace farebox::server {

// What a change is about, as it is before it: JSON for the audit log, which calls it on a thread of
// its own. May wait for a disk.
using DescribeBefore = std::function<std::string(const google::protobuf::Message& request)>;

// A change under way that the audit log is told of. Thread-compatible.
class AuditedCall {
 public:
  // `about` has all that every line says; the request and the function outlive the call.
  AuditedCall(AuditLog* log, v1::AuditRecord about, const google::protobuf::Message& request,
              const DescribeBefore* describe_before, Lanes::Turn turn);

  // See AuditLog::Change; but `then` is called in any case, with SHUTTING_DOWN where the log
  // drains.
  void Begin(absl::AnyInvocable<void(const absl::Status&)> then);
  void End(const absl::Status& status, const google::protobuf::Message& response,
           absl::AnyInvocable<void()> then);

 private:
  v1::AuditRecord Line(v1::AuditEvent event, AuditText* text) const;

  const v1::AuditRecord about_;
  const google::protobuf::Message& request_;
  const DescribeBefore* const describe_before_;
  AuditLog::Change change_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_AUDITED_CALL_H_
