#ifndef FAREBOX_STORAGE_SQLITE_OWNERSHIP_H_
#define FAREBOX_STORAGE_SQLITE_OWNERSHIP_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace farebox::sqlite {

// Owns a ledger's directory until it is destroyed or the process ends, however it ends.
//
// The lock is flock(2) on the file `lock`, which holds the owner's process id for people to read;
// only the lock counts, the file itself stays.
class Ownership {
 public:
  // Fails with FILES_IN_USE, at once, where another process or another part of this one owns it.
  static absl::StatusOr<Ownership> Take(const std::string& directory);

  Ownership(Ownership&& other) noexcept : lock_file_(std::exchange(other.lock_file_, -1)) {}
  Ownership& operator=(Ownership&&) = delete;
  ~Ownership();

 private:
  explicit Ownership(int lock_file) : lock_file_(lock_file) {}

  int lock_file_;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_OWNERSHIP_H_
