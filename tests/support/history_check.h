#ifndef FAREBOX_TESTS_SUPPORT_HISTORY_CHECK_H_
#define FAREBOX_TESTS_SUPPORT_HISTORY_CHECK_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// Tells whether what clients saw and what the journal says can both be true. Used after every
// fault: a kill, a full disk, a lost connection, and by the drivers at the end of a run.
//
// Every answer carries its position in the journal, so a history of n operations is checked by
// sorting it: O(n log n), whatever ran at once.
namespace farebox::history {

// What a client knows about a request that it sent.
enum class Outcome {
  kApplied,     // It was told that it was done.
  kRefused,     // It was told that it was refused, for good.
  kUnanswered,  // No answer came, or only a transient error: it may have been done or not.
};

// One request as a client saw it. A request that is repeated under the same id is one operation
// each time; retries of a client library, which hide what they repeat, are one operation together.
// A request that was sent to provoke REQUEST_ID_REUSED does not belong into a history.
struct Operation {
  std::string account_id;
  std::string request_id;
  // By one monotonic clock for all clients.
  int64_t sent_at_nanos = 0;
  int64_t answered_at_nanos = 0;  // Meaningless where the outcome is kUnanswered.
  Outcome outcome = Outcome::kUnanswered;
  // What the answer told; absent or 0 where it did not tell.
  int64_t entry_id = 0;
  std::optional<int64_t> amount_micros;
  std::optional<int64_t> balance_after_micros;
  std::optional<int64_t> held_after_micros;
  std::optional<int64_t> available_after_micros;
  // Any hash of the whole answer but its `replayed` mark.
  uint64_t answer_fingerprint = 0;
  bool replayed = false;
};

// One balance as a client saw it.
struct Read {
  std::string account_id;
  int64_t sent_at_nanos = 0;
  int64_t answered_at_nanos = 0;
  int64_t as_of_entry_id = 0;
  int64_t balance_micros = 0;
  int64_t held_micros = 0;
};

// One line of the journal as it was read back.
struct Entry {
  int64_t entry_id = 0;
  std::string account_id;
  std::string request_id;  // Empty for what the ledger did by itself.
  int64_t amount_micros = 0;
  int64_t balance_after_micros = 0;
  int64_t held_change_micros = 0;
  int64_t held_after_micros = 0;
  bool decline = false;
  bool overrun = false;
  bool late = false;
  bool recharge = false;  // A credit for money that the payment processor captured.

  friend bool operator==(const Entry&, const Entry&) = default;
};

// What an account had before the history begins and has after it. The default is a new account.
struct Account {
  int64_t start_entry_id = 0;  // Entries up to this one do not belong to the history.
  int64_t start_balance_micros = 0;
  int64_t start_held_micros = 0;
  int64_t credit_limit_micros = 0;
  // As read after everything was over; absent where it was not read.
  std::optional<int64_t> end_balance_micros;
  std::optional<int64_t> end_held_micros;
};

// A charge that the payment processor says it made.
struct Capture {
  std::string attempt_id;  // The request id of the credit.
  int64_t amount_micros = 0;
};

struct History {
  std::vector<Operation> operations;
  std::vector<Read> reads;
  // All entries of all accounts below, in any order, read back at the end.
  std::vector<Entry> entries;
  // The same, read back at some time before: they must be there still.
  std::vector<Entry> earlier_entries;
  std::map<std::string, Account> accounts;
  std::vector<Capture> captures;
};

enum class Check {
  kOnce = 1,     // One position for each effective operation; one request id, one answer.
  kOrder = 2,    // Answered before another was sent: a lower position. No read is too old.
  kRunning = 3,  // Balances follow from the amounts; nothing is overspent but by an overrun.
  kKept = 4,     // What was acknowledged is there, what was refused is not, nothing else is.
  kSums = 5,     // Balances are the sum of the entries; captures are recharge credits.
};

struct Violation {
  Check check = Check::kOnce;
  std::string sentence;
};

// As many violations are told; a broken ledger breaks every line.
inline constexpr size_t kViolationsMax = 100;

// All that cannot be true; empty for a history without fault.
std::vector<Violation> FindViolations(const History& history);

}  // namespace farebox::history

#endif  // FAREBOX_TESTS_SUPPORT_HISTORY_CHECK_H_
