#include "server/mail/mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/mail/limits.h"

namespace farebox::mail {
namespace {

using ::testing::HasSubstr;

// a.a.a... of this many bytes, in labels of one letter.
std::string DomainOf(size_t size) {
  std::string domain;
  while (domain.size() < size) absl::StrAppend(&domain, domain.empty() ? "a" : ".a");
  domain.resize(size, 'b');
  return domain;
}

Mail GoodMail() {
  return {.to = "ada@example.com",
          .subject = "Grüße",
          .text = "one\ntwo\n",
          .html = "<p>one</p>\n",
          .message_id = MessageId("recharge-7", "example.com")};
}

TEST(Address, IsTakenAsPeopleHaveThem) {
  const std::vector<std::string> addresses = {
      "ada@example.com",
      "a@b.cd",
      "first.last+tag@mail.example.co.uk",
      "o'brien@example.ie",
      "!#$%&'*+-/=?^_`{|}~@example.com",
      "ada@xn--bcher-kva.example",
      "ada@1.example",
      "ADA@EXAMPLE.COM",
      absl::StrCat(std::string(64, 'x'), "@example.com"),
      absl::StrCat("ada@", std::string(63, 'x'), ".example"),
      absl::StrCat(std::string(64, 'x'), "@", DomainOf(189)),
  };
  for (const std::string& address : addresses) {
    EXPECT_EQ(CheckAddress(address), absl::OkStatus()) << address;
  }
}

TEST(Address, IsRefusedWithAReason) {
  struct Case {
    std::string address;
    std::string why;
  };
  const std::string no_space = "no spaces and no control characters";
  const std::string one = "must be one address";
  const std::string before = "before the @";
  const std::string domain = "must have a domain after the @";
  const std::vector<Case> cases = {
      {"", one},
      {"ada", one},
      {"ada@example.com@example.com", one},
      {"ada@example.com,bob@example.com", one},
      {"a@b.cd\r\nBcc: bob@example.com", no_space},
      {"ada@example.com\n", no_space},
      {"ada@example.com\r", no_space},
      {"ada @example.com", no_space},
      {" ada@example.com", no_space},
      {"ada\t@example.com", no_space},
      {std::string("ada\0@example.com", 16), no_space},
      {"ada\x7f@example.com", no_space},
      {"ada@bücher.example", "in ASCII"},
      {"jürgen@example.com", "in ASCII"},
      {"ada\xff@example.com", "in ASCII"},
      {"@example.com", before},
      {".ada@example.com", before},
      {"ada.@example.com", before},
      {"ada..b@example.com", before},
      {"\"ada\"@example.com", before},
      {"Ada<ada@example.com", before},
      {"ada(x)@example.com", before},
      {"ada;b@example.com", before},
      {absl::StrCat(std::string(65, 'x'), "@example.com"), "64 bytes before the @"},
      {"ada@", domain},
      {"ada@localhost", domain},
      {"ada@example..com", domain},
      {"ada@.example.com", domain},
      {"ada@example.com.", domain},
      {"ada@-example.com", domain},
      {"ada@example-.com", domain},
      {"ada@exa_mple.com", domain},
      {"ada@127.0.0.1", domain},
      {"ada@[127.0.0.1]", domain},
      {"ada@example.com>", domain},
      {absl::StrCat("ada@", std::string(64, 'x'), ".example"), domain},
      {absl::StrCat(std::string(64, 'x'), "@", DomainOf(190)), "at most 254 bytes"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(std::string(CheckAddress(c.address).message()), HasSubstr(c.why)) << c.address;
  }
}

TEST(Mail, IsSentAsItIs) { EXPECT_EQ(CheckMail(GoodMail()), absl::OkStatus()); }

TEST(Mail, NoPartOfItBecomesAHeader) {
  struct Case {
    std::string Mail::*part;
    std::string value;
    std::string why;
  };
  const std::string hash(32, 'a');
  const std::vector<Case> cases = {
      {&Mail::to, "ada@example.com\r\nBcc: bob@example.com", "the recipient must have no spaces"},
      {&Mail::subject, "", "the subject must be one line"},
      {&Mail::subject, "Hello\r\nBcc: bob@example.com", "the subject must be one line"},
      {&Mail::subject, "Hello\n\nbody", "the subject must be one line"},
      {&Mail::subject, "Hello\rBcc: bob@example.com", "the subject must be one line"},
      {&Mail::subject, std::string("a\0b", 3), "the subject must be one line"},
      {&Mail::subject, "a\xffz", "the subject must be one line"},
      {&Mail::subject, std::string(kSubjectBytesMax + 1, 'x'), "the subject is too long"},
      {&Mail::text, "a\r\n.\r\nMAIL FROM:<b@c.de>", "the text must be lines of UTF-8"},
      {&Mail::text, "a\xffz", "the text must be lines of UTF-8"},
      {&Mail::text, std::string(kPartBytesMax + 1, 'x'), "the text is too long"},
      {&Mail::html, std::string("a\0b", 3), "the HTML must be lines of UTF-8"},
      {&Mail::html, std::string(kPartBytesMax + 1, 'x'), "the HTML is too long"},
      {&Mail::message_id, "", "message id"},
      {&Mail::message_id, hash, "message id"},
      {&Mail::message_id, absl::StrCat(hash, "@example.com@b"), "message id"},
      {&Mail::message_id, absl::StrCat(hash, "@example.com\n"), "message id"},
      {&Mail::message_id, absl::StrCat(hash, "@example.com>\r\nBcc: b@c.de"), "message id"},
      {&Mail::message_id, absl::StrCat(hash.substr(1), "@example.com"), "message id"},
      {&Mail::message_id, absl::StrCat(hash.substr(1), "/@example.com"), "message id"},
      {&Mail::message_id, absl::StrCat(hash, "@../../passwd"), "message id"},
  };
  for (const Case& c : cases) {
    Mail mail = GoodMail();
    mail.*c.part = c.value;
    EXPECT_THAT(std::string(CheckMail(mail).message()), HasSubstr(c.why)) << c.value.substr(0, 80);
  }
}

TEST(MessageId, IsTheSameForOneKeyOnly) {
  const std::string id = MessageId("acme:7", "example.com");

  EXPECT_EQ(id, "12533b6a718becab7e148a3148cb7d5f@example.com");
  EXPECT_EQ(MessageId("acme:7", "example.com"), id);
  EXPECT_NE(MessageId("acme:8", "example.com"), id);
}

TEST(MessageId, IsSafeWhateverTheKeyIs) {
  for (const std::string& key :
       {std::string(), std::string("../a>\r\nBcc: "), std::string(999, 'x')}) {
    Mail mail = GoodMail();
    mail.message_id = MessageId(key, "example.com");
    EXPECT_EQ(CheckMail(mail), absl::OkStatus()) << key;
  }
}

}  // namespace
}  // namespace farebox::mail
