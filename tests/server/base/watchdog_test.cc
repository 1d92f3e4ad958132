#include "server/base/watchdog.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"
#include "server/base/blocked_handlers.h"
#include "server/base/log.h"
#include "tests/storage/ledger_fixture.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

using ::testing::HasSubstr;

constexpr absl::string_view kHeldMethod = "farebox.v1.BillingService/Quote";

class WatchdogTest : public LedgerFixture {
 protected:
  WatchdogTest() : LedgerFixture(MemoryKind()) {}

  // Handlers of kHeldMethod that the metrics say were blocked.
  double Blocked() const {
    for (const prometheus::MetricFamily& family : registry_.Collect()) {
      if (family.name != "farebox_blocked_handlers_total") continue;
      for (const prometheus::ClientMetric& metric : family.metric) {
        if (metric.label.size() == 1 && metric.label[0].name == "method" &&
            metric.label[0].value == kHeldMethod) {
          return metric.counter.value;
        }
      }
    }
    return 0;
  }

  prometheus::Registry registry_;
  BlockedHandlers handlers_;
};

TEST_F(WatchdogTest, AHandlerThatBlocksIsCountedAndLogged) {
  ConfigureLog(LogFormat::kText, LogLevel::kWarning);
  ::testing::internal::CaptureStderr();
  const BlockedHandlers::Scope held(&handlers_, &kHeldMethod);

  std::optional<Watchdog> watchdog(std::in_place, Watchdog::Options{.ledger = &ledger(),
                                                                    .handlers = &handlers_,
                                                                    .registry = &registry_,
                                                                    .on_slow_disk = [](bool) {},
                                                                    .on_stuck_disk = [] {}});

  EXPECT_TRUE(testing::Await([&] { return Blocked() > 0; }));
  watchdog.reset();
  FlushLog();
  const std::string log = ::testing::internal::GetCapturedStderr();
  ConfigureLog(LogFormat::kText, LogLevel::kInfo);
  EXPECT_EQ(Blocked(), 1);
  EXPECT_THAT(log, HasSubstr(absl::StrCat("handler_blocked method=", kHeldMethod)));
}

}  // namespace
}  // namespace farebox::server
