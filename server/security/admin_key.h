#ifndef FAREBOX_SERVER_SECURITY_ADMIN_KEY_H_
#define FAREBOX_SERVER_SECURITY_ADMIN_KEY_H_

#include "absl/status/status.h"
#include "server/security/access_control.h"
#include "server/security/api_keys.h"

// The key that a ledger's first admin gets: made at a start, in a file that its owner alone reads.
namespace farebox::server {

// For a ledger that has no key of an admin in force. InvalidArgument: with these options none can
// be made, and no certificate makes it needless, so that nobody could ever be let in to make one.
absl::Status CheckAdminKeyCanBeMade(const AccessOptions& options);

// Makes the key where there is none in force, and puts the file into place that a start which was
// killed had not. Where it is only this key that cannot be made, for its file or for a disk that is
// full, that fails only in a ledger that has no key at all, and is logged otherwise.
absl::Status EnsureAdminKey(const AccessOptions& options, ApiKeys* keys);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_ADMIN_KEY_H_
