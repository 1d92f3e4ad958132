#include "server/mail/mail.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/limits.h"
#include "server/mail/limits.h"
#include "server/rating/utf8.h"
#include "storage/check.h"
#include "storage/status_macros.h"

namespace farebox::mail {
namespace {

bool IsAlphanumeric(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

// What RFC 5322 calls atext.
bool IsAtomCharacter(char c) {
  return IsAlphanumeric(c) || absl::StrContains("!#$%&'*+-/=?^_`{|}~", c);
}

// Atoms with single dots between them.
bool IsDottedAtoms(absl::string_view text) {
  const std::vector<absl::string_view> atoms = absl::StrSplit(text, '.');
  return std::all_of(atoms.begin(), atoms.end(), [](absl::string_view atom) {
    return !atom.empty() && std::all_of(atom.begin(), atom.end(), IsAtomCharacter);
  });
}

bool IsDomainLabel(absl::string_view label) {
  return !label.empty() && label.size() <= kDomainLabelBytesMax && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
           return IsAlphanumeric(c) || c == '-';
         });
}

absl::Status CheckLocalPart(absl::string_view local) {
  if (local.size() > kLocalPartBytesMax) {
    return absl::InvalidArgumentError("must have at most 64 bytes before the @");
  }
  if (IsDottedAtoms(local)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "must have letters, digits, single dots and !#$%&'*+-/=?^_`{|}~ before the @");
}

absl::Status CheckDomain(absl::string_view domain) {
  const std::vector<absl::string_view> labels = absl::StrSplit(domain, '.');
  const absl::string_view top = labels.back();
  const bool is_number = std::all_of(top.begin(), top.end(), absl::ascii_isdigit);
  if (labels.size() >= 2 && !is_number &&
      std::all_of(labels.begin(), labels.end(), IsDomainLabel)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("must have a domain after the @, e.g. example.com");
}

absl::Status CheckSubject(absl::string_view subject) {
  if (subject.size() > kSubjectBytesMax) {
    return absl::InvalidArgumentError("the subject is too long");
  }
  if (!subject.empty() && rating::IsPrintableUtf8(subject)) return absl::OkStatus();
  return absl::InvalidArgumentError("the subject must be one line of UTF-8");
}

absl::Status CheckPart(absl::string_view name, absl::string_view part) {
  if (part.size() > kPartBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("the ", name, " is too long"));
  }
  for (const absl::string_view line : absl::StrSplit(part, '\n')) {
    if (!rating::IsPrintableUtf8(line)) {
      return absl::InvalidArgumentError(absl::StrCat("the ", name, " must be lines of UTF-8"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMessageId(absl::string_view id) {
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(id, absl::MaxSplits('@', 1));
  const absl::string_view hash = halves.first;
  if (hash.size() == 2 * kMessageIdHashBytes &&
      std::all_of(hash.begin(), hash.end(), absl::ascii_isxdigit) &&
      CheckAddress(absl::StrCat("a@", halves.second)).ok()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("the message id is not one of MessageId()");
}

}  // namespace

absl::Status CheckAddress(absl::string_view address) {
  if (address.size() > limits::kEmailBytesMax) {
    return absl::InvalidArgumentError("must have at most 254 bytes");
  }
  if (!std::all_of(address.begin(), address.end(), absl::ascii_isascii)) {
    return absl::InvalidArgumentError(
        "must be in ASCII: write an international domain in its xn-- form");
  }
  if (!std::all_of(address.begin(), address.end(), absl::ascii_isgraph)) {
    return absl::InvalidArgumentError("must have no spaces and no control characters");
  }
  const std::vector<absl::string_view> halves = absl::StrSplit(address, '@');
  if (halves.size() != 2) {
    return absl::InvalidArgumentError("must be one address such as name@example.com");
  }
  FAREBOX_RETURN_IF_ERROR(CheckLocalPart(halves[0]));
  return CheckDomain(halves[1]);
}

absl::Status CheckMail(const Mail& mail) {
  if (const absl::Status status = CheckAddress(mail.to); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("the recipient ", status.message()));
  }
  FAREBOX_RETURN_IF_ERROR(CheckSubject(mail.subject));
  FAREBOX_RETURN_IF_ERROR(CheckPart("text", mail.text));
  FAREBOX_RETURN_IF_ERROR(CheckPart("HTML", mail.html));
  return CheckMessageId(mail.message_id);
}

std::string MessageId(absl::string_view key, absl::string_view domain) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  FAREBOX_CHECK(EVP_Digest(key.data(), key.size(), hash.data(), nullptr, EVP_sha256(), nullptr) ==
                1);
  const absl::string_view kept(reinterpret_cast<const char*>(hash.data()), kMessageIdHashBytes);
  return absl::StrCat(absl::BytesToHexString(kept), "@", domain);
}

}  // namespace farebox::mail
