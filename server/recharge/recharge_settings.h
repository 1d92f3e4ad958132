#ifndef FAREBOX_SERVER_RECHARGE_RECHARGE_SETTINGS_H_
#define FAREBOX_SERVER_RECHARGE_RECHARGE_SETTINGS_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/recharge.pb.h"
#include "server/recharge/limits.h"
#include "storage/micros.h"

namespace farebox::server {

// What an operator allows for charges in one currency.
struct RechargeLimits {
  // An automatic charge is more than this.
  Micros amount_above = limits::kAutomaticChargeAbove;
  // The threshold is at least this.
  Micros threshold_min = limits::kThresholdMin;
  // No charge is more than this, by hand or by itself.
  Micros charge_max = limits::kChargeMax;
};

// The limits of every currency: those with a row of their own, and the rest.
struct RechargeLimitTable {
  RechargeLimits others;
  std::map<std::string, RechargeLimits> by_currency;

  const RechargeLimits& Of(absl::string_view currency_code) const;
};

// Reads the limits of one currency as an operator writes them, in whole units:
// "JPY=5000:1000:90000" is more than 5000 an automatic charge, a threshold of at least 1000, and at
// most 90000 a charge. InvalidArgument says what is wrong.
absl::Status AddRechargeLimits(absl::string_view text, RechargeLimitTable* table);

// Fills in what the customer left out. Output-only fields are cleared.
void CompleteAutoRecharge(v1::AutoRecharge* settings);

// Whether the customer may have these settings, completed. The error names the field and the limit.
absl::Status CheckAutoRecharge(const v1::AutoRecharge& settings, const RechargeLimits& limits,
                               absl::string_view currency_code);

// What auto-recharge becomes, completed and checked, where `asked` is asked for and `stored` is
// there. Switching off keeps what is left out, and looks only at amounts that change: the
// operator's limits may be tighter by now, and must not keep it on.
absl::StatusOr<v1::AutoRecharge> NewAutoRecharge(const v1::AutoRecharge& asked,
                                                 const v1::AutoRecharge& stored,
                                                 const RechargeLimits& limits,
                                                 absl::string_view currency_code);

// Whether that much can be charged, and may be at once, by hand.
absl::Status CheckPayment(absl::string_view account_id, Micros amount, const RechargeLimits& limits,
                          absl::string_view currency_code);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_RECHARGE_SETTINGS_H_
