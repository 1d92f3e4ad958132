#include "server/recharge/card_reminders.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "farebox/stored/v1/mail.pb.h"
#include "server/base/account_settings.h"
#include "server/base/document_kinds.h"
#include "server/base/limits.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

constexpr absl::string_view kPrefix = "card/";

}  // namespace

absl::Time ExpiryOf(const AccountFacts& account, const stored::v1::PaymentCard& card) {
  if (card.expiry_month() < 1 || card.expiry_month() > 12) return absl::InfiniteFuture();
  const absl::CivilMonth last(card.expiry_year(), card.expiry_month());
  return absl::FromCivil(last + 1, TimeZoneOf(account));
}

absl::StatusOr<Document> ReminderOf(const AccountFacts& account,
                                    const stored::v1::PaymentCard& card, DocumentStore* documents) {
  const std::string key = absl::StrCat(kPrefix, account.account_id, "/", card.token());
  FAREBOX_ASSIGN_OR_RETURN(std::optional<Document> reminder, documents->Find(kAccountNotices, key));
  if (!reminder.has_value()) {
    stored::v1::CardReminder content;
    content.set_token(card.token());
    reminder = Document{.kind = kAccountNotices,
                        .key = key,
                        .account = account.number,
                        .content = content.SerializeAsString()};
  }
  reminder->due = ExpiryOf(account, card) - limits::kCardReminderLead;
  return *std::move(reminder);
}

}  // namespace farebox::server
