#include "tests/crash/disk_states.h"

#include <algorithm>
#include <utility>

#include "absl/strings/string_view.h"

namespace farebox {
namespace {

constexpr size_t kSectorBytes = 512;
constexpr char kGarbage = '\xe5';

// Writes `bytes` at `offset`, over `filler` where the file ends before it.
void Put(absl::string_view bytes, size_t offset, char filler, std::string* file) {
  if (file->size() < offset + bytes.size()) file->resize(offset + bytes.size(), filler);
  std::copy(bytes.begin(), bytes.end(), file->begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

DiskStates::DiskStates(DiskImage initial, const IoLog* log, SyncLie lie) : log_(*log), lie_(lie) {
  for (size_t i = 0; i < kRecordedFiles; ++i) files_[i].synced = std::move(initial[i]);
}

bool DiskStates::Next() {
  if (position_ == log_.size()) return false;
  const IoOperation& operation = log_[position_++];
  FileState& file = files_[static_cast<size_t>(operation.file)];
  if (operation.kind != IoOperation::Kind::kSync) {
    file.pending.push_back(&operation);
  } else if (IsBelieved(operation)) {
    for (const IoOperation* done : file.pending) ApplyWhole(*done, '\0', &file.synced);
    file.pending.clear();
  }
  return true;
}

bool DiskStates::ComesBeforeCheckpoint() const {
  return position_ < log_.size() && log_[position_].file == RecordedFile::kDatabase;
}

bool DiskStates::IsBelieved(const IoOperation& sync) const {
  switch (lie_) {
    case SyncLie::kNone:
      return true;
    case SyncLie::kCommit:
      return sync.file != RecordedFile::kLog || ComesBeforeCheckpoint();
    case SyncLie::kLog:
      return sync.file != RecordedFile::kLog;
    case SyncLie::kDatabase:
      return sync.file != RecordedFile::kDatabase;
  }
  return true;
}

bool DiskStates::is_synced() const {
  return std::all_of(files_.begin(), files_.end(),
                     [](const FileState& file) { return file.pending.empty(); });
}

DiskImage DiskStates::MakeVariant(uint64_t variant, std::mt19937_64* random) const {
  DiskImage image;
  for (size_t i = 0; i < kRecordedFiles; ++i) {
    std::string& bytes = image[i];
    bytes = files_[i].synced;
    if (variant == 1) continue;
    const char filler = variant % 2 == 0 ? '\0' : kGarbage;
    for (const IoOperation* operation : files_[i].pending) {
      const uint64_t fate = variant == 0 ? 0 : (*random)() % 8;
      const bool is_torn = fate >= 6 && operation->kind == IoOperation::Kind::kWrite;
      if (fate < 4) ApplyWhole(*operation, filler, &bytes);
      if (is_torn) ApplyTorn(*operation, filler, random, &bytes);
    }
  }
  return image;
}

void DiskStates::ApplyWhole(const IoOperation& operation, char filler, std::string* bytes) {
  if (operation.kind == IoOperation::Kind::kTruncate) {
    bytes->resize(static_cast<size_t>(operation.offset), filler);
  } else {
    Put(operation.bytes, static_cast<size_t>(operation.offset), filler, bytes);
  }
}

void DiskStates::ApplyTorn(const IoOperation& write, char filler, std::mt19937_64* random,
                           std::string* bytes) {
  const absl::string_view all = write.bytes;
  const auto begin = static_cast<size_t>(write.offset);
  // Sectors are the file's: a write may begin and end inside one.
  for (size_t at = 0; at < all.size();) {
    const size_t count = std::min(kSectorBytes - (begin + at) % kSectorBytes, all.size() - at);
    if ((*random)() % 2 == 0) Put(all.substr(at, count), begin + at, filler, bytes);
    at += count;
  }
}

}  // namespace farebox
