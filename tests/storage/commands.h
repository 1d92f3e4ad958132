#ifndef FAREBOX_TESTS_STORAGE_COMMANDS_H_
#define FAREBOX_TESTS_STORAGE_COMMANDS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/account_terms.h"
#include "storage/command.h"
#include "storage/entry.h"
#include "storage/micros.h"

// The words that the ledger's tests are written in: commands, with prices as a tariff has them.
namespace farebox {

constexpr Micros Cents(int64_t cents) { return Micros(cents * 10'000); }

// `count` times one item's price, or the sum of two.
constexpr Micros Times(int64_t count, Micros price) { return Micros(count * price.value()); }

// How a call is priced: a fee, then blocks. Only as good a tariff as the tests need.
struct CallPrice {
  Micros connect_fee;
  int64_t nanos_per_minute = 0;
  int64_t block_seconds = 60;
  // Charged by a release.
  Micros attempt_fee;
};

// A call of 0.20 a minute, in whole minutes.
inline constexpr CallPrice kTwentyCentsAMinute{.nanos_per_minute = 200'000'000};

// Exact, rounded up once; nothing for a call of no length.
Micros PriceOf(const CallPrice& price, int64_t seconds);
// The longest use of at most `wanted` seconds, in whole blocks, that `money` pays; 0 for none.
int64_t LongestUse(const CallPrice& price, int64_t wanted, Micros money);

// The seconds that a hold's detail says it pays for.
int64_t GrantedSeconds(absl::string_view detail);

// A request id that was not used before in this process.
std::string NewRequestId();
// A UUIDv7 made at `time`; different for each `number`.
std::string TimedRequestId(absl::Time time, uint64_t number = 1);

inline constexpr absl::Duration kHoldLifetime = absl::Minutes(5);

// Each makes a command with a new request id, or `request_id`, and a fingerprint of the rest.
Command ToOpen(absl::string_view account, const AccountTerms& terms = {},
               absl::string_view settings = "", absl::string_view request_id = "");
// Changes all of the terms and, unless it is empty, the settings.
Command ToChange(absl::string_view account, const AccountTerms& terms,
                 absl::string_view settings = "", absl::string_view request_id = "");
Command ToDebit(absl::string_view account, Micros amount, absl::string_view request_id = "");
// Of money that has left already.
Command ToTakeBack(absl::string_view account, Micros amount, absl::string_view request_id = "");
Command ToCredit(absl::string_view account, Micros amount, absl::string_view request_id = "");
Command ToRefund(absl::string_view account, EntryId debit, Micros amount,
                 absl::string_view request_id = "");

// Holds of a given amount.
Command ToHold(absl::string_view account, Micros amount, absl::Duration lifetime = kHoldLifetime,
               absl::string_view request_id = "");
// The hold is to have set aside and charged `total` in all.
Command ToExtend(absl::string_view account, EntryId hold, Micros total,
                 absl::Duration lifetime = kHoldLifetime, absl::string_view request_id = "");
// All that was used so far costs `total`; the hold goes on.
Command ToCharge(absl::string_view account, EntryId hold, Micros total,
                 absl::string_view request_id = "");
Command ToSettle(absl::string_view account, EntryId hold, Micros total,
                 absl::string_view request_id = "");
Command ToRelease(absl::string_view account, EntryId hold, Micros fee = Micros(),
                  absl::string_view request_id = "");

// Holds of calls, sized and priced by `price` as the layer above does it.
Command ToCall(absl::string_view account, const CallPrice& price, int64_t wanted_seconds,
               absl::Duration lifetime = kHoldLifetime, absl::string_view request_id = "");
// `more_seconds` beyond what is granted already.
Command ToReauthorize(absl::string_view account, EntryId hold, const CallPrice& price,
                      int64_t more_seconds, absl::Duration lifetime = kHoldLifetime);
Command ToReportUse(absl::string_view account, EntryId hold, const CallPrice& price,
                    int64_t used_seconds);
Command ToHangUp(absl::string_view account, EntryId hold, const CallPrice& price,
                 int64_t used_seconds, absl::string_view request_id = "");
Command ToGiveUp(absl::string_view account, EntryId hold, const CallPrice& price);

}  // namespace farebox

#endif  // FAREBOX_TESTS_STORAGE_COMMANDS_H_
