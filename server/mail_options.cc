#include "server/mail_options.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/base/limits.h"
#include "server/mail/message.h"
#include "server/whole_number.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

constexpr int kPortOfTls = 465;

absl::Status Refuse(absl::string_view option, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(option, " ", problem));
}

// As CheckSmtpOptions names them; the author is checked before.
absl::Status RefuseSmtp(absl::string_view problem) {
  for (const absl::string_view name : {"host ", "port ", "user "}) {
    if (absl::StartsWith(problem, name)) {
      return absl::InvalidArgumentError(absl::StrCat("--smtp-", problem));
    }
  }
  if (absl::ConsumePrefix(&problem, "password ")) return Refuse("--smtp-password-file", problem);
  return Refuse("--mail", problem);
}

bool IsFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

// The first line: editors end it.
absl::Status ReadPassword(const std::string& path, std::string* password) {
  std::ifstream file(path, std::ios::binary);
  std::getline(file, *password);
  if (file.bad() || (file.fail() && !file.eof()) || password->empty()) {
    return Refuse("--smtp-password-file", absl::StrCat(path, " cannot be read, or is empty"));
  }
  if (password->size() > limits::kMailPasswordBytesMax) {
    return Refuse("--smtp-password-file", absl::StrCat(path, " has a line that is no password"));
  }
  return absl::OkStatus();
}

absl::Status CheckAccountUrl(const std::string& url) {
  const bool is_page = absl::StartsWith(url, "https://") || absl::StartsWith(url, "http://");
  if (url.empty() || (is_page && url.size() <= limits::kUrlBytesMax)) return absl::OkStatus();
  return Refuse("--account-url", "must be an http or https address");
}

absl::Status CheckFiles(const Mailing::Options& options) {
  std::error_code error;
  if (std::filesystem::is_directory(options.directory, error)) return absl::OkStatus();
  return Refuse("--mail-directory", "must be a directory for --mail file");
}

absl::Status CompleteSmtp(const std::string& password_file, mail::SmtpOptions* smtp) {
  if (smtp->port == 0) {
    smtp->port = smtp->security == mail::SmtpSecurity::kTls ? kPortOfTls : mail::SmtpOptions().port;
  }
  if (!password_file.empty()) {
    FAREBOX_RETURN_IF_ERROR(ReadPassword(password_file, &smtp->password));
  }
  if (smtp->user.empty() != smtp->password.empty()) {
    return Refuse("--smtp-user", "and --smtp-password-file must be given together");
  }
  if (!smtp->ca_file.empty() && !IsFile(smtp->ca_file)) {
    return Refuse("--smtp-ca-file", absl::StrCat(smtp->ca_file, " is not a file"));
  }
  const absl::Status status = mail::CheckSmtpOptions(*smtp);
  return status.ok() ? status : RefuseSmtp(status.message());
}

void AddSmtpOptions(CLI::App* app, mail::SmtpOptions* smtp, std::string* password_file) {
  static const std::map<std::string, mail::SmtpSecurity> kSecurities = {
      {"starttls", mail::SmtpSecurity::kStartTls},
      {"starttls-if-offered", mail::SmtpSecurity::kStartTlsIfOffered},
      {"tls", mail::SmtpSecurity::kTls},
      {"none", mail::SmtpSecurity::kNone}};
  app->add_option("--smtp-host", smtp->host, "The mail server, for --mail smtp");
  app->add_option("--smtp-port", smtp->port, "Its port; by default 587, with tls 465")
      ->transform(WholeNumber(1, 65'535));
  app->add_option("--smtp-security", smtp->security,
                  "How the connection is protected: starttls, starttls-if-offered, tls or none")
      ->transform(CLI::CheckedTransformer(kSecurities)
                      .description("starttls, starttls-if-offered, tls or none"))
      ->type_name("WORD")
      ->default_str("starttls");
  app->add_option("--smtp-user", smtp->user, "The user to log in as; none by default");
  app->add_option("--smtp-password-file", *password_file,
                  "The file whose first line is the user's password");
  app->add_option("--smtp-ca-file", smtp->ca_file,
                  "Who vouches for the mail server (PEM); by default whom the system trusts");
}

}  // namespace

void AddMailOptions(CLI::App* app, Mailing::Options* options, std::string* password_file) {
  static const std::map<std::string, MailRoute> kRoutes = {
      {"none", MailRoute::kNone}, {"file", MailRoute::kFile}, {"smtp", MailRoute::kSmtp}};
  app->add_option("--mail", options->route,
                  "How mails to customers get out: not at all, as files, or by a mail server")
      ->transform(CLI::CheckedTransformer(kRoutes).description("none, file or smtp"))
      ->type_name("WORD")
      ->default_str("none");
  app->add_option("--mail-from", options->smtp.author.address, "The address that mails come from");
  app->add_option("--mail-from-name", options->smtp.author.name,
                  "The name beside it, and under the mails");
  app->add_option("--mail-directory", options->directory, "Where the files go, for --mail file");
  app->add_flag("--mail-receipts", options->receipts, "Send a receipt for each recharge");
  app->add_option("--account-url", options->account_url,
                  "The page where customers see to cards and settings, for the mails");
  options->smtp.port = 0;  // Which one it is depends on the security.
  AddSmtpOptions(app, &options->smtp, password_file);
}

absl::Status CompleteMailOptions(const std::string& password_file, Mailing::Options* options) {
  if (options->route == MailRoute::kNone) return absl::OkStatus();
  if (const absl::Status status = mail::CheckAuthor(options->smtp.author); !status.ok()) {
    return Refuse("--mail-from", status.message());
  }
  FAREBOX_RETURN_IF_ERROR(CheckAccountUrl(options->account_url));
  return options->route == MailRoute::kFile ? CheckFiles(*options)
                                            : CompleteSmtp(password_file, &options->smtp);
}

}  // namespace farebox::server
