#include "server/mail/smtp_sender.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "server/mail/letter.h"
#include "server/mail/limits.h"
#include "server/rating/utf8.h"
#include "storage/check.h"

namespace farebox::mail {
namespace {

using Outcome = MailSender::Outcome;
using Result = MailSender::Result;

using Curl = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Mime = std::unique_ptr<curl_mime, decltype(&curl_mime_free)>;
using Lines = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

bool IsLoopback(absl::string_view host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

bool IsHostCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains(".-:", c);
}

bool IsCredential(absl::string_view text) { return rating::IsPrintableUtf8(text); }

// How far a conversation has come: the last command that was sent.
enum class Stage { kGreeting, kHello, kStartTls, kAuth, kMail, kRecipient, kData };

struct Verb {
  absl::string_view word;
  Stage stage;
};
constexpr std::array kVerbs = {
    Verb{"EHLO", Stage::kHello}, Verb{"HELO", Stage::kHello}, Verb{"STARTTLS", Stage::kStartTls},
    Verb{"AUTH", Stage::kAuth},  Verb{"MAIL", Stage::kMail},  Verb{"RCPT", Stage::kRecipient},
    Verb{"DATA", Stage::kData},
};

// What is seen of one conversation while curl leads it. Knows commands by their verb only, because
// the rest may be the password.
class Conversation {
 public:
  explicit Conversation(const std::atomic<bool>* is_broken_off) : is_broken_off_(*is_broken_off) {}

  void OnCommand(absl::string_view line) {
    // curl says goodbye after a failure too, and nothing that comes then is an answer.
    has_ended_ = has_ended_ || absl::StartsWith(line, "QUIT");
    if (has_ended_) return;
    reply_.clear();
    for (const Verb& verb : kVerbs) {
      if (absl::StartsWith(line, verb.word)) stage_ = verb.stage;
    }
  }

  // "250-SIZE" is followed by more of the same reply, "250 OK" is not.
  void OnReplyLine(absl::string_view line) {
    if (has_ended_) return;
    if (is_complete_) reply_.clear();
    is_complete_ = line.size() < 4 || line[3] != '-';
    if (reply_.size() < kServerWordsBytesMax) {
      absl::StrAppend(&reply_, reply_.empty() ? "" : " ", absl::StripAsciiWhitespace(line));
    }
  }

  // Whether curl, which asks about once a second, is to hang up: nobody wants to wait any longer,
  // or it has waited long enough for the server's goodbye. By itself it would wait two minutes.
  bool IsToHangUp() {
    return is_broken_off_.load() || (has_ended_ && ++goodbye_waits_ > kGoodbyeWaitsMax);
  }

  Stage stage() const { return stage_; }

  // The whole answer to the last command; empty where there is none.
  const std::string& reply() const { return reply_; }

  // Its number, 0 where there is none.
  int code() const {
    int code = 0;
    return absl::SimpleAtoi(absl::string_view(reply_).substr(0, 3), &code) ? code : 0;
  }

 private:
  static constexpr int kGoodbyeWaitsMax = 2;

  const std::atomic<bool>& is_broken_off_;

