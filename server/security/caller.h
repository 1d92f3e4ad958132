#ifndef FAREBOX_SERVER_SECURITY_CALLER_H_
#define FAREBOX_SERVER_SECURITY_CALLER_H_

#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/access_rule.pb.h"
#include "server/base/call_rates.h"
#include "storage/micros.h"

namespace farebox::server {

// Somebody who has said who they are. Immutable once it is made.
struct Caller {
  // "key:" and the key's id, or the name in a client certificate.
  std::string name;
  v1::Role role = v1::ROLE_UNSPECIFIED;
  // The accounts that the caller is confined to; empty: all.
  absl::flat_hash_set<std::string> account_ids;
  // The most that ROLE_SUPPORT credits at once.
  Micros credit_max;
  // What the operator gave their key; no limit where it has none of its own.
  CallRate key_rate;
  // How often they may call; null: as often as they like.
  std::shared_ptr<CallerRate> rate;
  // False on a server that asks nobody who they are: everybody may do everything.
  bool is_known = true;

  bool is_confined() const { return !account_ids.empty(); }
  bool MayUse(absl::string_view account_id) const {
    return account_ids.empty() || account_ids.contains(account_id);
  }
  // Programs whose every step the journal has.
  bool is_machine() const { return role == v1::ROLE_ROUTER || role == v1::ROLE_GATEWAY; }
};

using CallerPtr = std::shared_ptr<const Caller>;

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_CALLER_H_
