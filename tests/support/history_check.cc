#include "tests/support/history_check.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace farebox::history {
namespace {

using RequestKey = std::pair<absl::string_view, absl::string_view>;  // Account and request id.

// All that was seen under one request id.
struct Request {
  absl::string_view account_id;
  absl::string_view request_id;
  int64_t first_sent = std::numeric_limits<int64_t>::max();
  int64_t first_answered = std::numeric_limits<int64_t>::max();
  const Operation* answer = nullptr;  // The first that was seen; null where none was.
  const Entry* entry = nullptr;       // In the journal; null where it is not.
  int unreplayed = 0;
};

// Something that happened between two moments and has a position.
struct Span {
  int64_t sent = 0;
  int64_t answered = 0;
  int64_t position = 0;
  absl::string_view account_id;
  std::string what;
  bool may_be_equal = false;  // A read may show the very entry that was answered before it.
};

std::string NameOf(absl::string_view account_id, absl::string_view request_id) {
  return absl::StrCat("request ", request_id, " of account ", account_id);
}

std::string NameOf(const Request& request) {
  return NameOf(request.account_id, request.request_id);
}

std::string NameOf(const Entry& entry) {
  return absl::StrCat("entry ", entry.entry_id, " of account ", entry.account_id);
}

bool Contradict(const std::optional<int64_t>& told, int64_t truth) {
  return told.has_value() && *told != truth;
}

bool SameAnswer(const Operation& a, const Operation& b) {
  return a.outcome == b.outcome && a.entry_id == b.entry_id && a.amount_micros == b.amount_micros &&
         a.balance_after_micros == b.balance_after_micros &&
         a.held_after_micros == b.held_after_micros &&
         a.available_after_micros == b.available_after_micros &&
         a.answer_fingerprint == b.answer_fingerprint;
}

class Checker {
 public:
  explicit Checker(const History& history) : history_(history) {}

  std::vector<Violation> Run() {
    SortEntries();
    IndexEntries();
    GatherRequests();
    CheckOnce();
    CheckOrder();
    CheckRunning();
    CheckKept();
    CheckSums();
    return std::move(violations_);
  }

 private:
  void Add(Check check, std::string sentence) {
    if (violations_.size() < kViolationsMax) violations_.push_back({check, std::move(sentence)});
  }

  const Account& AccountOf(absl::string_view account_id) const {
    static const Account kNew;
    const auto found = history_.accounts.find(std::string(account_id));
    return found == history_.accounts.end() ? kNew : found->second;
  }

  void SortEntries();
  void GatherRequests();
  void IndexEntries();
  const Entry* FindEntry(int64_t entry_id) const;

  void CheckOnce();
  void CheckOneAnswer();
  void CheckOnePosition();

  void CheckOrder();
  std::vector<Span> SpansOfRequests() const;
  void Sweep(std::vector<Span> earlier, std::vector<Span> later);

  void CheckRunning();
  void CheckStep(const Entry& entry, int64_t balance_before, int64_t held_before);

  void CheckKept();
  void CheckAcknowledged(const Request& request);
  void CheckAmounts(const Operation& answer, const Entry& entry);
  void CheckReads();
  void CheckStrangers();
  void CheckEarlier();

  void CheckSums();
  void CheckCaptures();

  const History& history_;
  std::vector<const Entry*> entries_;  // By entry id.
  absl::flat_hash_map<RequestKey, const Entry*> entry_by_key_;
  std::vector<Request> requests_;  // In the order in which they were first seen.
  absl::flat_hash_map<RequestKey, size_t> request_by_key_;
  std::vector<Violation> violations_;
};

void Checker::SortEntries() {
  for (const Entry& entry : history_.entries) {
    if (entry.entry_id > AccountOf(entry.account_id).start_entry_id) entries_.push_back(&entry);
  }
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry* a, const Entry* b) { return a->entry_id < b->entry_id; });
}

void Checker::IndexEntries() {
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = *entries_[i];
    if (i > 0 && entries_[i - 1]->entry_id == entry.entry_id) {
      Add(Check::kOnce, absl::StrCat(NameOf(entry), " was read back twice."));
      continue;
    }
    if (entry.request_id.empty()) continue;
    const RequestKey key(entry.account_id, entry.request_id);
    const auto [first, is_new] = entry_by_key_.try_emplace(key, &entry);
    if (is_new) continue;
    Add(Check::kOnce, absl::StrCat(NameOf(key.first, key.second), " has two entries, ",
                                   first->second->entry_id, " and ", entry.entry_id, "."));
  }
}

