#ifndef FAREBOX_TOOLS_DRIVERS_BILLING_H_
#define FAREBOX_TOOLS_DRIVERS_BILLING_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "farebox/v1/billing.pb.h"

namespace farebox::drivers {

// What the drivers ask of Farebox while they play, however it gets there. Answers come on any
// thread, also while the question is asked, exactly one for each question; an implementation tries
// again by itself, under the same request id, as long as it is patient.
class Billing {
 public:
  // An error in the result is final, or the patience was at its end.
  using Answered = std::function<void(const v1::OperationResult&)>;
  using BalanceRead = std::function<void(const absl::Status&, const v1::GetBalanceResponse&)>;

  virtual ~Billing() = default;
  virtual void Apply(const v1::Operation& operation, Answered answered) = 0;
  // What was asked so far must not wait for more.
  virtual void Flush() {}
  virtual void GetBalance(const std::string& account_id, BalanceRead read) = 0;
};

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_BILLING_H_
