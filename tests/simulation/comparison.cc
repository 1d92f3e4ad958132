#include "tests/simulation/comparison.h"

#include <limits>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "storage/errors.h"

namespace farebox::simulation {
namespace {

int64_t AvailableAfter(const Entry& entry) {
  return entry.balance.value() - entry.held.value() + entry.credit_limit.value();
}

bool IsRecord(const Entry& entry) {
  return entry.kind == EntryKind::kAccountOpened || entry.kind == EntryKind::kAccountChanged;
}

std::string TextOf(const Entry& entry) {
  return absl::StrCat("entry ", entry.id, " ", EntryKindName(entry.kind), " ",
                      ReasonName(entry.reason), " account ", entry.account, " subject ",
                      entry.subject, " amount ", entry.amount.value()) +
         absl::StrCat(" held_change ", entry.held_change.value(), " balance ",
                      entry.balance.value(), " held ", entry.held.value(), " limit ",
                      entry.credit_limit.value(), " flags ", entry.flags) +
         absl::StrCat(" previous ", entry.previous, " item ", entry.item, " at ",
                      absl::FormatTime(entry.time, absl::UTCTimeZone()), " expires ",
                      absl::FormatTime(entry.expire_time, absl::UTCTimeZone()), " of ",
                      entry.request_id);
}

// The model leaves an account's record out of its entry.
bool IsSame(Entry entry, const Entry& expected) {
  if (IsRecord(entry)) entry.detail.clear();
  return entry == expected;
}

std::string TextOf(const Model::Answer& answer) {
  if (answer.error != Reason::kNone) return std::string(ReasonName(answer.error));
  return absl::StrCat(answer.replayed ? "again " : "", TextOf(answer.entry));
}

bool IsSame(const Hold& hold, EntryId id, const Model::Hold& expected) {
  return hold.id == id && hold.item == expected.item && hold.amount.value() == expected.held &&
         hold.charged.value() == expected.charged && hold.start_time == expected.start_time &&
         hold.expire_time == expected.expire_time && !hold.expired &&
         hold.detail == expected.detail;
}

// Newest first in the books.
std::string CompareHolds(const std::vector<Hold>& holds, const std::string& id,
                         const Model& model) {
  const Model::Account& account = *model.FindAccount(id);
  if (holds.size() != account.open_holds.size()) {
    return absl::StrCat(id, " has ", holds.size(), " open holds, expected ",
                        account.open_holds.size());
  }
  int64_t sum = 0;
  auto expected = account.open_holds.rbegin();
  for (const Hold& hold : holds) {
    if (!IsSame(hold, *expected, *model.FindHold(*expected))) {
      return absl::StrCat(id, "'s hold ", hold.id, " is not as expected hold ", *expected,
                          " is: ", hold.amount.value(), " set aside, ", hold.charged.value(),
                          " charged");
    }
    sum += hold.amount.value();
    ++expected;
  }
  return sum == account.held ? ""
                             : absl::StrCat(id, "'s open holds are not the sum of what is held");
}

}  // namespace

std::string TextOf(const Outcome& outcome) {
  if (!outcome.status.ok()) return std::string(ReasonName(GetReason(outcome.status)));
  return absl::StrCat(outcome.replayed ? "again " : "", TextOf(outcome.entry));
}

std::string CompareOutcome(const Outcome& outcome, const Model::Answer& expected) {
  const bool is_same = expected.error != Reason::kNone
                           ? GetReason(outcome.status) == expected.error
                           : outcome.status.ok() && outcome.replayed == expected.replayed &&
                                 IsSame(outcome.entry, expected.entry);
  return is_same ? ""
                 : absl::StrCat("answered ", TextOf(outcome), "\n  expected ", TextOf(expected));
}

std::string CompareBatch(absl::Span<const Entry> written, const Model& model) {
  if (written.size() != model.batch().size()) {
    return absl::StrCat("wrote ", written.size(), " entries, expected ", model.batch().size());
  }
  for (size_t i = 0; i < written.size(); ++i) {
    const Entry& expected = model.batch()[i];
    if (!IsSame(written[i], expected)) {
      return absl::StrCat("wrote ", TextOf(written[i]), "\n  expected ", TextOf(expected));
    }
  }
  return "";
}

std::string CheckTaken(absl::Span<const Entry> written) {
  for (const Entry& entry : written) {
    const int64_t available = AvailableAfter(entry);
    const int64_t before = available - entry.amount.value() + entry.held_change.value();
    const bool takes = available < before && available < 0;
    const bool charges_call = entry.kind == EntryKind::kHoldCharged || EndsHold(entry.kind);
    const bool may_take = charges_call && (entry.overrun() || before < 0);
    if (takes && !may_take && !IsRecord(entry)) {
      return absl::StrCat("takes what is not there: ", TextOf(entry));
    }
    if (entry.held.is_negative()) return absl::StrCat("less than nothing is held: ", TextOf(entry));
  }
  return "";
}

std::string CompareAccount(const Books& books, const std::string& id, const Model& model) {
  const Model::Account* const expected = model.FindAccount(id);
  const absl::StatusOr<AccountFacts> facts = books.Find(id);
  if (expected == nullptr || !facts.ok()) return absl::StrCat(id, " is not there");
  const AccountState& state = facts->state;
  const bool is_same =
      facts->account_id == id && facts->number == expected->number &&
      state.terms == expected->terms && state.balance.value() == expected->balance &&
      state.held.value() == expected->held && state.available().value() == expected->available() &&
      state.last_entry == expected->last_entry &&
      state.open_holds == static_cast<int32_t>(expected->open_holds.size()) &&
      *facts->settings == expected->settings && facts->open_time == expected->open_time;
  if (!is_same) {
    return absl::StrCat(id, " has balance ", state.balance.value(), " held ", state.held.value(),
                        " holds ", state.open_holds, " last entry ", state.last_entry) +
           absl::StrCat("; expected ", expected->balance, " ", expected->held, " ",
                        expected->open_holds.size(), " ", expected->last_entry);
  }
  return CompareHolds(
      *books.ListHolds(id, std::numeric_limits<EntryId>::max(), std::numeric_limits<size_t>::max()),
      id, model);
}

std::string CompareBooks(const Books& books, const Model& model) {
  const auto count = static_cast<int64_t>(model.accounts().size());
  if (books.account_count() != count) {
    return absl::StrCat("there are ", books.account_count(), " accounts, expected ", count);
  }
  for (const auto& [id, account] : model.accounts()) {
    std::string problem = CompareAccount(books, id, model);
    if (!problem.empty()) return problem;
  }
  return "";
}

std::string CompareReport(const VerifyReport& report, const Model& model) {
  if (!report.ok()) {
    return absl::StrCat("verification: entry ", report.first_bad_entry, ": ", report.problem);
  }
  absl::int128 balances = 0;
  absl::int128 held = 0;
  for (const auto& [id, account] : model.accounts()) {
    balances += account.balance;
    held += account.held;
  }
  const bool is_same = report.entries == model.last_entry() &&
                       report.accounts == static_cast<int64_t>(model.accounts().size()) &&
                       report.balance_sum_micros == balances && report.held_sum_micros == held;
  if (is_same) return "";
  return absl::StrCat("verification finds ", report.entries, " entries and other sums, expected ",
                      model.last_entry());
}

}  // namespace farebox::simulation
