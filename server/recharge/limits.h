#ifndef FAREBOX_SERVER_RECHARGE_LIMITS_H_
#define FAREBOX_SERVER_RECHARGE_LIMITS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "storage/micros.h"

// Every bound of recharges that a customer, an operator or a provider may meet, each with its
// reason; docs/payments.md tells customers and operators of them.
namespace farebox::limits {

// --- What is charged

// What an operator allows in a currency unless --recharge-limits says otherwise. An automatic
// charge is more than the first: small ones cost more in fees than they bring. The threshold is at
// least the second, so that calls go on while a charge is under way. No charge, by hand or by
// itself, is more than the third.
inline constexpr Micros kAutomaticChargeAbove{50'000'000};
inline constexpr Micros kThresholdMin{10'000'000};
inline constexpr Micros kChargeMax{1'000'000'000};

// Automatic charges of an account in a day, by default, and at most: an account that needs more is
// better charged more at once.
inline constexpr int32_t kDailyChargesDefault = 5;
inline constexpr int32_t kDailyChargesMax = 100;

// By default a month may have so many times the amount: about a charge each working day.
inline constexpr int64_t kMonthlyAmountsDefault = 20;

// --- When it is tried again

// After each decline in a row: money may come, and the bank's patience is short. The last one stops
// auto-recharge too; its pause is for those who only switch it on again.
inline constexpr std::array kDeclinePauses = {absl::Hours(1), absl::Hours(6), absl::Hours(24),
                                              absl::Hours(72)};

// After a charge that failed by the operator's fault: short, as nobody is told.
inline constexpr absl::Duration kMisconfiguredPause = absl::Minutes(30);

// How often it is looked whether charges are held still, after a restore.
inline constexpr absl::Duration kHeldChargesPause = absl::Minutes(1);

// Until an attempt without a clear answer is delivered or looked up again, by how often it was
// before; the last one for all that follow.
inline constexpr std::array kAttemptPauses = {absl::Seconds(5),  absl::Seconds(15),
                                              absl::Minutes(1),  absl::Minutes(5),
                                              absl::Minutes(15), absl::Minutes(30)};

// The longest of these pauses, whatever the provider asks for. No attempt is due later than this:
// one that is was put off by a clock that ran ahead.
inline constexpr absl::Duration kAttemptPauseMax = absl::Hours(1);

// The provider keeps a key for a day; an hour less, so that none is used while it is forgotten.
inline constexpr absl::Duration kKeyLife = absl::Hours(23);

// How long the bank's page stays open to the customer, and how often we look meanwhile: the
// provider usually tells by itself.
inline constexpr absl::Duration kActionPatience = absl::Hours(23);
inline constexpr absl::Duration kActionPause = absl::Minutes(5);

// How often it is looked for what is due, as finely as anything is ever due, and how long an
// account rests that could not be worked on.
inline constexpr absl::Duration kRechargeDuePause = absl::Seconds(1);
inline constexpr absl::Duration kRechargeFailurePause = absl::Seconds(10);

// Accounts that are charged at once; each may wait for the provider.
inline constexpr int kRechargeThreads = 16;

// Threads for settings and lists of recharges, which wait for the disk only.
inline constexpr int kSettingsThreads = 4;

// Threads for registering and deleting cards and for reconciliations, which ask the provider.
inline constexpr int kProviderThreads = 8;

// --- What the provider says

// How long it may take to be reached, and to answer, from the beginning to the last byte: an
// account waits meanwhile, and the same delivery can be made again.
inline constexpr absl::Duration kProviderConnectTimeout = absl::Seconds(5);
inline constexpr absl::Duration kProviderAnswerTimeout = absl::Seconds(30);

// An answer; the longest are pages of 100 payments.
inline constexpr size_t kProviderAnswerBytesMax = size_t{4} * 1024 * 1024;

// Lines of an answer's header: far more than an honest one has.
inline constexpr size_t kProviderHeaderLinesMax = 256;

// How deep its JSON may be nested; what is deeper is meant to do harm: a copy would take the stack.
inline constexpr int kJsonDepthMax = 64;

// What is kept and shown of its words about a charge: a sentence or two.
inline constexpr size_t kProviderMessageBytesMax = 256;

// A name of ours in the provider's books: a key of Stripe's has at most 255 bytes, and some of ours
// have a prefix or a suffix.
inline constexpr size_t kRequestNameBytesMax = 200;

// By how much its clock and ours may differ where payments are searched by their time.
inline constexpr absl::Duration kProviderClockSlack = absl::Hours(24);

// How far a webhook's time stamp may be from our clock, either way: bounds how long a recorded
// request can be sent again.
inline constexpr absl::Duration kWebhookTolerance = absl::Minutes(5);

// Parts of a webhook's signature that are looked at; the provider sends two or three.
inline constexpr size_t kSignaturePartsMax = 16;

// --- What is compared

// How long the provider may take to list all its charges.
inline constexpr absl::Duration kReconciliationTimeout = absl::Minutes(10);

// What is listed, searched or compared at once, payments of the provider's or recharges of ours:
// where there are more, there is no answer.
inline constexpr int kPaymentsListedMax = 100'000;

// What one reconciliation shows.
inline constexpr int kDifferencesMax = 1'000;

// An attempt may be delivered for so long after it was decided on: charges are compared with
// attempts that are so much older or younger.
inline constexpr absl::Duration kDeliveryTime = absl::Hours(24);

// What was charged is credited within moments, unless something is wrong: also where the clock was
// set back since. Younger than this it is under way, and no difference.
inline constexpr absl::Duration kCreditTime = absl::Hours(1);

// What a restored ledger has forgotten may have happened so long before its backup was made, by a
// clock that was wrong then.
inline constexpr absl::Duration kForgottenSlack = absl::Hours(24 * 7);

// Refunds and disputes that are kept of a charge that no account has: far more than one meets.
inline constexpr int kMoneyBackCausesMax = 100;

}  // namespace farebox::limits

#endif  // FAREBOX_SERVER_RECHARGE_LIMITS_H_
