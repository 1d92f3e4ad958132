#ifndef FAREBOX_TESTS_CRASH_DISK_STATES_H_
#define FAREBOX_TESTS_CRASH_DISK_STATES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/crash/io_log.h"

namespace farebox {

// The contents of the files after a power cut.
using DiskImage = std::array<std::string, kRecordedFiles>;

// Syncs that are not done, to see that their loss is noticed.
enum class SyncLie : uint8_t {
  kNone,
  // Those of commits, as with synchronous=NORMAL: the log is synced only before a checkpoint.
  kCommit,
  // A disk that pretends.
  kLog,
  kDatabase
};

// What a power cut may leave, at each point of a recording. What was written before a file's last
// sync is there. What was written after it is there, lost, or torn into sectors of 512 bytes of
// which each is there or not: in any combination, since a disk writes in any order; and a file that
// was to grow over what is lost has zeros or garbage there.
class DiskStates {
 public:
  // The files as they were, synced, before the first operation. `log` outlives it.
  DiskStates(DiskImage initial, const IoLog* log, SyncLie lie);

  // Takes the next operation; false at the end.
  bool Next();
  // How many operations have been asked for.
  size_t position() const { return position_; }

  // How many variants there are to tell apart: one where everything is synced.
  bool is_synced() const;

  // One of them: variant 0 has everything, variant 1 nothing that is not synced, the others are
  // random.
  DiskImage MakeVariant(uint64_t variant, std::mt19937_64* random) const;

 private:
  struct FileState {
    std::string synced;
    std::vector<const IoOperation*> pending;
  };

  static void ApplyWhole(const IoOperation& operation, char filler, std::string* bytes);
  static void ApplyTorn(const IoOperation& write, char filler, std::mt19937_64* random,
                        std::string* bytes);
  // Whether the next operation copies pages of the log into the database.
  bool ComesBeforeCheckpoint() const;
  bool IsBelieved(const IoOperation& sync) const;

  const IoLog& log_;
  const SyncLie lie_;
  size_t position_ = 0;
  std::array<FileState, kRecordedFiles> files_;
};

}  // namespace farebox

#endif  // FAREBOX_TESTS_CRASH_DISK_STATES_H_
