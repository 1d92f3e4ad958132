#ifndef FAREBOX_CLIENT_CPP_OPTIONS_H_
#define FAREBOX_CLIENT_CPP_OPTIONS_H_

#include <optional>
#include <string>

#include "absl/time/time.h"

namespace farebox::client {

// How an attempt that failed is followed by another.
struct RetryOptions {
  // How long one attempt may take before it counts as lost and is repeated.
  absl::Duration attempt_timeout = absl::Seconds(1);
  // Attempts in all; 1 never repeats.
  int attempts_max = 10;
  // The pause after the first failure; each further one is twice as long, up to the longest. Where
  // the server names a longer pause, that one holds. Each is then varied, so that callers who
  // failed together do not come back together.
  absl::Duration pause_first = absl::Milliseconds(20);
  absl::Duration pause_max = absl::Milliseconds(500);
};

struct ClientOptions {
  // host:port, or unix:PATH.
  std::string target = "127.0.0.1:50051";
  // "fbx_...": sent with every call; none if empty. Without TLS only to a server on this machine:
  // it is sent as it is.
  std::string api_key;
  // Whether the connection is by TLS; the four below are for it.
  bool has_tls = false;
  // The name that the server's certificate must have, where it is not that of `target`.
  std::string tls_name;
  // In PEM, as the two after it: who may have signed the server's certificate; empty: whom this
  // machine trusts.
  std::string root_certificates;
  // What the client shows, its own certificate first; empty: nothing.
  std::string certificates;
  std::string private_key;
  // A W3C `traceparent` that every call is sent with, streams too, but those that have one of their
  // own; none if empty. See trace.h.
  std::string traceparent;
  // What a call may take in all: its attempts and the pauses between them.
  absl::Duration timeout = absl::Seconds(2);
  // The same for Verify, Backup, ReconcileRecharges, ImportRates, ExportRates and ExportActivity,
  // which take as long as there is data.
  absl::Duration bulk_timeout = absl::Minutes(30);
  // The same for calls that ask the payment provider.
  absl::Duration provider_timeout = absl::Seconds(70);
  RetryOptions retry;
  // Asynchronous calls at once. One more is given up before anything of it is sent, with
  // RESOURCE_EXHAUSTED, so that an overload is not answered by a queue that outlasts every caller's
  // patience; but not what ends a call: Release, and Debit of a hold. The server takes 128 at a
  // time from a connection (--calls-per-connection-max), and the others wait here.
  int calls_max = 1'000;
  // A connection that is in use and silent for `keepalive_interval` is asked for a sign of life; it
  // is given up when none comes within `keepalive_timeout`. The server takes one every 10 s.
  absl::Duration keepalive_interval = absl::Seconds(20);
  absl::Duration keepalive_timeout = absl::Seconds(5);
};

// What may differ from call to call.
struct CallOptions {
  // In place of ClientOptions::timeout, bulk_timeout or provider_timeout.
  std::optional<absl::Duration> timeout;
  // The call's place in a trace, in place of ClientOptions::traceparent: the server's log has its
  // trace id wherever it writes about the call.
  std::string traceparent = {};
};

}  // namespace farebox::client

#endif  // FAREBOX_CLIENT_CPP_OPTIONS_H_
