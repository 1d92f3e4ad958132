#ifndef FAREBOX_TOOLS_DRIVERS_STREAM_BILLING_H_
#define FAREBOX_TOOLS_DRIVERS_STREAM_BILLING_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "farebox/v1/billing.pb.h"
#include "storage/clock.h"
#include "storage/mutex.h"
#include "tools/drivers/billing.h"

namespace farebox::drivers {

// Operations go through one ApplyStream, many in flight. When the stream breaks, another one is
// opened, and what was not answered is sent again, as long as the patience lasts. Thread-safe.
class StreamBilling : public Billing {
 public:
  // `client` and `clock` outlive it.
  StreamBilling(client::Client* client, absl::Duration patience, const Clock* clock);

  // Everything must have been answered.
  ~StreamBilling() override;

  void Apply(const v1::Operation& operation, Answered answered) override;
  void GetBalance(const std::string& account_id, BalanceRead read) override;

 private:
  struct Pending {
    v1::Operation operation;
    Answered answered;
    absl::Time give_up;
  };

  enum class Next {
    kSend,     // There is something to send.
    kStalled,  // Nothing was answered for a while, though something should have been.
    kEnd,      // This is about to be destroyed.
  };

  void SendAll();
  Next WaitForNext(v1::ApplyStreamRequest* request);
  void Restart(std::unique_ptr<client::ApplyStream> broken);
  std::vector<Answered> TakeGivenUp();
  void OnResult(const v1::ApplyStreamResponse& response);

  // Constant after construction.
  client::Client* const client_;
  const absl::Duration patience_;
  const Clock* const clock_;

  Mutex mu_;
  CondVar changed_;  // Signalled when unsent_, pending_ or is_ending_ changes.
  std::map<int64_t, Pending> pending_ ABSL_GUARDED_BY(mu_);  // By correlation number.
  std::deque<int64_t> unsent_ ABSL_GUARDED_BY(mu_);
  int64_t last_number_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t results_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_ending_ ABSL_GUARDED_BY(mu_) = false;

  std::thread sender_;  // Last: starts when all above is built.
};

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_STREAM_BILLING_H_
