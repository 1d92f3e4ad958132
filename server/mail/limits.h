#ifndef FAREBOX_SERVER_MAIL_LIMITS_H_
#define FAREBOX_SERVER_MAIL_LIMITS_H_

#include <cstddef>

// Every bound of mail, each with its reason. That of an address, kEmailBytesMax, is in
// server/base/limits.h, because the API promises it.
namespace farebox::mail {

// What stands before the @, as RFC 5321 has it.
inline constexpr size_t kLocalPartBytesMax = 64;

// A name between two dots of a domain, as the DNS has it.
inline constexpr size_t kDomainLabelBytesMax = 63;

// A subject is read in a list; this is far more than one shows.
inline constexpr size_t kSubjectBytesMax = 200;

// The text, or the HTML. Ours have 2 KB; servers take ten megabytes.
inline constexpr size_t kPartBytesMax = 256 * 1024;

// The bytes of a mail's key that its Message-ID keeps: more than enough that no two meet.
inline constexpr size_t kMessageIdHashBytes = 16;

// A value that comes from outside, such as a bank's reason, is cut here when it becomes part of a
// mail.
inline constexpr size_t kValueBytesMax = 500;

// A paragraph is at most a few such values and our own words.
inline constexpr size_t kParagraphBytesMax = 2'000;

// A provider's page with all its parameters. A longer one is cut, and leads nowhere.
inline constexpr size_t kUrlBytesMax = 2'000;

// A line of a text part; a longer word keeps its line to itself.
inline constexpr size_t kTextColumnsMax = 72;

// How much a result repeats of what a server said.
inline constexpr size_t kServerWordsBytesMax = 256;

}  // namespace farebox::mail

#endif  // FAREBOX_SERVER_MAIL_LIMITS_H_
