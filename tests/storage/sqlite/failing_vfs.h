#ifndef FAREBOX_TESTS_STORAGE_SQLITE_FAILING_VFS_H_
#define FAREBOX_TESTS_STORAGE_SQLITE_FAILING_VFS_H_

#include <cstdint>

namespace farebox::sqlite {

enum class FailFor {
  kOnce,
  kGood,
};

// While it lives, what SQLite asks of the disk succeeds `count` times, in whatever file and on
// whatever thread, and then fails: opening, reading, writing, syncing, truncating, asking for a
// size or for shared memory. Only for files that are opened after the first of these was made.
class FailingVfs {
 public:
  FailingVfs(int64_t count, FailFor how_long);
  ~FailingVfs();
  FailingVfs(const FailingVfs&) = delete;
  FailingVfs& operator=(const FailingVfs&) = delete;

  // Whether anything has failed yet.
  bool has_failed() const;
};

// While it lives, what SQLite deletes is gone, and it hears that it is not: as where a disk's
// answer is lost.
class LostDeletions {
 public:
  LostDeletions();
  ~LostDeletions();
  LostDeletions(const LostDeletions&) = delete;
  LostDeletions& operator=(const LostDeletions&) = delete;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_TESTS_STORAGE_SQLITE_FAILING_VFS_H_
