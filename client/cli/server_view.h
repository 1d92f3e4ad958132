#ifndef FAREBOX_CLIENT_CLI_SERVER_VIEW_H_
#define FAREBOX_CLIENT_CLI_SERVER_VIEW_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "client/cli/server_rates.h"
#include "farebox/v1/operations.pb.h"

// How `farebox status` and `farebox top` show a server. Pure.
namespace farebox::cli {

enum class RpcOrder { kByCalls, kByErrors, kByLatency, kByName };

struct ServerViewOptions {
  std::string server;
  absl::TimeZone zone;
  bool has_colour = false;
  RpcOrder order = RpcOrder::kByCalls;
  bool is_reversed = false;
};

// What the server is, what it has, and what it does at these rates: a line for each subject, then a
// table of the RPCs.
std::string ServerText(const v1::GetStatusResponse& status, const ServerRates& rates,
                       const ServerViewOptions& options);

// The same for programs, in one line.
std::string ServerJson(const v1::GetStatusResponse& status, const ServerRates& rates);

// "1.5 MB"
std::string FormatBytes(int64_t bytes);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_SERVER_VIEW_H_