const Entry* Checker::FindEntry(int64_t entry_id) const {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), entry_id,
                       [](const Entry* entry, int64_t id) { return entry->entry_id < id; });
  return found != entries_.end() && (*found)->entry_id == entry_id ? *found : nullptr;
}

void Checker::GatherRequests() {
  for (const Operation& operation : history_.operations) {
    const RequestKey key(operation.account_id, operation.request_id);
    const auto [place, is_new] = request_by_key_.try_emplace(key, requests_.size());
    if (is_new) requests_.push_back({.account_id = key.first, .request_id = key.second});
    Request& request = requests_[place->second];
    request.first_sent = std::min(request.first_sent, operation.sent_at_nanos);
    if (operation.outcome == Outcome::kUnanswered) continue;
    request.first_answered = std::min(request.first_answered, operation.answered_at_nanos);
    if (request.answer == nullptr) request.answer = &operation;
    if (operation.outcome == Outcome::kApplied && !operation.replayed) ++request.unreplayed;
  }
  for (const auto& [key, entry] : entry_by_key_) {
    const auto found = request_by_key_.find(key);
    if (found != request_by_key_.end()) requests_[found->second].entry = entry;
  }
}

void Checker::CheckOnce() {
  CheckOneAnswer();
  CheckOnePosition();
}

void Checker::CheckOneAnswer() {
  for (const Operation& operation : history_.operations) {
    if (operation.outcome == Outcome::kUnanswered) continue;
    const RequestKey key(operation.account_id, operation.request_id);
    const Request& request = requests_[request_by_key_.at(key)];
    if (SameAnswer(*request.answer, operation)) continue;
    Add(Check::kOnce, absl::StrCat(NameOf(request), " was answered differently when repeated."));
  }
  for (const Request& request : requests_) {
    if (request.unreplayed <= 1) continue;
    Add(Check::kOnce, absl::StrCat(NameOf(request), " was answered ", request.unreplayed,
                                   " times as if it were new."));
  }
}

void Checker::CheckOnePosition() {
  absl::flat_hash_map<int64_t, const Request*> owners;
  for (const Request& request : requests_) {
    if (request.answer == nullptr || request.answer->entry_id == 0) continue;
    const auto [owner, is_new] = owners.try_emplace(request.answer->entry_id, &request);
    if (is_new) continue;
    Add(Check::kOnce, absl::StrCat(NameOf(request), " and ", NameOf(*owner->second),
                                   " were both answered with entry ", owner->first, "."));
  }
}

std::vector<Span> Checker::SpansOfRequests() const {
  std::vector<Span> spans;
  for (const Request& request : requests_) {
    int64_t position = request.answer == nullptr ? 0 : request.answer->entry_id;
    if (position == 0 && request.entry != nullptr) position = request.entry->entry_id;
    if (position == 0) continue;
    spans.push_back({.sent = request.first_sent,
                     .answered = request.first_answered,
                     .position = position,
                     .account_id = request.account_id,
                     .what = NameOf(request)});
  }
  return spans;
}

// Whatever of `earlier` was answered before one of `later` was sent has a lower position.
void Checker::Sweep(std::vector<Span> earlier, std::vector<Span> later) {
  std::sort(earlier.begin(), earlier.end(),
            [](const Span& a, const Span& b) { return a.answered < b.answered; });
  std::sort(later.begin(), later.end(),
            [](const Span& a, const Span& b) { return a.sent < b.sent; });
  const Span* highest = nullptr;
  auto next = earlier.begin();
  for (const Span& span : later) {
    for (; next != earlier.end() && next->answered < span.sent; ++next) {
      if (highest == nullptr || next->position > highest->position) highest = &*next;
    }
    if (highest == nullptr || span.position > highest->position) continue;
    if (span.may_be_equal && span.position == highest->position) continue;
    Add(Check::kOrder, absl::StrCat(span.what, " was sent after the answer to ", highest->what,
                                    " but its position ", span.position, " is not after ",
                                    highest->position, "."));
  }
}

