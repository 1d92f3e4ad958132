#ifndef FAREBOX_SERVER_RECHARGE_CARD_REMINDERS_H_
#define FAREBOX_SERVER_RECHARGE_CARD_REMINDERS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/recharge.pb.h"
#include "storage/books.h"
#include "storage/document.h"
#include "storage/document_store.h"

// Documents (kAccountNotices) that say when the owner of a card is to be told that it expires.
namespace farebox::server {

// When the card can no longer be charged: the end of its last month, in the account's time zone.
// InfiniteFuture where that is not known.
absl::Time ExpiryOf(const AccountFacts& account, const stored::v1::PaymentCard& card);

// What to put together with a card that is put on file, new or again.
absl::StatusOr<Document> ReminderOf(const AccountFacts& account,
                                    const stored::v1::PaymentCard& card, DocumentStore* documents);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_CARD_REMINDERS_H_
