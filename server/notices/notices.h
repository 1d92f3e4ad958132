#ifndef FAREBOX_SERVER_NOTICES_NOTICES_H_
#define FAREBOX_SERVER_NOTICES_NOTICES_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "farebox/stored/v1/mail.pb.h"
#include "server/outbox/stationery.h"
#include "server/recharge/recharge_records.h"
#include "storage/books.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "storage/document.h"
#include "storage/document_store.h"
#include "storage/entry.h"
#include "storage/ledger.h"

namespace farebox::server {

// Tells owners of accounts what no RPC and no charge brings up: that the balance is low, and that a
// card expires. What was told is on disk together with the mail, so that nobody is told twice.
//
// Waits for the disk. Used only on one thread.
class Notices {
 public:
  // All outlive it.
  struct Parts {
    Ledger* ledger = nullptr;
    DocumentStore* documents = nullptr;
    const Stationery* stationery = nullptr;
    const Clock* clock = nullptr;
    // Whether no card is charged by itself for now: the ledger was restored from a backup.
    // Required.
    std::function<bool()> is_held;
  };
  explicit Notices(const Parts& parts) : parts_(parts), records_(parts.documents) {
    FAREBOX_CHECK(parts_.is_held != nullptr);
  }

  // Tells the owner if the account has fallen below its threshold and nothing recharges it. Returns
  // whether a fall has been dealt with, now or before, and is not over. For `rise` see
  // low_balance.h.
  absl::StatusOr<bool> LookAtBalance(const AccountFacts& account, EntryId rise);

  // Sees to the reminder of a card that is due first. False where none is due.
  absl::StatusOr<bool> RemindOfCard();

  // The account of a document that says that a fall was dealt with and was not over; empty for any
  // other document.
  static std::string FallenAccount(const Document& document);

 private:
  absl::StatusOr<DocumentGroup> WriteLowBalance(const AccountFacts& account,
                                                const stored::v1::LowBalanceNotice& notice);
  // What to put instead of the reminder: itself, later or never, and the mail where it is time.
  absl::Status Remind(const AccountFacts& account, Document reminder);

  const Parts parts_;
  RechargeRecords records_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_NOTICES_NOTICES_H_
