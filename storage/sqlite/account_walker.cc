#include "storage/sqlite/account_walker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/limits.h"
#include "storage/sqlite/entry_row.h"
#include "storage/sqlite/journal_schema.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

// Links followed in one transaction: about a page of what a person looks at.
constexpr int64_t kPageLinks = 32;

// Where fewer of the entries pass than one in so many, it is worth asking the index, which costs as
// much as following as many links.
constexpr int64_t kSparse = 16;

}  // namespace

absl::StatusOr<std::unique_ptr<AccountWalker>> AccountWalker::Make(
    Connection* connection, std::unique_ptr<AccountIndex> index) {
  auto walker = std::unique_ptr<AccountWalker>(new AccountWalker(connection, std::move(index)));
  FAREBOX_RETURN_IF_ERROR(walker->Prepare());
  return walker;
}

absl::Status AccountWalker::Prepare() {
  FAREBOX_ASSIGN_OR_RETURN(snapshots_, Snapshots::Prepare(connection_));
  FAREBOX_ASSIGN_OR_RETURN(
      link_, connection_->Prepare("SELECT previous, kind, item, amount, balance FROM entry "
                                  "WHERE id = ? AND account = ?"));
  FAREBOX_ASSIGN_OR_RETURN(whole_, connection_->Prepare(absl::StrCat("SELECT ", kEntryColumns,
                                                                     " FROM entry WHERE id = ?")));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<AccountWalker::Link>> AccountWalker::FindLink(AccountNumber account,
                                                                           EntryId id) {
  const ResetOnExit reset(&link_);
  link_.BindInt64(1, id);
  link_.BindInt64(2, account);
  std::optional<Link> found;
  const int result = link_.Step();
  if (result == SQLITE_DONE) return found;
  if (result != SQLITE_ROW) return AsJournalDamage(id, connection_->LastError());
  const int64_t kind = link_.Int64(1);
  const int64_t item = link_.Int64(2);
  if (static_cast<uint64_t>(kind | item) > 0xff) {
    return error::JournalDamaged(id, "it cannot be read");
  }
  found = Link{.id = id,
               .previous = link_.Int64(0),
               .kind = static_cast<EntryKind>(kind),
               .item = static_cast<uint8_t>(item),
               .amount = Micros(link_.Int64(3)),
               .balance = Micros(link_.Int64(4))};
  return found;
}

absl::StatusOr<AccountWalker::Link> AccountWalker::ReadLink(AccountNumber account, EntryId id) {
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<Link> link, FindLink(account, id));
  if (!link.has_value()) return error::JournalDamaged(id, "its account has no such entry");
  if (link->previous >= id) return error::JournalDamaged(id, "its account's links are wrong");
  return *link;
}

absl::Status AccountWalker::ReadWhole(AccountNumber account, EntryId id, Entry* entry) {
  const ResetOnExit reset(&whole_);
  whole_.BindInt64(1, id);
  const int result = whole_.Step();
  if (result == SQLITE_DONE) return error::JournalDamaged(id, "it is missing");
  if (result != SQLITE_ROW) return AsJournalDamage(id, connection_->LastError());
  if (!ReadEntry(whole_, entry)) return error::JournalDamaged(id, "it cannot be read");
  if (entry->account == account && entry->previous < id) return absl::OkStatus();
  return error::JournalDamaged(id, "its account's links are wrong");
}

