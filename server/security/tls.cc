#include "server/security/tls.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/log.h"
#include "storage/status_macros.h"
#include "storage/thread.h"

namespace farebox::server {
namespace {

constexpr absl::Duration kLookPause = absl::Seconds(1);
// Warned of from then on, whenever the files are read.
constexpr absl::Duration kExpiresSoon = absl::Hours(24 * 14);

struct Deleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(char* text) const { OPENSSL_free(text); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::InvalidArgumentError(absl::StrCat(path, " cannot be read"));
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

Owned<BIO> Memory(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Owned<X509> FirstCertificate(const std::string& pem) {
  return Owned<X509>(PEM_read_bio_X509(Memory(pem).get(), nullptr, nullptr, nullptr));
}

std::string SerialOf(const X509* certificate) {
  const Owned<BIGNUM> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  const Owned<char> text(BN_bn2hex(number.get()));
  return text == nullptr ? "" : text.get();
}

absl::Time ExpiryOf(const X509* certificate) {
  std::tm time = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return absl::InfinitePast();
  return absl::FromTM(time, absl::UTCTimeZone());
}

// Never asks for a passphrase at a terminal.
int NoPassphrase(char*, int, int, void*) { return 0; }

absl::Status CheckPair(const TlsOptions& options, const TlsIdentity& identity, X509* certificate) {
  const Owned<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(Memory(identity.private_key).get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(options.key_file, " has no private key"));
  }
  if (X509_check_private_key(certificate, key.get()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.key_file, " is not the key of the certificate in ", options.certificate_file));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TlsIdentity> ReadTlsIdentity(const TlsOptions& options, absl::Time now) {
  TlsIdentity identity;
  FAREBOX_ASSIGN_OR_RETURN(identity.certificates, ReadFile(options.certificate_file));
  FAREBOX_ASSIGN_OR_RETURN(identity.private_key, ReadFile(options.key_file));
  const Owned<X509> certificate = FirstCertificate(identity.certificates);
  if (certificate == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.certificate_file, " has no certificate"));
  }
  FAREBOX_RETURN_IF_ERROR(CheckPair(options, identity, certificate.get()));
  identity.serial = SerialOf(certificate.get());
  identity.expire_time = ExpiryOf(certificate.get());
  if (identity.expire_time <= now) {
    return absl::InvalidArgumentError(absl::StrCat("the certificate in ", options.certificate_file,
                                                   " expired at ",
                                                   absl::FormatTime(identity.expire_time)));
  }
  if (options.client_ca_file.empty()) return identity;
  FAREBOX_ASSIGN_OR_RETURN(identity.client_ca, ReadFile(options.client_ca_file));
  if (FirstCertificate(identity.client_ca) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(options.client_ca_file, " has no certificate"));
  }
  return identity;
}

// ---- TlsFiles

absl::StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::Open(const TlsOptions& options,
                                                         const Clock* clock) {
  FAREBOX_ASSIGN_OR_RETURN(TlsIdentity identity, ReadTlsIdentity(options, clock->Now()));
  std::unique_ptr<TlsFiles> files(new TlsFiles(options, clock));
  {
    MutexLock lock(&files->mu_);
    files->current_ = std::make_shared<const TlsIdentity>(std::move(identity));
  }
  files->thread_ = StartThread("fbx-tls-files", [self = files.get()] { self->Loop(); });
  return files;
}

TlsFiles::~TlsFiles() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    changed_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const TlsIdentity> TlsFiles::Current() const {
  MutexLock lock(&mu_);
  return current_;
}

bool TlsFiles::is_refused() const {
  MutexLock lock(&mu_);
  return !last_problem_.empty();
}

void TlsFiles::Loop() {
  while (true) {
    {
      MutexLock lock(&mu_);
      if (!stopping_) changed_.WaitFor(&mu_, kLookPause);
      if (stopping_) return;
    }
    Look();
  }
}

void TlsFiles::Look() {
  absl::StatusOr<TlsIdentity> read = ReadTlsIdentity(options_, clock_->Now());
  if (!read.ok()) {
    const std::string problem(read.status().message());
    MutexLock lock(&mu_);
    if (problem == last_problem_) return;
    Log(LogLevel::kError, "certificate_refused", {{"problem", problem}});
    last_problem_ = problem;
    return;
  }
  {
    MutexLock lock(&mu_);
    last_problem_.clear();
    if (*read == *current_) return;
  }
  Log(read->expire_time - clock_->Now() < kExpiresSoon ? LogLevel::kWarning : LogLevel::kInfo,
      "certificate_replaced",
      {{"serial", read->serial}, {"expires", absl::FormatTime(read->expire_time)}});
  auto next = std::make_shared<const TlsIdentity>(*std::move(read));
  MutexLock lock(&mu_);
  current_ = std::move(next);
}

// ---- gRPC

namespace {

// Asks for the identity in force at every handshake, by the callback that gRPC's core has for it.
class TlsCredentials final : public grpc::ServerCredentials {
 public:
  TlsCredentials(const TlsFiles* files, bool asks_clients) : files_(*files) {
    const grpc_ssl_client_certificate_request_type request =
        asks_clients ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                     : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
    // Takes the options.
    credentials_ = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request, &Fetch, this));
  }
  ~TlsCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // Called by one handshake at a time.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<TlsCredentials*>(self)->Fetch(config);
  }
  grpc_ssl_certificate_config_reload_status Fetch(grpc_ssl_server_certificate_config** config) {
    std::shared_ptr<const TlsIdentity> current = files_.Current();
    if (current == given_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair = {.private_key = current->private_key.c_str(),
                                             .cert_chain = current->certificates.c_str()};
    // It insists on roots, and does not use them where clients are asked for no certificate.
    const std::string& roots =
        current->client_ca.empty() ? current->certificates : current->client_ca;
    *config = grpc_ssl_server_certificate_config_create(roots.c_str(), &pair, 1);
    given_ = std::move(current);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const TlsFiles& files_;
  grpc_server_credentials* credentials_ = nullptr;
  std::shared_ptr<const TlsIdentity> given_;
};

}  // namespace

// ---- OpenSSL

namespace {

// Called for each connection, so that it gets the identity in force.
int UseCurrent(SSL* connection, void* files) {
  const auto current = static_cast<const TlsFiles*>(files)->Current();
  const Owned<BIO> chain = Memory(current->certificates);
  const Owned<X509> certificate(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  const Owned<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(Memory(current->private_key).get(), nullptr, NoPassphrase, nullptr));
  if (certificate == nullptr || key == nullptr) return 0;
  SSL_certs_clear(connection);
  if (SSL_use_certificate(connection, certificate.get()) != 1) return 0;
  while (const auto next = Owned<X509>(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr))) {
    if (SSL_add1_chain_cert(connection, next.get()) != 1) return 0;
  }
  ERR_clear_error();  // Of the chain's end.
  return SSL_use_PrivateKey(connection, key.get());
}

}  // namespace

bool SetUpTls(const TlsFiles& files, SSL_CTX* context) {
  if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1) return false;
  SSL_CTX_set_cert_cb(context, &UseCurrent, const_cast<TlsFiles*>(&files));
  return true;
}

void AllowTls13Only() {
  // Whoever would speak TLS 1.2 needs a shared key, which nobody has.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread.
  setenv("GRPC_SSL_CIPHER_SUITES", "PSK-AES256-GCM-SHA384", /*overwrite=*/1);
}

std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(const TlsFiles* files,
                                                            bool asks_clients) {
  return std::make_shared<TlsCredentials>(files, asks_clients);
}

}  // namespace farebox::server
