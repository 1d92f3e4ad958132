#ifndef FAREBOX_SERVER_SERVICES_CONTENT_H_
#define FAREBOX_SERVER_SERVICES_CONTENT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "farebox/v1/account.pb.h"
#include "farebox/v1/billing.pb.h"

namespace farebox::server {

// The first byte of a request's content. In journals by way of fingerprints: never changes.
enum class ContentKind : uint8_t {
  kAuthorize = 1,
  kReauthorize = 2,
  kDebit = 3,
  kRelease = 4,
  kCredit = 5,
  kCreateAccount = 6,
  kUpdateAccount = 7,
  kSuspendAccount = 8,
  kResumeAccount = 9,
  kCloseAccount = 10,
};

// What a request says, in one canonical form: the kind, then each field that is not at its default
// as its number and value. A field that is added later therefore changes no older fingerprint, and
// nothing depends on how protobuf writes bytes. Thread-compatible.
class Content {
 public:
  explicit Content(ContentKind kind);

  Content& Add(uint8_t field, int64_t value);
  Content& Add(uint8_t field, absl::string_view value);
  Content& Add(uint8_t field, const v1::Usage& usage);

  uint64_t Fingerprint() const;

 private:
  std::string bytes_;
};

// Everything of a request but its account and request id, which name it.
uint64_t FingerprintOf(const v1::AuthorizeRequest& request);
uint64_t FingerprintOf(const v1::ReauthorizeRequest& request);
uint64_t FingerprintOf(const v1::DebitRequest& request);
uint64_t FingerprintOf(const v1::ReleaseRequest& request);
uint64_t FingerprintOf(const v1::CreditRequest& request);
uint64_t FingerprintOf(const v1::CreateAccountRequest& request);
uint64_t FingerprintOf(const v1::UpdateAccountRequest& request);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_CONTENT_H_