void Checker::CheckOrder() {
  const std::vector<Span> requests = SpansOfRequests();
  Sweep(requests, requests);
  if (history_.reads.empty()) return;

  // An account's reads are compared with its own requests: they tell nothing about others.
  struct OfAccount {
    std::vector<Span> requests;
    std::vector<Span> reads;
  };
  std::map<absl::string_view, OfAccount> accounts;
  for (const Read& read : history_.reads) {
    accounts[read.account_id].reads.push_back(
        {.sent = read.sent_at_nanos,
         .answered = read.answered_at_nanos,
         .position = read.as_of_entry_id,
         .account_id = read.account_id,
         .what = absl::StrCat("a read of account ", read.account_id),
         .may_be_equal = true});
  }
  for (const Span& request : requests) accounts[request.account_id].requests.push_back(request);
  for (auto& [account_id, spans] : accounts) {
    Sweep(spans.reads, spans.requests);
    std::vector<Span> all = spans.requests;
    all.insert(all.end(), spans.reads.begin(), spans.reads.end());
    Sweep(std::move(all), spans.reads);
  }
}

void Checker::CheckRunning() {
  struct Running {
    int64_t balance;
    int64_t held;
  };
  absl::flat_hash_map<absl::string_view, Running> running;
  for (const Entry* const entry : entries_) {
    const Account& account = AccountOf(entry->account_id);
    const auto place = running.try_emplace(
        entry->account_id, Running{account.start_balance_micros, account.start_held_micros});
    Running& before = place.first->second;
    CheckStep(*entry, before.balance, before.held);
    before = {entry->balance_after_micros, entry->held_after_micros};
  }
}

void Checker::CheckStep(const Entry& entry, int64_t balance_before, int64_t held_before) {
  if (balance_before + entry.amount_micros != entry.balance_after_micros) {
    Add(Check::kRunning,
        absl::StrCat(NameOf(entry), " moves a balance of ", balance_before, " by ",
                     entry.amount_micros, " to ", entry.balance_after_micros, "."));
  }
  if (held_before + entry.held_change_micros != entry.held_after_micros) {
    Add(Check::kRunning,
        absl::StrCat(NameOf(entry), " moves what is held from ", held_before, " by ",
                     entry.held_change_micros, " to ", entry.held_after_micros, "."));
  }
  if (entry.held_after_micros < 0) {
    Add(Check::kRunning, absl::StrCat(NameOf(entry), " leaves less than nothing held."));
  }
  const int64_t available = entry.balance_after_micros - entry.held_after_micros +
                            AccountOf(entry.account_id).credit_limit_micros;
  const bool takes = entry.amount_micros < entry.held_change_micros;
  if (takes && available < 0 && !entry.overrun && !entry.late) {
    Add(Check::kRunning,
        absl::StrCat(NameOf(entry), " leaves ", available, " available and is no overrun."));
  }
}

void Checker::CheckKept() {
  for (const Request& request : requests_) CheckAcknowledged(request);
  CheckReads();
  CheckStrangers();
  CheckEarlier();
}

void Checker::CheckAcknowledged(const Request& request) {
  if (request.answer == nullptr) return;
  const Operation& answer = *request.answer;
  const Entry* const entry = request.entry;
  if (answer.outcome == Outcome::kRefused) {
    if (entry != nullptr && !entry->decline) {
      Add(Check::kKept,
          absl::StrCat(NameOf(request), " was refused, but did ", NameOf(*entry), "."));
    }
    return;
  }
  if (entry == nullptr) {
    Add(Check::kKept, absl::StrCat(NameOf(request), " was acknowledged, but has no entry."));
    return;
  }
  if (entry->decline) {
    Add(Check::kKept, absl::StrCat(NameOf(request), " was acknowledged, but its ", NameOf(*entry),
                                   " is a refusal."));
  }
  CheckAmounts(answer, *entry);
}

void Checker::CheckAmounts(const Operation& answer, const Entry& entry) {
  const int64_t available = entry.balance_after_micros - entry.held_after_micros +
                            AccountOf(entry.account_id).credit_limit_micros;
  if ((answer.entry_id == 0 || answer.entry_id == entry.entry_id) &&
      !Contradict(answer.amount_micros, entry.amount_micros) &&
      !Contradict(answer.balance_after_micros, entry.balance_after_micros) &&
      !Contradict(answer.held_after_micros, entry.held_after_micros) &&
      !Contradict(answer.available_after_micros, available)) {
    return;
  }
  Add(Check::kKept, absl::StrCat(NameOf(answer.account_id, answer.request_id),
                                 " was answered with other figures than ", NameOf(entry), " has."));
}