  Stage stage_ = Stage::kGreeting;
  std::string reply_;
  bool is_complete_ = true;
  bool has_ended_ = false;
  int goodbye_waits_ = 0;
};

size_t OnHeader(char* bytes, size_t size, size_t count, void* conversation) {
  static_cast<Conversation*>(conversation)->OnReplyLine({bytes, size * count});
  return size * count;
}

int OnDebug(CURL*, curl_infotype type, char* bytes, size_t size, void* conversation) {
  if (type == CURLINFO_HEADER_OUT) {
    static_cast<Conversation*>(conversation)->OnCommand({bytes, size});
  }
  return 0;
}

int OnProgress(void* conversation, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Conversation*>(conversation)->IsToHangUp() ? 1 : 0;
}

template <typename Value>
void Set(const Curl& curl, CURLoption option, Value value) {
  FAREBOX_CHECK(curl_easy_setopt(curl.get(), option, value) == CURLE_OK);
}

void Append(const std::string& line, Lines* lines) {
  curl_slist* const longer = curl_slist_append(lines->get(), line.c_str());
  FAREBOX_CHECK(longer != nullptr);
  static_cast<void>(lines->release());
  lines->reset(longer);
}

void AddPart(const Mime& mime, const char* type, absl::string_view content) {
  curl_mimepart* const part = curl_mime_addpart(mime.get());
  const std::string bytes = WithNetworkLineEnds(content);
  FAREBOX_CHECK(curl_mime_data(part, bytes.data(), bytes.size()) == CURLE_OK);
  FAREBOX_CHECK(curl_mime_type(part, type) == CURLE_OK);
  FAREBOX_CHECK(curl_mime_encoder(part, "quoted-printable") == CURLE_OK);
}

void Watch(const Curl& curl, Conversation* seen) {
  Set(curl, CURLOPT_HEADERFUNCTION, &OnHeader);
  Set(curl, CURLOPT_HEADERDATA, seen);
  Set(curl, CURLOPT_VERBOSE, 1L);  // To OnDebug, and nowhere else.
  Set(curl, CURLOPT_DEBUGFUNCTION, &OnDebug);
  Set(curl, CURLOPT_DEBUGDATA, seen);
  Set(curl, CURLOPT_NOPROGRESS, 0L);
  Set(curl, CURLOPT_XFERINFOFUNCTION, &OnProgress);
  Set(curl, CURLOPT_XFERINFODATA, seen);
  Set(curl, CURLOPT_FORBID_REUSE, 1L);  // The goodbye is watched too.
}

void SetServer(const Curl& curl, const SmtpOptions& options) {
  const bool is_tls = options.security == SmtpSecurity::kTls;
  const std::string host =
      absl::StrContains(options.host, ':') ? absl::StrCat("[", options.host, "]") : options.host;
  const std::string url = absl::StrCat(is_tls ? "smtps" : "smtp", "://", host, ":", options.port);
  Set(curl, CURLOPT_URL, url.c_str());
  Set(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  Set(curl, CURLOPT_PROXY, "");     // Not what the environment says.
  Set(curl, CURLOPT_NOSIGNAL, 1L);  // Signals belong to the whole process.
  Set(curl, CURLOPT_CONNECTTIMEOUT_MS, absl::ToInt64Milliseconds(options.connect_timeout));
  Set(curl, CURLOPT_TIMEOUT_MS, absl::ToInt64Milliseconds(options.timeout));
}

void SetSecurity(const Curl& curl, const SmtpOptions& options) {
  switch (options.security) {
    case SmtpSecurity::kStartTls:
    case SmtpSecurity::kTls:
      Set(curl, CURLOPT_USE_SSL, long{CURLUSESSL_ALL});  // NOLINT(google-runtime-int)
      break;
    case SmtpSecurity::kStartTlsIfOffered:
      Set(curl, CURLOPT_USE_SSL, long{CURLUSESSL_TRY});  // NOLINT(google-runtime-int)
      break;
    case SmtpSecurity::kNone:
      break;
  }
  Set(curl, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});  // NOLINT(google-runtime-int)
  if (!options.ca_file.empty()) Set(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  if (options.user.empty()) return;
  Set(curl, CURLOPT_USERNAME, options.user.c_str());
  Set(curl, CURLOPT_PASSWORD, options.password.c_str());
}

bool IsTlsFailure(CURLcode code) {
  switch (code) {
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
      return true;
    default:
      return false;
  }
}

// Whether a 5xx is about who sends rather than about what is sent to whom.
bool IsAboutSender(Stage stage, int code) {
  constexpr int kMessageTooLarge = 552;
  // 530 wants TLS or a password first; the others are wrong passwords.
  const bool is_authentication = code == 530 || code == 534 || code == 535 || code == 538;
  return is_authentication || (stage < Stage::kRecipient && code != kMessageTooLarge);
}

Outcome OutcomeOf(CURLcode code, const Conversation& seen) {
  if (code == CURLE_OK) return Outcome::kSent;
  const int reply = seen.code();
  if (reply >= 400 && reply < 500) return Outcome::kTryLater;
  if (IsTlsFailure(code) || code == CURLE_LOGIN_DENIED) return Outcome::kMisconfigured;
  if (reply < 500) return Outcome::kTryLater;
  return IsAboutSender(seen.stage(), reply) ? Outcome::kMisconfigured : Outcome::kRefused;
}

// A server may repeat the password, as it came or as AUTH encodes it.
std::string WithoutPassword(const SmtpOptions& options, absl::string_view words) {
  if (options.password.empty()) return std::string(words);
  constexpr absl::string_view kNul("\0", 1);
  const std::string plain =
      absl::Base64Escape(absl::StrCat(kNul, options.user, kNul, options.password));
  return absl::StrReplaceAll(words, {{options.password, "[password]"},
                                     {absl::Base64Escape(options.password), "[password]"},
                                     {plain, "[password]"}});
}

}  // namespace

absl::Status CheckSmtpOptions(const SmtpOptions& options) {
  const auto refuse = [](absl::string_view name, absl::string_view problem) {
    return absl::InvalidArgumentError(absl::StrCat(name, " ", problem));
  };
  if (options.host.empty() ||
      !std::all_of(options.host.begin(), options.host.end(), IsHostCharacter)) {
    return refuse("host", "must be a name or an address");
  }
  if (options.port < 1 || options.port > 65'535) return refuse("port", "must be 1 to 65535");
  if (const absl::Status status = CheckAuthor(options.author); !status.ok()) {
    return refuse("from", status.message());
  }
  if (!IsCredential(options.user)) return refuse("user", "must be one line of UTF-8");
  if (!IsCredential(options.password)) return refuse("password", "must be one line of UTF-8");
  if (options.user.empty() != options.password.empty()) {
    return refuse("user", "and password must be given together");
  }
  const bool is_surely_tls =
      options.security == SmtpSecurity::kStartTls || options.security == SmtpSecurity::kTls;
  if (!options.password.empty() && !is_surely_tls && !IsLoopback(options.host)) {
    return refuse("password", "must not go to another machine without TLS");
  }
  const absl::Duration least = absl::Milliseconds(1);
  if (options.connect_timeout < least || options.timeout < least ||
      options.timeout > absl::Hours(1)) {
    return refuse("timeout", "must be above zero and at most an hour");
  }
  return absl::OkStatus();
}

SmtpSender::SmtpSender(SmtpOptions options, const Clock* clock)
    : options_(std::move(options)), clock_(clock) {
  FAREBOX_CHECK(CheckSmtpOptions(options_).ok());
  // Counts, and is safe on any thread.
  FAREBOX_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

MailSender::Result SmtpSender::Send(const Mail& mail) {
  if (const absl::Status status = CheckMail(mail); !status.ok()) {
    return {Outcome::kRefused, std::string(status.message())};
  }
  // What curl points at is above it, and so outlives it.
  Conversation seen(&is_broken_off_);
  std::array<char, CURL_ERROR_SIZE> problem = {};
  Lines recipients(nullptr, &curl_slist_free_all);
  Lines fields(nullptr, &curl_slist_free_all);
  Mime mime(nullptr, &curl_mime_free);
  const Curl curl(curl_easy_init(), &curl_easy_cleanup);
  FAREBOX_CHECK(curl != nullptr);
  SetServer(curl, options_);
  SetSecurity(curl, options_);
  Set(curl, CURLOPT_ERRORBUFFER, problem.data());
  Watch(curl, &seen);

  Append(mail.to, &recipients);
  Set(curl, CURLOPT_MAIL_FROM, options_.author.address.c_str());
  Set(curl, CURLOPT_MAIL_RCPT, recipients.get());
  for (const std::string& field : HeaderFields(options_.author, mail, clock_->Now())) {
    Append(field, &fields);
  }
  Append("Content-Type: multipart/alternative", &fields);
  Set(curl, CURLOPT_HTTPHEADER, fields.get());
  mime.reset(curl_mime_init(curl.get()));
  AddPart(mime, "text/plain; charset=utf-8", mail.text);
  AddPart(mime, "text/html; charset=utf-8", mail.html);
  Set(curl, CURLOPT_MIMEPOST, mime.get());

  const CURLcode code = curl_easy_perform(curl.get());

  const absl::string_view own = problem[0] != '\0' ? problem.data() : curl_easy_strerror(code);
  const bool server_said = code == CURLE_OK || seen.code() >= 400;
  const std::string words = WithoutPassword(options_, server_said ? seen.reply() : own);
  return {OutcomeOf(code, seen), OneLine(words, kServerWordsBytesMax)};
}

}  // namespace farebox::mail
