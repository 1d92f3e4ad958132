#include "server/security/tls.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/security/certificate_name.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// Warned of from then on, whenever the files are read.
constexpr absl::Duration kExpiresSoon = absl::Hours(24 * 14);

struct Deleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
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

using Chain = std::vector<Owned<X509>>;

// Whether something follows the last block that may be the beginning of another one.
bool IsCutOff(const std::string& pem) {
  const size_t last_end = pem.rfind("-----END ");
  return last_end != std::string::npos && pem.find("\n-", last_end) != std::string::npos;
}

// In their order. None where one of them cannot be read.
std::optional<Chain> ParseCertificates(const std::string& pem) {
  Chain chain;
  const Owned<BIO> rest = Memory(pem);
  ERR_clear_error();
  while (auto next = Owned<X509>(PEM_read_bio_X509(rest.get(), nullptr, nullptr, nullptr))) {
    chain.push_back(std::move(next));
  }
  const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!is_end || IsCutOff(pem)) return std::nullopt;
  return chain;
}

// Those of a file, at least one.
absl::StatusOr<Chain> ReadChain(const std::string& path, const std::string& pem) {
  std::optional<Chain> chain = ParseCertificates(pem);
  if (!chain.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has a certificate that is not whole"));
  }
  if (chain->empty()) return absl::InvalidArgumentError(absl::StrCat(path, " has no certificate"));
  return *std::move(chain);
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

Owned<EVP_PKEY> ParseKey(const std::string& pem) {
  return Owned<EVP_PKEY>(
      PEM_read_bio_PrivateKey(Memory(pem).get(), nullptr, NoPassphrase, nullptr));
}

// False where OpenSSL does not serve them: it refuses what is too weak.
bool UsePair(const Chain& chain, EVP_PKEY* key, SSL_CTX* context) {
  if (SSL_CTX_use_certificate(context, chain[0].get()) != 1) return false;
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) return false;
  }
  return SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
}

absl::Status CheckPair(const TlsOptions& options, const Chain& chain, const std::string& key_pem) {
  const Owned<EVP_PKEY> key = ParseKey(key_pem);
  if (key == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(options.key_file, " has no private key"));
  }
  if (X509_check_private_key(chain[0].get(), key.get()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.key_file, " is not the key of the certificate in ", options.certificate_file));
  }
  ERR_clear_error();
  const Owned<SSL_CTX> trial(SSL_CTX_new(TLS_server_method()));
  if (trial != nullptr && UsePair(chain, key.get(), trial.get())) return absl::OkStatus();
  const char* const problem = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(
      options.certificate_file, " cannot be used: ", problem == nullptr ? "unknown" : problem));
}

// Fills in what the certificate says of itself.
absl::Status ReadContents(const TlsOptions& options, TlsIdentity* identity) {
  FAREBOX_ASSIGN_OR_RETURN(const Chain chain,
                           ReadChain(options.certificate_file, identity->certificates));
  FAREBOX_RETURN_IF_ERROR(CheckPair(options, chain, identity->private_key));
  identity->serial = SerialOf(chain[0].get());
  identity->expire_time = ExpiryOf(chain[0].get());
  if (options.client_ca_file.empty()) return absl::OkStatus();
  return ReadChain(options.client_ca_file, identity->client_ca).status();
}

