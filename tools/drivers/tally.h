#ifndef FAREBOX_TOOLS_DRIVERS_TALLY_H_
#define FAREBOX_TOOLS_DRIVERS_TALLY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace farebox::drivers {

// What a driver counted while it played. Thread-compatible.
struct Tally {
  int64_t uses = 0;  // Calls or texts.
  int64_t granted = 0;
  int64_t reauthorizations = 0;
  int64_t interim_settlements = 0;
  int64_t settled = 0;
  int64_t cut_off = 0;  // Of them: hung up because the grant was over.
  int64_t late = 0;     // Of them: after the hold had expired.
  int64_t released = 0;
  int64_t forgotten = 0;
  int64_t repeated = 0;    // Requests that were sent twice on purpose.
  int64_t replayed = 0;    // Answers that were marked so.
  int64_t unanswered = 0;  // Requests, after all patience.
  int64_t balance_reads = 0;
  std::map<std::string, int64_t> denied;            // By reason; of new calls and texts.
  std::map<std::string, int64_t> extension_denied;  // By reason; of calls that go on.
  std::map<std::string, int64_t> errors;            // By reason: what a driver must not meet.
  std::vector<std::string> problems;                // What was seen and must not be.
  std::vector<int64_t> first_answer_nanos;          // Of each new call or text.
  int64_t nanos = 0;                                // From the first request to the last answer.
};

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_TALLY_H_
