#include "storage/verify.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "storage/account_fold.h"
#include "storage/check.h"
#include "storage/errors.h"
#include "storage/hash_chain.h"
#include "storage/hold.h"
#include "storage/request_ids.h"
#include "storage/status_macros.h"

namespace farebox {
namespace {

constexpr size_t kBatchesPerPage = 1024;
// How often whoever waits is told how far it is.
constexpr EntryId kEntriesPerLook = 8'192;

// Checks that `batch` follows `before`, has its entries, and has their hash. `check` sees each.
absl::Status CheckChain(const BatchHead& before, const BatchHead& batch, JournalReader* reader,
                        absl::FunctionRef<absl::Status(const Entry&)> check) {
  const bool follows = batch.number == before.number + 1 && batch.first == before.last + 1 &&
                       batch.last >= batch.first && batch.time >= before.time;
  if (!follows) {
    // Where a batch is missing, its first entry is the first that nobody vouches for.
    const EntryId first = std::max<EntryId>(1, std::min(batch.first, before.last + 1));
    return error::JournalDamaged(first, "its batch does not follow the one before");
  }

  BatchHasher hasher(before.hash, batch);
  EntryId next = batch.first;
  absl::Status status;
  FAREBOX_RETURN_IF_ERROR(reader->Scan(batch.first, batch.last, [&](const Entry& entry) {
    status = entry.id == next ? check(entry) : error::JournalDamaged(next, "it is missing");
    ++next;
    hasher.Add(entry);
    return status.ok();
  }));
  FAREBOX_RETURN_IF_ERROR(status);
  if (next != batch.last + 1) return error::JournalDamaged(next, "it is missing");
  if (hasher.Finish() != batch.hash) {
    return error::JournalDamaged(batch.first, "the hash of its batch does not match");
  }
  return absl::OkStatus();
}

// Recomputes entries as they come.
class Verifier {
 public:
  Verifier(VerifyOptions options, VerifyReport* report) : options_(options), report_(*report) {}

  // Fails with JOURNAL_DAMAGED at the first thing that is wrong.
  absl::Status CheckBatch(const BatchHead& batch, JournalReader* reader);

  void Sum() {
    report_.accounts = static_cast<int64_t>(accounts_.size());
    for (const AccountState& account : accounts_) {
      report_.balance_sum_micros += account.balance.value();
      report_.held_sum_micros += account.held.value();
    }
  }

 private:
  absl::Status CheckEntry(const BatchHead& batch, const Entry& entry);
  absl::Status CheckRefund(const Entry& refund, JournalReader* reader);