// Whoever has no certificate is let through unless one is needed; one that is no good ends the
// handshake. Those who sign are named, so that a browser offers none that they have not signed.
bool AskForCertificate(const std::string& client_ca, bool is_needed, SSL_CTX* context) {
  const std::optional<Chain> signers = ParseCertificates(client_ca);
  const Owned<X509_STORE> store(X509_STORE_new());
  if (!signers.has_value() || store == nullptr) return false;
  for (const Owned<X509>& signer : *signers) {
    if (X509_STORE_add_cert(store.get(), signer.get()) != 1) return false;
    if (SSL_CTX_add_client_CA(context, signer.get()) != 1) return false;
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (is_needed ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  // A session that is taken up again would bring the client's certificate along unverified.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return SSL_CTX_set_num_tickets(context, 0) == 1 &&
         SSL_CTX_set1_verify_cert_store(context, store.get()) == 1;
}

// What TlsFiles::HttpContext() is about; null where OpenSSL cannot make it. A long list of signers
// takes long.
std::shared_ptr<SSL_CTX> MakeHttpContext(const TlsIdentity& identity,
                                         bool needs_client_certificate) {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  const std::optional<Chain> chain = ParseCertificates(identity.certificates);
  const Owned<EVP_PKEY> key = ParseKey(identity.private_key);
  if (context == nullptr || !chain.has_value() || chain->empty() || key == nullptr) return nullptr;
  if (SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1) return nullptr;
  if (!UsePair(*chain, key.get(), context.get())) return nullptr;
  const bool asks_clients = !identity.client_ca.empty();
  if (asks_clients &&
      !AskForCertificate(identity.client_ca, needs_client_certificate, context.get())) {
    return nullptr;
  }
  return context;
}

}  // namespace

absl::StatusOr<TlsIdentity> ReadTlsIdentity(const TlsOptions& options, absl::Time now,
                                            const TlsIdentity* known) {
  TlsIdentity identity;
  FAREBOX_ASSIGN_OR_RETURN(identity.certificates, ReadFile(options.certificate_file));
  FAREBOX_ASSIGN_OR_RETURN(identity.private_key, ReadFile(options.key_file));
  if (!options.client_ca_file.empty()) {
    FAREBOX_ASSIGN_OR_RETURN(identity.client_ca, ReadFile(options.client_ca_file));
  }
  if (known != nullptr && identity == *known) {
    identity = *known;
  } else {
    FAREBOX_RETURN_IF_ERROR(ReadContents(options, &identity));
  }
  if (identity.expire_time > now) return identity;
  return absl::InvalidArgumentError(absl::StrCat("the certificate in ", options.certificate_file,
                                                 " expired at ",
                                                 absl::FormatTime(identity.expire_time)));
}

// ---- TlsFiles

absl::StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::Open(const TlsOptions& options,
                                                         const Clock* clock,
                                                         absl::Duration look_pause) {
  FAREBOX_ASSIGN_OR_RETURN(TlsIdentity identity, ReadTlsIdentity(options, clock->Now()));
  std::shared_ptr<SSL_CTX> context =
      MakeHttpContext(identity, options.http_needs_client_certificate);
  if (context == nullptr) return absl::InternalError("OpenSSL cannot set up TLS");
  std::unique_ptr<TlsFiles> files(new TlsFiles(options, clock, look_pause));
  {
    MutexLock lock(&files->mu_);
    files->http_context_ = std::move(context);
    files->current_ = std::make_shared<const TlsIdentity>(std::move(identity));
  }
  files->thread_.Start(look_pause);
  return files;
}

std::shared_ptr<const TlsIdentity> TlsFiles::Current() const {
  MutexLock lock(&mu_);
  return current_;
}

std::shared_ptr<SSL_CTX> TlsFiles::HttpContext() const {
  MutexLock lock(&mu_);
  return http_context_;
}

bool TlsFiles::is_refused() const {
  MutexLock lock(&mu_);
  return !last_problem_.empty();
}

void TlsFiles::Refuse(const absl::Status& problem) {
  MutexLock lock(&mu_);
  last_read_.reset();
  if (problem.message() == last_problem_) return;
  Log(LogLevel::kError, "certificate_refused", {{"problem", problem.message()}});
  last_problem_ = std::string(problem.message());
}

void TlsFiles::Look() {
  absl::StatusOr<TlsIdentity> read = ReadTlsIdentity(options_, clock_->Now(), Current().get());
  if (!read.ok()) return Refuse(read.status());
  {
    MutexLock lock(&mu_);
    const bool is_settled = last_read_.has_value() && *read == *last_read_;
    last_read_ = *read;
    if (*read == *current_) return last_problem_.clear();
    if (!is_settled) return;
  }
  // Without the lock, which connections that begin wait for.
  std::shared_ptr<SSL_CTX> context = MakeHttpContext(*read, options_.http_needs_client_certificate);
  if (context == nullptr) return Refuse(absl::InternalError("OpenSSL cannot set up TLS"));
  Log(read->expire_time - clock_->Now() < kExpiresSoon ? LogLevel::kWarning : LogLevel::kInfo,
      "certificate_replaced",
      {{"serial", read->serial}, {"expires", absl::FormatTime(read->expire_time)}});
  auto next = std::make_shared<const TlsIdentity>(*std::move(read));
  MutexLock lock(&mu_);
  last_problem_.clear();
  current_ = std::move(next);
  // Whoever has the last hold of the old one frees it after the lock.
  http_context_.swap(context);
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

// ---- Certificates of clients

namespace {

std::string Text(const ASN1_STRING* text) {
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<size_t>(ASN1_STRING_length(text)));
}

std::vector<std::string> UrisOf(X509* certificate) {
  const Owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> uris;
  // None where there is no such extension.
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_URI) uris.push_back(Text(name->d.uniformResourceIdentifier));
  }
  return uris;
}

std::vector<std::string> CommonNamesOf(X509* certificate) {
  X509_NAME* const subject = X509_get_subject_name(certificate);
  std::vector<std::string> names;
  for (int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0;
       at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) {
    names.push_back(Text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  }
  return names;
}

}  // namespace

std::string NameOfClient(const SSL* connection) {
  const Owned<X509> certificate(SSL_get1_peer_certificate(connection));
  if (certificate == nullptr) return "";
  return NameOfCertificate(UrisOf(certificate.get()), CommonNamesOf(certificate.get()));
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
