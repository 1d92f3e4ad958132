#include "server/security/admin_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/log.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

bool HasAdminCertificate(const AccessOptions& options) {
  for (const auto& [name, role] : options.certificate_roles) {
    if (role == v1::ROLE_ADMIN) return true;
  }
  return false;
}

absl::Status FileProblem(const std::string& path, int error) {
  return absl::InvalidArgumentError(
      absl::StrCat("--admin-key-file ", path, ": ", std::strerror(error)));
}

std::string FolderOf(const std::string& path) {
  return std::filesystem::absolute(path).parent_path();
}

// Where a key is while it is being made.
std::string DraftOf(const std::string& path) { return absl::StrCat(path, ".new"); }

// Whether there could be such a file, and is none.
absl::Status CheckNewFile(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no key of an admin, and --admin-key-file ", path,
                     " is not written over: remove it and start again, and it gets a new key"));
  }
  const std::string folder = FolderOf(path);
  return access(folder.c_str(), W_OK) == 0 ? absl::OkStatus() : FileProblem(path, errno);
}

// A new file in place of what a start that was killed has left, for its owner only; on disk when
// this returns.
absl::Status WriteSecretFile(const std::string& path, absl::string_view secret) {
  unlink(path.c_str());
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return FileProblem(path, errno);
  const absl::Cleanup close_file = [file] { close(file); };
  const std::string line = absl::StrCat(secret, "\n");
  const bool is_written =
      write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
      fsync(file) == 0;
  if (!is_written) return FileProblem(path, errno);
  const int folder = open(FolderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return FileProblem(path, errno);
  const absl::Cleanup close_folder = [folder] { close(folder); };
  return fsync(folder) == 0 ? absl::OkStatus() : FileProblem(path, errno);
}

// Whether no key can be made for an admin just now, and all else is well.
bool IsOfAdminKeyOnly(const absl::Status& status) {
  const Reason reason = GetReason(status);
  return absl::IsInvalidArgument(status) || reason == Reason::kStorageFull ||
         reason == Reason::kStorageLocked;
}

absl::Status MoveIntoPlace(const std::string& path) {
  return std::rename(DraftOf(path).c_str(), path.c_str()) == 0 ? absl::OkStatus()
                                                               : FileProblem(path, errno);
}

absl::Status MakeAdminKey(const AccessOptions& options, ApiKeys* keys) {
  FAREBOX_RETURN_IF_ERROR(CheckAdminKeyCanBeMade(options));
  const std::string& path = options.admin_key_file;
  if (path.empty()) return absl::OkStatus();
  v1::ApiKey wanted;
  wanted.set_role(v1::ROLE_ADMIN);
  wanted.set_label("made at a start");
  // On disk before the key is: no other is made where there is one.
  const std::string secret = ApiKeys::MakeSecret();
  FAREBOX_RETURN_IF_ERROR(WriteSecretFile(DraftOf(path), secret));
  FAREBOX_ASSIGN_OR_RETURN(const ApiKeys::NewKey made, keys->Create(wanted, /*account=*/0, secret));
  FAREBOX_RETURN_IF_ERROR(MoveIntoPlace(path));
  Log(LogLevel::kInfo, "admin_key_made", {{"key_id", made.key.key_id()}, {"file", path}});
  return absl::OkStatus();
}

// For a start that was killed after it had made the key.
absl::Status FinishAdminKey(const std::string& path, const ApiKeys& keys) {
  if (path.empty() || access(path.c_str(), F_OK) == 0) return absl::OkStatus();
  std::ifstream draft(DraftOf(path));
  std::string secret;
  const bool is_good = std::getline(draft, secret) && keys.Find(secret) != nullptr;
  return is_good ? MoveIntoPlace(path) : absl::OkStatus();
}

}  // namespace

absl::Status CheckAdminKeyCanBeMade(const AccessOptions& options) {
  if (!options.admin_key_file.empty()) return CheckNewFile(options.admin_key_file);
  if (HasAdminCertificate(options)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "there is no key of an admin, and no certificate for one: --admin-key-file names the file "
      "that a key is written to");
}

absl::Status EnsureAdminKey(const AccessOptions& options, ApiKeys* keys) {
  const absl::Status status = keys->HasAdmin() ? FinishAdminKey(options.admin_key_file, *keys)
                                               : MakeAdminKey(options, keys);
  if (!IsOfAdminKeyOnly(status) || !keys->HasAny()) return status;
  // Whoever has a key is served all the same.
  Log(LogLevel::kWarning, "admin_key_missing", {{"problem", std::string(status.message())}});
  return absl::OkStatus();
}

}  // namespace farebox::server