void Checker::CheckReads() {
  for (const Read& read : history_.reads) {
    const Account& account = AccountOf(read.account_id);
    const Entry* const entry = FindEntry(read.as_of_entry_id);
    bool as_kept = false;
    if (entry != nullptr && entry->account_id == read.account_id) {
      as_kept = read.balance_micros == entry->balance_after_micros &&
                read.held_micros == entry->held_after_micros;
    } else if (read.as_of_entry_id == account.start_entry_id) {
      as_kept = read.balance_micros == account.start_balance_micros &&
                read.held_micros == account.start_held_micros;
    }
    if (as_kept) continue;
    Add(Check::kKept,
        absl::StrCat("A read of account ", read.account_id, " saw a balance of ",
                     read.balance_micros, " and ", read.held_micros, " held as of entry ",
                     read.as_of_entry_id, ", which the journal does not have so."));
  }
}

void Checker::CheckStrangers() {
  for (const Entry* const entry : entries_) {
    if (entry->decline && (entry->amount_micros != 0 || entry->held_change_micros != 0)) {
      Add(Check::kKept, absl::StrCat(NameOf(*entry), " is a refusal and moves money."));
    }
    if (entry->request_id.empty() || entry->recharge) continue;
    if (request_by_key_.contains(RequestKey(entry->account_id, entry->request_id))) continue;
    Add(Check::kKept,
        absl::StrCat(NameOf(*entry), " is for ", entry->request_id, ", which nobody has sent."));
  }
}

void Checker::CheckEarlier() {
  for (const Entry& earlier : history_.earlier_entries) {
    if (earlier.entry_id <= AccountOf(earlier.account_id).start_entry_id) continue;
    const Entry* const entry = FindEntry(earlier.entry_id);
    if (entry == nullptr) {
      Add(Check::kKept, absl::StrCat(NameOf(earlier), " was there and is gone."));
    } else if (!(*entry == earlier)) {
      Add(Check::kKept, absl::StrCat(NameOf(earlier), " is not what it was."));
    }
  }
}

void Checker::CheckSums() {
  struct Sums {
    __int128 amounts = 0;
    __int128 held_changes = 0;
  };
  absl::flat_hash_map<absl::string_view, Sums> sums;
  for (const Entry* const entry : entries_) {
    Sums& of_account = sums[entry->account_id];
    of_account.amounts += entry->amount_micros;
    of_account.held_changes += entry->held_change_micros;
  }
  for (const auto& [account_id, account] : history_.accounts) {
    const Sums& of_account = sums[account_id];
    const __int128 balance = account.start_balance_micros + of_account.amounts;
    const __int128 held = account.start_held_micros + of_account.held_changes;
    if (account.end_balance_micros.has_value() && *account.end_balance_micros != balance) {
      Add(Check::kSums,
          absl::StrCat("Account ", account_id, " has a balance of ", *account.end_balance_micros,
                       ", its entries sum up to ", static_cast<int64_t>(balance), "."));
    }
    if (account.end_held_micros.has_value() && *account.end_held_micros != held) {
      Add(Check::kSums,
          absl::StrCat("Account ", account_id, " has ", *account.end_held_micros,
                       " held, its entries sum up to ", static_cast<int64_t>(held), "."));
    }
  }
  CheckCaptures();
}

void Checker::CheckCaptures() {
  absl::flat_hash_map<absl::string_view, const Entry*> credits;
  for (const Entry* const entry : entries_) {
    if (entry->recharge) credits.try_emplace(entry->request_id, entry);
  }
  for (const Capture& capture : history_.captures) {
    const auto credit = credits.find(capture.attempt_id);
    if (credit == credits.end()) {
      Add(Check::kSums, absl::StrCat("Attempt ", capture.attempt_id,
                                     " was captured, but never credited, or captured twice."));
      continue;
    }
    if (credit->second->amount_micros != capture.amount_micros) {
      Add(Check::kSums,
          absl::StrCat("Attempt ", capture.attempt_id, " was captured with ", capture.amount_micros,
                       ", but credited with ", credit->second->amount_micros, "."));
    }
    credits.erase(credit);
  }
  for (const auto& [attempt_id, entry] : credits) {
    Add(Check::kSums, absl::StrCat(NameOf(*entry), " credits attempt ", attempt_id,
                                   ", which was never captured."));
  }
}

}  // namespace

std::vector<Violation> FindViolations(const History& history) { return Checker(history).Run(); }

}  // namespace farebox::history
