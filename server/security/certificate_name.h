#ifndef FAREBOX_SERVER_SECURITY_CERTIFICATE_NAME_H_
#define FAREBOX_SERVER_SECURITY_CERTIFICATE_NAME_H_

#include <string>
#include <vector>

namespace farebox::server {

// What stands before a common name, so that nobody takes it for a SPIFFE id.
inline constexpr char kCommonNamePrefix[] = "CN=";

// What a client's certificate is known by, whichever listener it is shown to: its SPIFFE id, where
// that is its only URI (SPIFFE X509-SVID, 2), or "CN=" and its common name, where it has no URI at
// all. Empty where that is nothing, or not one.
std::string NameOfCertificate(const std::vector<std::string>& uris,
                              const std::vector<std::string>& common_names);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_CERTIFICATE_NAME_H_