absl::Status AccountWalker::FollowLinks(
    AccountNumber account, EntryId* next,
    absl::FunctionRef<absl::StatusOr<bool>(const Link&)> visit) {
  bool goes_on = true;
  while (goes_on && *next != 0) {
    FAREBOX_RETURN_IF_ERROR(snapshots_.Run([&]() -> absl::Status {
      for (int64_t i = 0; i < kPageLinks && goes_on && *next != 0; ++i) {
        FAREBOX_ASSIGN_OR_RETURN(const Link link, ReadLink(account, *next));
        FAREBOX_ASSIGN_OR_RETURN(goes_on, visit(link));
        if (goes_on) *next = link.previous;
      }
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<TotalsAt>> AccountWalker::AskIndex(AccountNumber account,
                                                                EntryId entry) {
  std::optional<TotalsAt> found;
  if (index_ == nullptr) return found;
  found = index_->FindTotals(account, entry);
  if (!found.has_value()) return found;
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<Link> link, FindLink(account, found->entry));
  if (link.has_value() && found->totals.amount_micros() == link->balance.value()) return found;
  index_->OnWrong();
  return std::optional<TotalsAt>();
}

// ---- Entries

absl::StatusOr<EntryId> AccountWalker::Scan(const AccountScan& scan,
                                            absl::FunctionRef<bool(const Entry&)> visit) {
  Place place = {.looks_left = scan.looks_max};
  FAREBOX_ASSIGN_OR_RETURN(place.next, FindStart(scan));
  std::vector<Entry> page(kPageLinks);
  while (place.next > scan.after && place.looks_left > 0) {
    size_t count = 0;
    const int64_t looks_before = place.looks_left;
    FAREBOX_RETURN_IF_ERROR(snapshots_.Run([&] { return ReadPage(scan, &place, &page, &count); }));
    for (size_t i = 0; i < count; ++i) {
      if (!visit(page[i])) return page[i].id;
    }
    const int64_t looks = looks_before - place.looks_left;
    if (static_cast<int64_t>(count) * kSparse < looks) FAREBOX_RETURN_IF_ERROR(Skip(scan, &place));
  }
  return place.next > scan.after ? place.next : 0;
}

absl::StatusOr<EntryId> AccountWalker::FindStart(const AccountScan& scan) {
  if (scan.newest <= scan.from) return scan.newest;
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<TotalsAt> near, AskIndex(scan.account, scan.from));
  // Any entry of the account that is not below leads to the same ones.
  const bool is_nearer = near.has_value() && near->entry >= scan.from && near->entry < scan.newest;
  return is_nearer ? near->entry : scan.newest;
}

absl::Status AccountWalker::ReadPage(const AccountScan& scan, Place* place,
                                     std::vector<Entry>* page, size_t* count) {
  for (int64_t i = 0; i < kPageLinks && place->next > scan.after && place->looks_left > 0; ++i) {
    --place->looks_left;
    Entry& entry = (*page)[*count];
    const bool is_wanted_whole = place->next <= scan.from && scan.filter.passes_all();
    if (!is_wanted_whole) {
      FAREBOX_ASSIGN_OR_RETURN(const Link link, ReadLink(scan.account, place->next));
      if (link.id > scan.from || !scan.filter.Passes(link.item, link.side())) {
        place->next = link.previous;
        continue;
      }
    }
    FAREBOX_RETURN_IF_ERROR(ReadWhole(scan.account, place->next, &entry));
    place->next = entry.previous;
    ++*count;
  }
  return absl::OkStatus();
}

absl::Status AccountWalker::Skip(const AccountScan& scan, Place* place) {
  if (index_ == nullptr || place->next == 0 || place->next > scan.from) return absl::OkStatus();
  const EntryId skipped_to = index_->SkipBack(scan.account, place->next, scan.filter);
  if (skipped_to >= place->next) return absl::OkStatus();
  if (skipped_to != 0) {
    FAREBOX_ASSIGN_OR_RETURN(const std::optional<Link> link, FindLink(scan.account, skipped_to));
    if (!link.has_value()) {
      index_->OnWrong();
      return absl::OkStatus();
    }
  }
  place->next = skipped_to;
  return absl::OkStatus();
}

// ---- Totals

// An account begins with nothing, so that all its entries together are its balance.
absl::Status AccountWalker::CheckBalance(const Link& link, const AccountTotals& totals) {
  if (totals.amount_micros() == link.balance.value()) return absl::OkStatus();
  return error::JournalDamaged(link.id, "the account's entries do not add up to its balance");
}

absl::StatusOr<std::vector<AccountTotals>> AccountWalker::ReadTotals(
    AccountNumber account, EntryId newest, absl::Span<const EntryId> positions) {
  std::vector<AccountTotals> found(positions.size());
  int64_t looks_left = limits::kTotalsLooksMax;
  // At the newest entry that is not above the position before.
  std::optional<TotalsAt> above;
  for (size_t i = positions.size(); i-- > 0;) {
    const EntryId position = std::min(positions[i], newest);
    if (!above.has_value() || above->entry > position) {
      FAREBOX_ASSIGN_OR_RETURN(std::optional<TotalsAt> near, AskIndex(account, position));
      const bool is_above = near.has_value() && near->entry >= position;
      if (is_above && (!above.has_value() || near->entry < above->entry)) above = std::move(near);
      if (above.has_value()) {
        FAREBOX_ASSIGN_OR_RETURN(above, AddDown(account, *std::move(above), position, &looks_left));
      } else {
        FAREBOX_ASSIGN_OR_RETURN(above, AddUp(account, std::move(near).value_or(TotalsAt()), newest,
                                              position, &looks_left));
      }
    }
    found[i] = above->totals;
  }
  return found;
}

absl::StatusOr<TotalsAt> AccountWalker::AddDown(AccountNumber account, TotalsAt above,
                                                EntryId position, int64_t* looks_left) {
  EntryId next = above.entry;
  const auto subtract = [&](const Link& link) -> absl::StatusOr<bool> {
    if ((*looks_left)-- == 0) return error::TotalsNotReady();
    if (link.id > position) {
      above.totals.Subtract(link.item, link.side(), link.amount);
      return true;
    }
    FAREBOX_RETURN_IF_ERROR(CheckBalance(link, above.totals));
    return false;
  };
  const absl::Status followed = FollowLinks(account, &next, subtract);
  if (!followed.ok()) return followed;
  above.entry = next;
  return above;
}

absl::StatusOr<TotalsAt> AccountWalker::AddUp(AccountNumber account, TotalsAt below, EntryId newest,
                                              EntryId position, int64_t* looks_left) {
  EntryId next = newest;
  std::optional<Link> found;
  const auto add = [&](const Link& link) -> absl::StatusOr<bool> {
    if ((*looks_left)-- == 0) return error::TotalsNotReady();
    if (link.id <= below.entry) return false;
    if (link.id > position) return true;
    if (!found.has_value()) found = link;
    below.totals.Add(link.item, link.side(), link.amount);
    return true;
  };
  const absl::Status followed = FollowLinks(account, &next, add);
  if (!followed.ok()) return followed;
  if (!found.has_value()) return below;
  below.entry = found->id;
  FAREBOX_RETURN_IF_ERROR(CheckBalance(*found, below.totals));
  return below;
}

}  // namespace farebox::sqlite
