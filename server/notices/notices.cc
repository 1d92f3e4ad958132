#include "server/notices/notices.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "farebox/stored/v1/recharge.pb.h"
#include "server/base/account_settings.h"
#include "server/base/document_kinds.h"
#include "server/base/limits.h"
#include "server/notices/low_balance.h"
#include "server/recharge/card_reminders.h"
#include "server/recharge/mail_address.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using stored::v1::LowBalanceNotice;
using stored::v1::PaymentCard;

constexpr absl::string_view kLowPrefix = "low/";

// Null where it is not on file any more.
PaymentCard* FindCard(const std::string& token, stored::v1::PaymentProfile* profile) {
  auto* const cards = profile->mutable_cards();
  const auto found = std::find_if(cards->begin(), cards->end(),
                                  [&](const PaymentCard& card) { return card.token() == token; });
  return found == cards->end() ? nullptr : &*found;
}

}  // namespace

// ---- The balance

std::string Notices::FallenAccount(const Document& document) {
  absl::string_view account_id = document.key;
  LowBalanceNotice notice;
  const bool is_fallen = absl::ConsumePrefix(&account_id, kLowPrefix) &&
                         notice.ParseFromString(document.content) && notice.is_low();
  return is_fallen ? std::string(account_id) : "";
}

absl::StatusOr<bool> Notices::LookAtBalance(const AccountFacts& account, EntryId rise) {
  // Without an address nothing is written down either: most accounts may have none.
  if (rise == 0 && SettingsOf(*account.settings).email().empty()) return false;
  const std::string key = absl::StrCat(kLowPrefix, account.account_id);
  FAREBOX_ASSIGN_OR_RETURN(std::optional<Document> document,
                           parts_.documents->Find(kAccountNotices, key));
  if (!document.has_value()) {
    document = Document{.kind = kAccountNotices, .key = key, .account = account.number};
  }
  LowBalanceNotice notice;
  if (!notice.ParseFromString(document->content)) {
    return absl::DataLossError(absl::StrCat("notice ", key, " cannot be read"));
  }
  const LowBalanceStep step = NextStepOf(notice, account.state, rise);
  if (step == LowBalanceStep::kNone) return notice.is_low();
  NoteStep(step, account.state, &notice);
  DocumentGroup group;
  if (step == LowBalanceStep::kFall) {
    FAREBOX_ASSIGN_OR_RETURN(group, WriteLowBalance(account, notice));
  }
  document->content = notice.SerializeAsString();
  group.push_back(*std::move(document));
  FAREBOX_RETURN_IF_ERROR(parts_.documents->Put(std::move(group)));
  return notice.is_low();
}

absl::StatusOr<DocumentGroup> Notices::WriteLowBalance(const AccountFacts& account,
                                                       const LowBalanceNotice& notice) {
  const absl::Time now = parts_.clock->Now();
  FAREBOX_ASSIGN_OR_RETURN(const ProfileRecord profile, records_.ReadProfile(account));
  if (IsRecharged(profile.profile, now) && !parts_.is_held()) return DocumentGroup();
  return parts_.stationery->Write(
      absl::StrCat("account/", account.account_id, "/low-balance/", notice.falls()), account,
      SettingsOf(*account.settings).email(),
      mail::LowBalance{.available = account.state.available(),
                       .threshold = account.state.terms.low_balance_threshold},
      now);
}

// ---- Cards

absl::StatusOr<bool> Notices::RemindOfCard() {
  FAREBOX_ASSIGN_OR_RETURN(
      std::vector<Document> due,
      parts_.documents->ListDue(kAccountNotices, parts_.clock->Now() + absl::Microseconds(1),
                                /*count_max=*/1));
  if (due.empty()) return false;
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, parts_.ledger->FindAccount(due[0].account));
  const absl::Status status = Remind(account, std::move(due[0]));
  // Somebody has changed the profile meanwhile: the reminder is still due.
  if (!absl::IsAborted(status)) FAREBOX_RETURN_IF_ERROR(status);
  return true;
}

absl::Status Notices::Remind(const AccountFacts& account, Document reminder) {
  const absl::Time now = parts_.clock->Now();
  stored::v1::CardReminder content;
  FAREBOX_ASSIGN_OR_RETURN(ProfileRecord profile, records_.ReadProfile(account));
  PaymentCard* const card = content.ParseFromString(reminder.content)
                                ? FindCard(content.token(), &profile.profile)
                                : nullptr;
  reminder.due = absl::InfiniteFuture();
  if (card == nullptr || card->expiry_told() || ExpiryOf(account, *card) <= now) {
    return parts_.documents->Put({std::move(reminder)});
  }
  const std::string address = OwnerAddressOf(account, profile.profile);
  if (address.empty()) {
    reminder.due = now + limits::kCardReminderPause;
    return parts_.documents->Put({std::move(reminder)});
  }
  const std::string key =
      absl::StrCat("card/", account.account_id, "/", card->token(), "/expiring");
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<Document> told, parts_.documents->Find(kMails, key));
  DocumentGroup group;
  if (!told.has_value()) {
    group = parts_.stationery->Write(
        key, account, address,
        mail::CardExpiring{.card = {.brand = card->brand(), .last_four = card->last_four()},
                           .expiry_month = card->expiry_month(),
                           .expiry_year = card->expiry_year()},
        now);
  }
  card->set_expiry_told(true);
  group.push_back(std::move(reminder));
  return records_.Put({.profile = &profile, .mails = std::move(group)});
}

}  // namespace farebox::server
