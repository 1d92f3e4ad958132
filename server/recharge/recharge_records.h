#ifndef FAREBOX_SERVER_RECHARGE_RECHARGE_RECORDS_H_
#define FAREBOX_SERVER_RECHARGE_RECHARGE_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/recharge.pb.h"
#include "storage/books.h"
#include "storage/document.h"
#include "storage/document_store.h"

namespace farebox::server {

// An account's profile, with the document it was read from.
struct ProfileRecord {
  Document document;
  stored::v1::PaymentProfile profile;
};

// An attempt, with the document it was read from.
struct AttemptRecord {
  Document document;
  stored::v1::RechargeAttempt attempt;
};

// The name of Pay's attempt: the same each time the request is made.
std::string RechargeIdOfPayment(const AccountFacts& account, absl::string_view request_id);
// Whether an attempt of this name is one of Pay's.
bool IsIdOfPayment(absl::string_view recharge_id);

// Profiles and attempts among the documents. Thread-safe; waits for the disk.
class RechargeRecords {
 public:
  // Outlives this object.
  explicit RechargeRecords(DocumentStore* documents) : documents_(*documents) {}

  // An empty one where the account has none yet.
  absl::StatusOr<ProfileRecord> ReadProfile(const AccountFacts& account);

  absl::StatusOr<std::optional<AttemptRecord>> FindAttempt(absl::string_view recharge_id);
  absl::StatusOr<std::optional<AttemptRecord>> FindOpenAttempt(absl::string_view account_id);
  // By the provider's name for the payment; attempts that were charged.
  absl::StatusOr<std::optional<AttemptRecord>> FindCharged(absl::string_view payment_id);

  // Newest first; those with a document id below `before`.
  absl::StatusOr<std::vector<AttemptRecord>> ListAttempts(AccountNumber account, int64_t before,
                                                          size_t count_max);

  // A new attempt for the account.
  static AttemptRecord NewAttempt(const AccountFacts& account, stored::v1::RechargeAttempt attempt);

  // Writes what is there of them in one step, all or nothing; the records are then as they are
  // written. Aborted: somebody was first; read again.
  struct Change {
    ProfileRecord* profile = nullptr;
    AttemptRecord* attempt = nullptr;
    DocumentGroup mails;
    // The attempt is known to have been charged from now on: FindCharged finds it.
    bool is_charged = false;
  };
  absl::Status Put(Change change);

  // FindCharged finds the attempt from now on.
  absl::Status RememberPayment(const AttemptRecord& record);

 private:
  // Whether FindCharged finds it already. DataLoss: it finds another.
  absl::StatusOr<bool> IsRemembered(const AttemptRecord& record);

  DocumentStore& documents_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_RECHARGE_RECORDS_H_
