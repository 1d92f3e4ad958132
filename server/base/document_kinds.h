#ifndef FAREBOX_SERVER_BASE_DOCUMENT_KINDS_H_
#define FAREBOX_SERVER_BASE_DOCUMENT_KINDS_H_

#include "storage/document.h"

// The kinds of documents that the server keeps beside the journal. They are in the files: a number
// is never given out again.
namespace farebox::server {

// stored::v1::PaymentProfile by account id; due when a back-off or a cap ends.
inline constexpr DocumentKind kPaymentProfiles = 1;

// stored::v1::RechargeAttempt by recharge id; in the account's slot while it is open, due when it
// is to be taken further.
inline constexpr DocumentKind kRechargeAttempts = 2;

// A number by itself and the time of its purchase; in the number's slot while it is rented, due at
// its renewal.
inline constexpr DocumentKind kRentedNumbers = 3;

// A mail by what it is about; due when it is to be sent.
inline constexpr DocumentKind kMails = 4;

// What an account was, or is to be, told: a stored::v1::LowBalanceNotice by "low/" and the account
// id; a stored::v1::CardReminder by "card/", the account id, "/" and the card's token, due when its
// owner is told.
inline constexpr DocumentKind kAccountNotices = 5;

// The id of a recharge, by the provider's name for the payment that was made.
inline constexpr DocumentKind kChargedPayments = 6;

// A stored::v1::ApiKey by the key's id.
inline constexpr DocumentKind kApiKeys = 7;

// A stored::v1::Session by the digest of its token.
inline constexpr DocumentKind kSessions = 8;

// A v1::AuditRecord by its call and event; never changed nor removed.
inline constexpr DocumentKind kAuditRecords = kAppendOnlyKindMin;

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_DOCUMENT_KINDS_H_
