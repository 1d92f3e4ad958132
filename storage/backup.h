#ifndef FAREBOX_STORAGE_BACKUP_H_
#define FAREBOX_STORAGE_BACKUP_H_

#include <cstdint>
#include <functional>
#include <string>

#include "storage/entry.h"

namespace farebox {

// How far a copy of a journal is.
struct CopyProgress {
  // First everything is copied, then the copy is read back.
  bool is_verifying = false;
  EntryId entries_done = 0;
  EntryId entries_total = 0;
};

// Is told after each step, which takes some milliseconds, on the thread that copies. May wait, so
// that the disk and the processor are left to others. False gives the copy up, with Cancelled.
using CopyObserver = std::function<bool(const CopyProgress&)>;

// What a backup is to be.
struct BackupOrder {
  // The file it is in when it is whole. Nothing else uses the directory that it is in.
  std::string path;
  // Brings a backup that is there up to date, in place of refusing to replace it.
  bool updates = false;
  // So much of the disk is left free: a backup must not take the room that the journal needs.
  int64_t free_disk_bytes_min = 0;
  CopyObserver observer = [](const CopyProgress&) { return true; };
};

// A backup that was verified.
struct BackupReport {
  // What it reaches to.
  BatchHead head;
  // Those that were not there before.
  int64_t entries_copied = 0;
  // Of the file.
  int64_t bytes = 0;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_BACKUP_H_
