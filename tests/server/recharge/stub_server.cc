#include "tests/server/recharge/stub_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "storage/check.h"
#include "tests/server/thread_gate.h"

namespace farebox::server {
namespace {

constexpr long kDaySeconds = 86'400;  // NOLINT(google-runtime-int): OpenSSL's

struct Freer {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

void AddExtension(X509* certificate, int name, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, name, value.c_str());
  FAREBOX_CHECK(extension != nullptr);
  FAREBOX_CHECK(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

std::unique_ptr<X509, Freer> MakeCertificate(EVP_PKEY* key, const std::string& host) {
  std::unique_ptr<X509, Freer> certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDaySeconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kDaySeconds);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate.get(), NID_subject_alt_name, absl::StrCat("DNS:", host));
  FAREBOX_CHECK(X509_sign(certificate.get(), key, EVP_sha256()) > 0);
  return certificate;
}

// The first request in `bytes`; nothing while it is not whole.
std::optional<StubRequest> TakeRequest(std::string* bytes) {
  const size_t head_end = bytes->find("\r\n\r\n");
  if (head_end == std::string::npos) return std::nullopt;
  StubRequest request;
  const std::string head = bytes->substr(0, head_end);
  const std::vector<std::string> lines = absl::StrSplit(head, "\r\n");
  const std::vector<std::string> words = absl::StrSplit(lines[0], ' ');
  if (words.size() == 3) {
    request.method = words[0];
    request.target = words[1];
  }
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> header =
        absl::StrSplit(lines[i], absl::MaxSplits(": ", 1));
    request.headers.emplace_back(absl::AsciiStrToLower(header.first), header.second);
  }
  size_t body_bytes = 0;
  (void)absl::SimpleAtoi(request.Header("content-length"), &body_bytes);
  const size_t body = head_end + 4;
  if (bytes->size() - body < body_bytes) return std::nullopt;
  request.body = bytes->substr(body, body_bytes);
  bytes->erase(0, body + body_bytes);
  return request;
}

std::string BytesOf(const StubAnswer& answer) {
  if (answer.ending == StubAnswer::Ending::kNothing) return {};
  std::string head = absl::StrCat("HTTP/1.1 ", answer.status,
                                  " Stub\r\nContent-Length: ", answer.body.size(), "\r\n");
  for (const std::string& line : answer.headers) absl::StrAppend(&head, line, "\r\n");
  const bool is_cut = answer.ending == StubAnswer::Ending::kHalfTheBody;
  return absl::StrCat(head, "\r\n",
                      is_cut ? answer.body.substr(0, answer.body.size() / 2) : answer.body);
}

}  // namespace

std::string StubRequest::Header(absl::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

class StubServer::Tls {
 public:
  explicit Tls(const std::string& host)
      : key_(EVP_EC_gen("P-256")),
        certificate_(MakeCertificate(key_.get(), host)),
        context_(SSL_CTX_new(TLS_server_method())) {
    FAREBOX_CHECK(SSL_CTX_use_certificate(context_.get(), certificate_.get()) == 1);
    FAREBOX_CHECK(SSL_CTX_use_PrivateKey(context_.get(), key_.get()) == 1);
  }

  SSL_CTX* context() const { return context_.get(); }

  std::string Pem() const {
    BIO* const memory = BIO_new(BIO_s_mem());
    FAREBOX_CHECK(PEM_write_bio_X509(memory, certificate_.get()) == 1);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory, &bytes);  // NOLINT(google-runtime-int)
    std::string pem(bytes, static_cast<size_t>(size));
    BIO_free(memory);
    return pem;
  }

 private:
  std::unique_ptr<EVP_PKEY, Freer> key_;
  std::unique_ptr<X509, Freer> certificate_;
  std::unique_ptr<SSL_CTX, Freer> context_;
};

// A connection, with TLS or without.
class StubServer::Stream {
 public:
  Stream(int socket, const Tls* tls) : socket_(socket) {
    if (tls == nullptr) return;
    ssl_.reset(SSL_new(tls->context()));
    SSL_set_fd(ssl_.get(), socket);
    is_open_ = SSL_accept(ssl_.get()) == 1;
  }

  bool is_open() const { return is_open_; }

  // False at the end.
  bool Read(std::string* bytes) {
    char buffer[4096];
    const auto count = ssl_ != nullptr ? SSL_read(ssl_.get(), buffer, sizeof(buffer))
                                       : recv(socket_, buffer, sizeof(buffer), 0);
    if (count > 0) bytes->append(buffer, static_cast<size_t>(count));
    return count > 0;
  }

  void Write(absl::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ssl_ != nullptr
                             ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                             : send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
  }

 private:
  const int socket_;
  bool is_open_ = true;
  std::unique_ptr<SSL, Freer> ssl_;
};

StubServer::StubServer(Handler handler, const Options& options) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  FAREBOX_CHECK(bind(listener_, generic, size) == 0 && listen(listener_, SOMAXCONN) == 0);
  FAREBOX_CHECK(getsockname(listener_, generic, &size) == 0);
  if (options.certificate_host.empty()) {
    url_ = absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port));
  } else {
    tls_ = std::make_unique<Tls>(options.certificate_host);
    url_ = absl::StrCat("https://localhost:", ntohs(address.sin_port));
    // OpenSSL writes to sockets whose other side is gone.
    (void)std::signal(SIGPIPE, SIG_IGN);
  }
  acceptor_ = std::thread([this] { Accept(); });
}

StubServer::~StubServer() {
  std::vector<std::thread> connections;
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
    connections.swap(connections_);
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& connection : connections) connection.join();
  for (const int socket : sockets_) close(socket);
  close(listener_);
}

std::string StubServer::certificate() const { return tls_->Pem(); }

std::vector<StubRequest> StubServer::received() {
  MutexLock lock(&mu_);
  return received_;
}

void StubServer::Accept() {
  while (true) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    MutexLock lock(&mu_);
    if (stopping_) {
      close(socket);
      return;
    }
    sockets_.push_back(socket);
    connections_.emplace_back([this, socket] { Serve(socket); });
  }
}

void StubServer::Serve(int socket) {
  Stream stream(socket, tls_.get());
  std::string bytes;
  while (stream.is_open()) {
    const std::optional<StubRequest> request = TakeRequest(&bytes);
    if (!request.has_value()) {
      if (stream.Read(&bytes)) continue;
      break;
    }
    const StubAnswer answer = Answer(*request);
    if (answer.gate != nullptr) answer.gate->Wait();
    if (answer.ending == StubAnswer::Ending::kSilence) continue;
    stream.Write(BytesOf(answer));
    if (answer.ending != StubAnswer::Ending::kWhole) break;
  }
  // Closed at the end, so that its number is not another's meanwhile.
  shutdown(socket, SHUT_RDWR);
}

StubAnswer StubServer::Answer(const StubRequest& request) {
  MutexLock one_at_a_time(&handling_);
  {
    MutexLock lock(&mu_);
    received_.push_back(request);
  }
  return handler_(request);
}

}  // namespace farebox::server
