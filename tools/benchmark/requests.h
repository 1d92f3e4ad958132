#ifndef FAREBOX_TOOLS_BENCHMARK_REQUESTS_H_
#define FAREBOX_TOOLS_BENCHMARK_REQUESTS_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "farebox/v1/account.pb.h"
#include "farebox/v1/billing.pb.h"

namespace farebox::benchmark {

// Makes the requests of a load: round robin over the accounts, a fresh request id each.
// Thread-safe.
class RequestMaker {
 public:
  explicit RequestMaker(int accounts);

  void Fill(v1::DebitRequest* request);
  void Fill(v1::AuthorizeRequest* request);
  // The end of a call of one second.
  void FillSettlement(const std::string& account_id, int64_t hold_id, v1::DebitRequest* request);
  void Fill(v1::GetBalanceRequest* request);
  // The newest page before a random time of the last `past`.
  void Fill(absl::Duration past, v1::ListActivityRequest* request);
  // The next account's first two requests.
  void Fill(v1::CreateAccountRequest* request);
  void Fill(v1::CreditRequest* request);

 private:
  std::string AccountId(uint64_t index) const;
  // A UUIDv7: the time, a random part of this run, and a counter.
  std::string RequestId(uint64_t index) const;

  const uint64_t accounts_;
  const uint64_t run_;
  std::atomic<uint64_t> next_{0};
};

// The deck that Authorize is priced by.
inline constexpr char kDeckName[] = "benchmark";
inline constexpr char kDeckCsv[] =
    "item,prefix,rate_per_minute,initial_increment,increment\n"
    "OUTBOUND_CALL,44,0.01,1,1\n";

}  // namespace farebox::benchmark

#endif  // FAREBOX_TOOLS_BENCHMARK_REQUESTS_H_
