#ifndef FAREBOX_SERVER_CONFIG_H_
#define FAREBOX_SERVER_CONFIG_H_

#include <string>

#include "absl/time/time.h"
#include "server/base/call_rates.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/mailing.h"
#include "server/payments.h"
#include "server/rentals.h"
#include "server/security/access_control.h"
#include "server/security/tls.h"
#include "server/services/call_log.h"
#include "server/transport/admission.h"

namespace farebox::server {

// What an operator can set. The defaults are those of `farebox-server --help`.
struct Config {
  std::string data_directory = "farebox-data";
  // Where backups are made; nowhere if empty.
  std::string backup_directory;
  std::string listen = "127.0.0.1:50051";
  // Lets `listen` be an address that others can reach, without TLS or with nobody asked who they
  // are.
  bool insecure_listen_anywhere = false;
  AccessOptions access;
  // For calls and for HTTP.
  TlsOptions tls;
  // Where the port that was bound is written; nowhere if empty.
  std::string port_file;
  Admission::Options connections = {.connections_max = limits::kConnectionsMax,
                                    .connections_per_host_max = limits::kConnectionsPerHostMax};
  int calls_per_connection_max = limits::kCallsPerConnectionMax;
  absl::Duration connection_idle = limits::kConnectionIdle;
  absl::Duration connection_age = limits::kConnectionAge;
  absl::Duration connection_age_grace = limits::kConnectionAgeGrace;
  absl::Duration drain_grace = limits::kDrainGrace;
  absl::Duration drain_timeout = limits::kDrainTimeout;
  absl::Duration request_window = limits::kRequestWindow;
  size_t queued_commands_max = limits::kQueuedCommandsMax;
  // How often calls may be about one account.
  CallRate account_rate;
  int64_t free_disk_bytes_min = limits::kFreeDiskBytesMin;
  int reader_threads = limits::kReaderThreads;
  // Where HTTP is served: webhooks and pages. Nowhere if empty.
  std::string http_listen;
  // How browsers reach it; empty: at localhost.
  std::string http_url;
  Payments::Options payments;
  Rentals::Options rentals;
  Mailing::Options mail;
  LogFormat log_format = LogFormat::kText;
  LogLevel log_level = LogLevel::kInfo;
  CallLogOptions call_log;
};

// What became of reading flags, environment and config file.
struct ConfigResult {
  Config config;
  // Set where there is nothing to run: --help, --version, or a mistake, which has been told.
  bool is_done = false;
  int exit_code = 0;
};

// Later ones win: defaults, the config file, FAREBOX_... of the environment, flags.
ConfigResult ReadConfig(int argc, const char* const* argv);

// Whether others than this machine can reach what listens on `address`, which may be empty, without
// TLS or without being asked who they are.
bool IsExposed(const std::string& address, const Config& config);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_CONFIG_H_
