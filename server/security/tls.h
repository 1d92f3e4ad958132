#ifndef FAREBOX_SERVER_SECURITY_TLS_H_
#define FAREBOX_SERVER_SECURITY_TLS_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/security/server_credentials.h"
#include "server/base/due_thread.h"
#include "storage/clock.h"
#include "storage/mutex.h"

struct ssl_ctx_st;
struct ssl_st;

// TLS 1.3 for those who listen, with certificates that are replaced while the server runs.
namespace farebox::server {

// PEM files; none at all: no TLS.
struct TlsOptions {
  // The server's certificate first, then those that lead from it to a root.
  std::string certificate_file;
  std::string key_file;
  // Who signs the certificates of clients. Then every gRPC client must show one, and clients of
  // HTTP are asked for one; empty: nobody is.
  std::string client_ca_file;
  // Whether clients of HTTP must show one too.
  bool http_needs_client_certificate = false;

  bool is_on() const { return !certificate_file.empty(); }
};

// What was in the files, checked: it fits together, and OpenSSL serves it.
struct TlsIdentity {
  std::string certificates;
  std::string private_key;
  std::string client_ca;
  // Of the server's certificate.
  std::string serial;
  absl::Time expire_time;

  friend bool operator==(const TlsIdentity& a, const TlsIdentity& b) {
    return a.certificates == b.certificates && a.private_key == b.private_key &&
           a.client_ca == b.client_ca;
  }
};

// Reads the files once. InvalidArgument says which is wrong, and how: it cannot be read, one of its
// certificates is not whole, the key is not the certificate's, it is too weak, it has expired. What
// is the same as `known`, which was good once, is not parsed again; null: nothing is known.
absl::StatusOr<TlsIdentity> ReadTlsIdentity(const TlsOptions& options, absl::Time now,
                                            const TlsIdentity* known = nullptr);

// The identity in force. Looks at the files every second: what is good, and the same at two looks
// in a row, replaces it for connections that begin; what is not good is logged and the old one
// stays. Thread-safe.
class TlsFiles {
 public:
  // The clock outlives it.
  static absl::StatusOr<std::unique_ptr<TlsFiles>> Open(const TlsOptions& options,
                                                        const Clock* clock,
                                                        absl::Duration look_pause = kLookPause);

  std::shared_ptr<const TlsIdentity> Current() const;

  // The same for connections of HTTP that begin now, by OpenSSL's own type: parsed when the files
  // changed, not for each connection, and shared by all of them. Nobody changes it.
  std::shared_ptr<ssl_ctx_st> HttpContext() const;

  const TlsOptions& options() const { return options_; }

  // Whether what the files have now was refused, and older certificates are in force.
  bool is_refused() const;

  // Looks at the files now.
  void Look();

 private:
  static constexpr absl::Duration kLookPause = absl::Seconds(1);

  TlsFiles(const TlsOptions& options, const Clock* clock, absl::Duration look_pause)
      : options_(options), clock_(clock), look_pause_(look_pause) {}

  void Refuse(const absl::Status& problem);

  // Constant after construction.
  const TlsOptions options_;
  const Clock* const clock_;
  const absl::Duration look_pause_;

  mutable Mutex mu_;
  std::shared_ptr<const TlsIdentity> current_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<ssl_ctx_st> http_context_ ABSL_GUARDED_BY(mu_);  // Of current_.

  // What the last look read, if it was good: files that are being written are not taken.
  std::optional<TlsIdentity> last_read_ ABSL_GUARDED_BY(mu_);
  // What was refused last, so that it is told once.
  std::string last_problem_ ABSL_GUARDED_BY(mu_);
  // Last: it uses all above.
  DueThread thread_{"fbx-tls-files", [this] {
                      Look();
                      return look_pause_;
                    }};
};

// Leaves TLS 1.2 no cipher, and so no connection: gRPC 1.51 does not let one choose the version.
// Before the first use of gRPC.
void AllowTls13Only();

// For one port of a gRPC server. It and the files outlive the server.
std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(const TlsFiles* files,
                                                            bool asks_clients);

// NameOfCertificate() of what the client has shown on a connection of HTTP; empty where it has
// shown none. After the handshake.
std::string NameOfClient(const ssl_st* connection);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_TLS_H_
