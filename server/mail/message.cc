#include "server/mail/message.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "server/mail/limits.h"
#include "server/rating/utf8.h"
#include "storage/status_macros.h"

namespace farebox::mail {
namespace {

// An encoded word has at most 75 characters: 12 around the base64 of this.
constexpr size_t kEncodedWordBytesMax = 45;

// RFC 2047: pieces of whole characters, each on a line of its own.
std::string EncodedWords(absl::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    size_t size = std::min(text.size(), kEncodedWordBytesMax);
    while (size < text.size() && (text[size] & 0xC0) == 0x80) --size;
    words.push_back(absl::StrCat("=?UTF-8?B?", absl::Base64Escape(text.substr(0, size)), "?="));
    text.remove_prefix(size);
  }
  return absl::StrJoin(words, "\r\n ");
}

bool IsPhraseCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == ' ' || c == '-';
}

std::string FormatAuthor(const Author& author) {
  if (author.name.empty()) return author.address;
  const bool is_plain = std::all_of(author.name.begin(), author.name.end(), IsPhraseCharacter);
  const std::string name = is_plain ? author.name : EncodedWords(author.name);
  return absl::StrCat(name, is_plain ? " <" : "\r\n <", author.address, ">");
}

std::string FormatSubject(absl::string_view subject) {
  const bool is_plain = std::all_of(subject.begin(), subject.end(), absl::ascii_isascii) &&
                        !absl::StrContains(subject, "=?") && subject.front() != ' ';
  return is_plain ? std::string(subject) : EncodedWords(subject);
}

// A line that is in neither part.
std::string FindBoundary(const Mail& mail) {
  std::string boundary = "=_farebox";
  while (absl::StrContains(mail.text, boundary) || absl::StrContains(mail.html, boundary)) {
    boundary.push_back('_');
  }
  return boundary;
}

}  // namespace

absl::Status CheckAuthor(const Author& author) {
  FAREBOX_RETURN_IF_ERROR(CheckAddress(author.address));
  if (author.name.size() <= kSubjectBytesMax && rating::IsPrintableUtf8(author.name)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("must have a name of one line of UTF-8");
}

std::vector<std::string> HeaderFields(const Author& author, const Mail& mail, absl::Time date) {
  return {
      absl::StrCat("Date: ",
                   absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", date, absl::UTCTimeZone())),
      absl::StrCat("From: ", FormatAuthor(author)),
      absl::StrCat("To: ", mail.to),
      absl::StrCat("Subject: ", FormatSubject(mail.subject)),
      absl::StrCat("Message-ID: <", mail.message_id, ">"),
      // So that nobody's holiday notice answers.
      "Auto-Submitted: auto-generated",
      "MIME-Version: 1.0",
  };
}

std::string WithNetworkLineEnds(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\n", "\r\n"}});
}

std::string PlainMessage(const Author& author, const Mail& mail, absl::Time date) {
  const std::string boundary = FindBoundary(mail);
  const auto part = [&](absl::string_view type, absl::string_view content) {
    return absl::StrCat("--", boundary, "\r\nContent-Type: ", type,
                        "; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
                        WithNetworkLineEnds(content), "\r\n");
  };
  return absl::StrCat(absl::StrJoin(HeaderFields(author, mail, date), "\r\n"),
                      "\r\nContent-Type: multipart/alternative; boundary=\"", boundary,
                      "\"\r\n\r\n", part("text/plain", mail.text), part("text/html", mail.html),
                      "--", boundary, "--\r\n");
}

}  // namespace farebox::mail
