#include "storage/load_request_ids.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "storage/status_macros.h"
#include "storage/thread.h"

namespace farebox {
namespace {

// Fewer entries are not worth a thread.
constexpr EntryId kEntriesPerThreadMin = 50'000;

// What is read before it is added to the window: 24 bytes each, for a moment.
constexpr EntryId kEntriesPerRound = 4'000'000;

size_t CountThreads(EntryId entries) {
  const auto useful = static_cast<size_t>(entries / kEntriesPerThreadMin + 1);
  return std::min<size_t>(useful, std::max(1U, std::thread::hardware_concurrency()));
}

// Calls `body` with 0..count-1, all at once, and returns when the last is done.
void RunAll(size_t count, const std::function<void(size_t)>& body) {
  std::vector<std::thread> threads;
  for (size_t i = 1; i < count; ++i) {
    threads.push_back(StartThread("fbx-start", [&body, i] { body(i); }));
  }
  body(0);
  for (std::thread& thread : threads) thread.join();
}

absl::Status ReadRun(EntryId first, EntryId last, JournalSource* journal,
                     RequestIdWindow::Run* run) {
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<JournalReader> reader, journal->NewReader());
  run->Reserve(static_cast<size_t>(last - first + 1));
  return reader->ScanRequestIds(
      first, last, [run](EntryId entry, AccountNumber account, absl::string_view request_id) {
        run->Add(RequestKey::Of(account, request_id), entry);
        return true;
      });
}

absl::Status LoadRound(EntryId first, EntryId last, JournalSource* journal,
                       RequestIdWindow* window) {
  const EntryId count = last - first + 1;
  const size_t threads = CountThreads(count);
  std::vector<RequestIdWindow::Run> runs(threads);
  std::vector<absl::Status> read(threads);
  // The first entry of each thread's piece, and the end of the last one.
  const auto begin = [&](size_t i) {
    return first + static_cast<EntryId>(i) * count / static_cast<EntryId>(threads);
  };
  RunAll(threads,
         [&](size_t i) { read[i] = ReadRun(begin(i), begin(i + 1) - 1, journal, &runs[i]); });
  for (const absl::Status& status : read) FAREBOX_RETURN_IF_ERROR(status);
  RunAll(threads, [&](size_t i) { window->Merge(runs, i, threads); });
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadRequestIds(EntryId first, EntryId last, absl::Time begin, JournalSource* journal,
                            RequestIdWindow* window) {
  if (first > last) return absl::OkStatus();
  window->BeginGeneration(begin, last, static_cast<size_t>(last - first + 1));
  for (; first <= last; first += kEntriesPerRound) {
    FAREBOX_RETURN_IF_ERROR(
        LoadRound(first, std::min(last, first + kEntriesPerRound - 1), journal, window));
  }
  return absl::OkStatus();
}

}  // namespace farebox
