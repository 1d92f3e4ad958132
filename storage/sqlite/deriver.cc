#include "storage/sqlite/deriver.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/numeric/int128.h"
#include "storage/errors.h"
#include "storage/request_ids.h"
#include "storage/sqlite/file.h"
#include "storage/status_macros.h"
#include "storage/thread.h"

namespace farebox::sqlite {
namespace {

// With so many entries waiting there is nothing to gain from gathering more.
constexpr int64_t kGatherEntries = 50'000;
// What a chunk of request ids puts into the log: each id changes one page, and no page is there
// twice.
constexpr int64_t kLogBytesOfPage = 4'400;
// What an entry takes of the disk: a page in the log for its account, its hold, or both, and what
// is new of them in the file.
constexpr int64_t kDiskBytesOfEntry = 2 * kLogBytesOfPage;
// Smaller chunks are not worth the pages that they touch, where there is more to do. Of request ids
// they are where somebody waits for them, or else there would be none.
constexpr int64_t kChunkEntriesMin = 1'000;
constexpr int64_t kChunkRequestsMin = 20'000;
constexpr int64_t kChunkMissingRequestsMin = 1'000;
// After a failure, such as a full disk.
constexpr absl::Duration kRetryAfter = absl::Seconds(1);
// Request ids grow old without any new entry.
constexpr absl::Duration kLookAtRequestsEvery = absl::Minutes(1);

absl::Status NoRoom() {
  return absl::ResourceExhaustedError("the disk has no room for the derived file");
}

absl::Status LostAfter(EntryId last) {
  return error::JournalDamaged(
      last + 1,
      "it is lost: derived.db has had it from the journal, and the journal ends before it");
}

}  // namespace

Deriver::Deriver(Options options, EntryId last)
    : options_(std::move(options)), last_at_start_(last), appended_(last) {}

absl::StatusOr<std::unique_ptr<Deriver>> Deriver::Start(Options options, EntryId last) {
  auto deriver = std::unique_ptr<Deriver>(new Deriver(std::move(options), last));
  FAREBOX_ASSIGN_OR_RETURN(deriver->journal_,
                           SqliteJournalReader::Open(deriver->options_.journal_path, nullptr));
  FAREBOX_ASSIGN_OR_RETURN(deriver->source_,
                           DerivationSource::Open(deriver->options_.journal_path));
  const absl::Status opened = deriver->OpenFile();
  if (GetReason(opened) == Reason::kJournalDamaged) return opened;
  // The ledger works without the derived file, only slower: the thread will try again.
  deriver->NoteOutcome(opened);
  deriver->thread_ = StartThread("fbx-deriver", [raw = deriver.get()] { raw->Loop(); });
  return deriver;
}

Deriver::~Deriver() {
  stopping_.store(true);
  {
    MutexLock lock(&mu_);
    wake_.SignalAll();
    progress_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  // Where this fails the file is only made anew after a power cut. One that was found damaged is
  // not to be trusted more for having been closed.
  if (file_ != nullptr && !is_damaged_) file_->Sync().IgnoreError();
}

absl::Status Deriver::OpenFile() {
  FAREBOX_ASSIGN_OR_RETURN(
      file_, DerivedFile::Open(options_.derived_path,
                               [this](const BatchHead& derived) -> absl::StatusOr<bool> {
                                 // It takes over only what is durable. What has been appended
                                 // since the start has taken the place of what is lost.
                                 if (derived.last > last_at_start_) {
                                   return LostAfter(last_at_start_);
                                 }
                                 return journal_->HasBatch(derived);
                               }));
  BeginBacklog(file_->position().batch.last);
  PublishPosition();
  ++status_.generation;
  return absl::OkStatus();
}

void Deriver::BeginBacklog(EntryId through) {
  const EntryId appended = appended_.load();
  backlog_ = appended - through;
  backlog_through_.store(appended);
}

void Deriver::EndBacklog(EntryId through) {
  // What has come meanwhile is a backlog too. It comes to an end where each is less than half of
  // the one before; else the writer is too fast for it, and has to wait.
  const int64_t left = appended_.load() - through;
  const bool goes_on = left > options_.lag_entries_max && left < backlog_ / 2;
  backlog_ = 0;
  if (goes_on) BeginBacklog(through);
}

void Deriver::PublishPosition() {
  const DerivedPosition& position = file_->position();
  if (position.batch.last >= backlog_through_) EndBacklog(position.batch.last);
  status_.through.store(position.batch.last);
  status_.requests_through.store(position.requests_through);
  status_.requests_promised.store(
      std::max(status_.requests_promised.load(), position.requests_through));
  // Whoever waits for entries does not wait for the request ids that are taken over after them.
  MutexLock lock(&mu_);
  progress_.SignalAll();
}

void Deriver::OnAppended(EntryId last) {
  // Both in this order, and the thread's counterparts in the other: one of the two sees what the
  // other has stored, so no wake-up is lost.
  appended_.store(last);
  if (last < wake_at_.load()) return;
  wake_at_.store(std::numeric_limits<EntryId>::max());
  MutexLock lock(&mu_);
  wake_.SignalOne();
}

void Deriver::WaitWhileFarBehind() {
  if (!is_far_behind()) return;
  MutexLock lock(&mu_);
  while (is_far_behind() && !is_failing_ && !stopping_) {
    if (!progress_.WaitFor(&mu_, options_.patience)) return;
  }
}

bool Deriver::is_far_behind() const {
  // In this order: where one backlog ends and the next begins, that is known first.
  const EntryId through = status_.through.load();
  const bool has_backlog = through < backlog_through_.load();
  return !has_backlog && appended_.load() - through > options_.lag_entries_max;
}

void Deriver::LeaveOldRequests(EntryId through) {
  status_.requests_left.store(std::max(status_.requests_left.load(), through));
  // With entries to take over the thread does not rest anyway.
  if (is_behind()) return;
  MutexLock lock(&mu_);
  wake_.SignalOne();
}

void Deriver::OnDamage() {
  is_damaged_.store(true);
  MutexLock lock(&mu_);
  wake_.SignalOne();
}

std::unique_ptr<DerivedReader> Deriver::NewReader() {
  return std::make_unique<DerivedReader>(options_.derived_path, &status_, this);
}

void Deriver::Loop() {
  while (WaitForWork()) NoteOutcome(TakeOver());
}

bool Deriver::WaitForWork() {
  MutexLock lock(&mu_);
  if (is_failing_ && !stopping_) wake_.WaitFor(&mu_, kRetryAfter);
  wake_at_.store(status_.through.load() + 1);
  const bool has_work =
      is_behind() || has_more_requests_ || status_.are_requests_missing() || is_damaged_;
  if (!has_work && !stopping_) wake_.WaitFor(&mu_, kLookAtRequestsEvery);

  const EntryId worth_a_chunk = status_.through.load() + kGatherEntries;
  wake_at_.store(worth_a_chunk);
  const bool is_gathering = is_behind() && appended_.load() < worth_a_chunk;
  if (is_gathering && !stopping_) wake_.WaitFor(&mu_, options_.gather);
  wake_at_.store(std::numeric_limits<EntryId>::max());
  return !stopping_;
}

void Deriver::NoteOutcome(const absl::Status& status) {
  // What could not be written is in the log nevertheless, and is the journal's room.
  if (absl::IsResourceExhausted(status) && file_ != nullptr) file_->EmptyLog().IgnoreError();
  MutexLock lock(&mu_);
  is_failing_ = !status.ok();
  progress_.SignalAll();
}

absl::Status Deriver::TakeOver() {
  if (is_damaged_) {
    FAREBOX_RETURN_IF_ERROR(BeginAnew());
  } else if (file_ == nullptr) {
    FAREBOX_RETURN_IF_ERROR(OpenAgain());
  }
  has_more_requests_ = false;
  absl::Status status;
  if (is_behind()) status = TakeOverEntries();
  // The writer waits for entries then, and request ids may be a million.
  if (status.ok() && !is_far_behind()) status = TakeOverRequests();
  // The journal's own damage is not the derived file's: there DATA_LOSS has a reason with it.
  if (absl::IsDataLoss(status) && GetReason(status) == Reason::kNone) is_damaged_ = true;
  return status;
}

absl::Status Deriver::OpenAgain() {
  FAREBOX_RETURN_IF_ERROR(journal_loss_);
  absl::Status opened = OpenFile();
  if (opened.ok()) return opened;
  if (GetReason(opened) == Reason::kJournalDamaged) {
    journal_loss_ = opened;
    options_.on_journal_damage(opened);
    return opened;
  }
  return ++failed_opens_ < options_.open_tries_max ? opened : BeginAnew();
}

absl::Status Deriver::BeginAnew() {
  // Readers keep away while the generation is odd, and open the new file after that.
  if (status_.generation % 2 == 0) ++status_.generation;
  BeginBacklog(0);
  status_.through = 0;
  status_.requests_through = 0;
  file_.reset();
  FAREBOX_ASSIGN_OR_RETURN(file_, DerivedFile::Create(options_.derived_path));
  is_damaged_ = false;
  ++status_.generation;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Deriver::EntriesThatFit() const {
  const int64_t wanted = std::min(appended_.load() - status_.through.load(), chunk_entries_);
  const std::optional<int64_t> free_bytes = FreeDiskBytes(options_.derived_path);
  if (!free_bytes.has_value()) return wanted;
  const int64_t fitting = (*free_bytes - options_.free_disk_bytes_min) / kDiskBytesOfEntry;
  if (fitting >= std::min(wanted, kChunkEntriesMin)) return std::min(wanted, fitting);
  return NoRoom();
}

absl::Status Deriver::TakeOverEntries() {
  FAREBOX_ASSIGN_OR_RETURN(const int64_t count, EntriesThatFit());
  const EntryId first = status_.through + 1;
  FAREBOX_ASSIGN_OR_RETURN(const BatchHead through, journal_->FindBatchOf(first + count - 1));
  DerivedChunk chunk;
  const auto find_hold = [this](EntryId hold) { return file_->FindHold(hold); };
  FAREBOX_RETURN_IF_ERROR(source_->ScanBalances(first, through.last, [&](const BalanceStep& step) {
    chunk.AddBalance(step);
    return !stopping_;
  }));
  absl::Status folded;
  FAREBOX_RETURN_IF_ERROR(source_->ScanSteps(first, through.last, [&](const Entry& entry) {
    folded = chunk.AddStep(entry, find_hold);
    return folded.ok() && !stopping_;
  }));
  FAREBOX_RETURN_IF_ERROR(folded);
  if (stopping_) return absl::OkStatus();
  const absl::Status written = file_->Write(std::move(chunk), through);
  if (absl::IsResourceExhausted(written)) chunk_entries_ = std::max<int64_t>(1, count / 2);
  FAREBOX_RETURN_IF_ERROR(written);
  PublishPosition();
  // The next chunk has the room of this one's log, too.
  if (chunk_entries_ < options_.chunk_entries_max) file_->EmptyLog().IgnoreError();
  if (!is_behind()) chunk_entries_ = options_.chunk_entries_max;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Deriver::RequestsThatFit() {
  const std::optional<int64_t> free_bytes = FreeDiskBytes(options_.derived_path);
  if (!free_bytes.has_value()) return options_.chunk_requests_max;
  FAREBOX_ASSIGN_OR_RETURN(const int64_t pages, file_->CountPages());
  const bool are_missing = status_.are_requests_missing();
  const int64_t bytes_left =
      are_missing ? options_.free_disk_bytes_min : options_.free_disk_bytes_min_requests;
  const int64_t least = are_missing ? kChunkMissingRequestsMin : kChunkRequestsMin;
  const int64_t pages_that_fit = (*free_bytes - bytes_left) / kLogBytesOfPage;
  if (pages_that_fit > pages + kChunkRequestsMin) return options_.chunk_requests_max;
  if (pages_that_fit >= least) return std::min(pages_that_fit, options_.chunk_requests_max);
  return are_missing ? NoRoom() : absl::StatusOr<int64_t>(0);
}

absl::Status Deriver::TakeOverRequests() {
  // Well before memory forgets them, and then many at a time; by the journal's own time where the
  // clock was set back.
  const DerivedPosition position = file_->position();
  const absl::Time now = std::max(options_.clock->Now(), position.batch.time);
  const EntryId before = position.requests_through;
  const EntryId derived = position.batch.last;
  FAREBOX_ASSIGN_OR_RETURN(const EntryId due_through,
                           journal_->LastEntryBefore(now - options_.request_window * 3 / 4));
  // A file that was made anew has to have what the one before it had.
  const EntryId wanted = std::min(std::max(due_through, status_.requests_expected()), derived);
  if (wanted <= before) return absl::OkStatus();
  FAREBOX_ASSIGN_OR_RETURN(const int64_t count, RequestsThatFit());
  if (count == 0) return absl::OkStatus();
  FAREBOX_ASSIGN_OR_RETURN(const EntryId old_through,
                           journal_->LastEntryBefore(now - options_.request_window * 5 / 8));
  const EntryId through = std::min({std::max(old_through, wanted), derived, before + count});
  has_more_requests_ = through < wanted;

  std::vector<std::pair<RequestHash, EntryId>> requests;
  FAREBOX_RETURN_IF_ERROR(journal_->ScanRequestIds(
      before + 1, through, [&](EntryId entry, AccountNumber account, absl::string_view request_id) {
        requests.emplace_back(HashRequestId(account, request_id), entry);
        return !stopping_;
      }));
  if (stopping_) return absl::OkStatus();
  std::sort(requests.begin(), requests.end());
  FAREBOX_RETURN_IF_ERROR(file_->WriteRequests(requests, through));
  PublishPosition();
  return absl::OkStatus();
}

}  // namespace farebox::sqlite