  const VerifyOptions options_;
  VerifyReport& report_;
  std::vector<AccountState> accounts_;  // by number, from 1
  absl::flat_hash_map<std::pair<AccountNumber, EntryId>, Hold> holds_;
  absl::flat_hash_map<EntryId, Micros> refunded_;
  absl::flat_hash_set<RequestHash> request_ids_;
  // Refunds of the batch that is being checked.
  std::vector<Entry> refunds_;
};

absl::Status Verifier::CheckBatch(const BatchHead& batch, JournalReader* reader) {
  const absl::Status chain = CheckChain(
      report_.head, batch, reader, [&](const Entry& entry) { return CheckEntry(batch, entry); });
  // The refunds first: they come before the entry that `chain` is about.
  const std::vector<Entry> refunds = std::exchange(refunds_, {});
  for (const Entry& refund : refunds) FAREBOX_RETURN_IF_ERROR(CheckRefund(refund, reader));
  FAREBOX_RETURN_IF_ERROR(chain);
  report_.head = batch;
  ++report_.batches;
  return absl::OkStatus();
}

absl::Status Verifier::CheckEntry(const BatchHead& batch, const Entry& entry) {
  if (entry.time != batch.time)
    return error::JournalDamaged(entry.id, "its time is not its batch's");
  const AccountNumber next_number = static_cast<AccountNumber>(accounts_.size()) + 1;
  if (entry.kind == EntryKind::kAccountOpened && entry.account == next_number) {
    accounts_.emplace_back();
  }
  if (entry.account < 1 || entry.account > static_cast<AccountNumber>(accounts_.size())) {
    return error::JournalDamaged(entry.id, "its account does not exist");
  }
  AccountState& account = accounts_[entry.account - 1];

  const std::pair<AccountNumber, EntryId> hold_key(entry.account, entry.subject);
  std::optional<Hold> hold;
  if (const auto found = holds_.find(hold_key); found != holds_.end()) hold = found->second;
  FAREBOX_RETURN_IF_ERROR(CheckFollows(account, hold, entry));
  FoldAccount(entry, &account);

  const bool refunds = IsRefund(entry);
  if (refunds) refunds_.push_back(entry);
  if (entry.subject != 0 && !refunds && entry.kind != EntryKind::kDecline) {
    FoldHold(entry, &hold);
    holds_.erase(hold_key);
    if (hold.has_value()) holds_.emplace(hold_key, *std::move(hold));
  }
  const bool repeats = options_.request_ids && !entry.request_id.empty() &&
                       !request_ids_.insert(HashRequestId(entry.account, entry.request_id)).second;
  if (repeats) return error::JournalDamaged(entry.id, "its request id was used before");
  ++report_.entries;
  return absl::OkStatus();
}

absl::Status Verifier::CheckRefund(const Entry& refund, JournalReader* reader) {
  const absl::StatusOr<Entry> debit = reader->Read(refund.subject);
  const bool is_debit = debit.ok() && debit->id < refund.id && debit->account == refund.account &&
                        debit->amount.is_negative();
  if (!is_debit) return error::JournalDamaged(refund.id, "it refunds what is not a debit");

  Micros& refunded = refunded_[refund.subject];
  const std::optional<Micros> total = CheckedAdd(refunded, refund.amount);
  if (!total.has_value() || total->value() > -debit->amount.value()) {
    return error::JournalDamaged(refund.id, "refunds exceed the debit");
  }
  refunded = *total;
  return absl::OkStatus();
}

// Entries that no batch covers were never acknowledged, and must not be there.
absl::Status CheckNothingAfter(EntryId last, int64_t last_batch, JournalReader* reader) {
  EntryId found = 0;
  FAREBOX_RETURN_IF_ERROR(
      reader->Scan(last + 1, std::numeric_limits<EntryId>::max(), [&](const Entry& entry) {
        found = entry.id;
        return false;
      }));
  // A running server may have appended a batch meanwhile; it would have to be a whole one.
  bool has_batch = false;
  FAREBOX_RETURN_IF_ERROR(reader->ScanBatches(last_batch, [&](const BatchHead& batch) {
    has_batch = batch.last >= found;
    return !has_batch;
  }));
  if (found != 0 && !has_batch) return error::JournalDamaged(found, "it is in no batch");
  return absl::OkStatus();
}

EntryId EntryOf(const ErrorDetail& damage) {
  EntryId id = 0;
  for (const auto& [key, value] : damage.metadata) {
    if (key == "entry_id") FAREBOX_CHECK(absl::SimpleAtoi(value, &id));
  }
  return id;
}

// Checks the batches after the report's head, in order.
absl::Status CheckBatches(JournalReader* reader, const VerifyObserver& should_continue,
                          absl::FunctionRef<absl::Status(const BatchHead&)> check,
                          VerifyReport* report) {
  EntryId told = report->head.last;
  std::vector<BatchHead> heads;
  do {
    // Batches are read in pages, so that no read of the journal lasts long.
    heads.clear();
    FAREBOX_RETURN_IF_ERROR(
        reader->ScanBatches(report->head.number + 1, [&](const BatchHead& batch) {
          heads.push_back(batch);
          return heads.size() < kBatchesPerPage;
        }));
    for (const BatchHead& head : heads) {
      FAREBOX_RETURN_IF_ERROR(check(head));
      if (head.last - told < kEntriesPerLook) continue;
      told = head.last;
      if (!should_continue(told)) return absl::CancelledError();
    }
  } while (!heads.empty());
  return CheckNothingAfter(report->head.last, report->head.number, reader);
}

// Damage is what the report is about; anything else kept it from being made.
absl::StatusOr<VerifyReport> NoteProblem(const absl::Status& problem, VerifyReport report) {
  if (problem.ok()) return report;
  const std::optional<ErrorDetail> damage = GetErrorDetail(problem);
  if (!damage.has_value() || damage->reason != Reason::kJournalDamaged) return problem;
  report.first_bad_entry = EntryOf(*damage);
  report.problem = std::string(problem.message());
  return report;
}

}  // namespace

absl::Status VerifyReport::ToStatus() const {
  if (ok()) return absl::OkStatus();
  const std::string prefix = absl::StrCat("entry ", first_bad_entry, ": ");
  return error::JournalDamaged(first_bad_entry, absl::StripPrefix(problem, prefix));
}

absl::StatusOr<VerifyReport> VerifyJournal(JournalReader* reader, VerifyOptions options) {
  VerifyReport report;
  Verifier verifier(options, &report);
  const auto check = [&](const BatchHead& batch) { return verifier.CheckBatch(batch, reader); };
  const absl::Status problem = CheckBatches(reader, options.should_continue, check, &report);
  verifier.Sum();
  return NoteProblem(problem, std::move(report));
}

absl::StatusOr<VerifyReport> VerifyHashes(JournalReader* reader, const BatchHead& before,
                                          const VerifyObserver& should_continue) {
  VerifyReport report;
  report.head = before;
  const auto check = [&](const BatchHead& batch) -> absl::Status {
    FAREBOX_RETURN_IF_ERROR(
        CheckChain(report.head, batch, reader, [](const Entry&) { return absl::OkStatus(); }));
    report.head = batch;
    report.entries += batch.last - batch.first + 1;
    ++report.batches;
    return absl::OkStatus();
  };
  const absl::Status problem = CheckBatches(reader, should_continue, check, &report);
  return NoteProblem(problem, std::move(report));
}

}  // namespace farebox
