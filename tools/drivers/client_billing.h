#ifndef FAREBOX_TOOLS_DRIVERS_CLIENT_BILLING_H_
#define FAREBOX_TOOLS_DRIVERS_CLIENT_BILLING_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "client/cpp/client.h"
#include "farebox/v1/billing.pb.h"
#include "storage/mutex.h"
#include "tools/drivers/billing.h"

namespace farebox::drivers {

// Each operation is an RPC of its own, which the client library repeats. Thread-safe.
class UnaryBilling : public Billing {
 public:
  // `client` outlives it.
  explicit UnaryBilling(client::Client* client) : client_(client) {}

  void Apply(const v1::Operation& operation, Answered answered) override;
  void GetBalance(const std::string& account_id, BalanceRead read) override;

 private:
  client::Client* const client_;
};

// Operations that were asked between two flushes go together, as ApplyBatch. Thread-safe.
class BatchBilling : public Billing {
 public:
  // `client` outlives it.
  BatchBilling(client::Client* client, size_t operations_max)
      : client_(client), operations_max_(operations_max), gathering_(std::make_shared<Batch>()) {}

  void Apply(const v1::Operation& operation, Answered answered) override;
  void Flush() override;
  void GetBalance(const std::string& account_id, BalanceRead read) override;

 private:
  struct Batch {
    v1::ApplyBatchRequest request;
    std::vector<Answered> answered;
  };

  void Send(const std::shared_ptr<const Batch>& batch);

  // Constant after construction.
  client::Client* const client_;
  const size_t operations_max_;

  Mutex mu_;
  std::shared_ptr<Batch> gathering_ ABSL_GUARDED_BY(mu_);
};

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_CLIENT_BILLING_H_
