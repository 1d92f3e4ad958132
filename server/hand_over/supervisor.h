#ifndef FAREBOX_SERVER_HAND_OVER_SUPERVISOR_H_
#define FAREBOX_SERVER_HAND_OVER_SUPERVISOR_H_

#include "absl/strings/string_view.h"

namespace farebox::server {

// Says something to systemd, or whoever else speaks its protocol (sd_notify(3)): "READY=1". Nothing
// happens where nobody wants to be told.
void TellSupervisor(absl::string_view message);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_HAND_OVER_SUPERVISOR_H_
