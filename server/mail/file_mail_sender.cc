#include "server/mail/file_mail_sender.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/mail/letter.h"
#include "server/mail/limits.h"
#include "storage/check.h"

namespace farebox::mail {
namespace {

// What became of the write, as the system says it.
std::error_code WriteWhole(const std::string& path, const std::string& content) {
  const std::string draft = absl::StrCat(path, ".part");
  std::error_code error;
  errno = 0;
  std::ofstream file(draft, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  if (!file) return {errno != 0 ? errno : EIO, std::generic_category()};
  std::filesystem::rename(draft, path, error);
  return error;
}

}  // namespace

FileMailSender::FileMailSender(std::string directory, Author author, const Clock* clock)
    : directory_(std::move(directory)), author_(std::move(author)), clock_(clock) {
  FAREBOX_CHECK(CheckAuthor(author_).ok());
}

MailSender::Result FileMailSender::Send(const Mail& mail) {
  if (const absl::Status status = CheckMail(mail); !status.ok()) {
    return {Outcome::kRefused, std::string(status.message())};
  }
  const absl::string_view id = mail.message_id;
  const std::string path = absl::StrCat(directory_, "/", id.substr(0, id.find('@')), ".eml");
  const std::error_code error = WriteWhole(path, PlainMessage(author_, mail, clock_->Now()));
  if (!error) return {Outcome::kSent, OneLine(path, kServerWordsBytesMax)};
  return {Outcome::kTryLater,
          OneLine(absl::StrCat(error.message(), ": ", path), kServerWordsBytesMax)};
}

}  // namespace farebox::mail
