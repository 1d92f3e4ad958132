#ifndef FAREBOX_SERVER_SERVICES_HOLD_PRICING_H_
#define FAREBOX_SERVER_SERVICES_HOLD_PRICING_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "server/rating/tariff.h"
#include "storage/command.h"
#include "storage/errors.h"
#include "storage/hold.h"
#include "storage/micros.h"

// What a hold is worth, from its placing to its end: the functions that the ledger calls while it
// decides. Pure and quick; they run on the writer thread. What they are to know of a hold later is
// in its detail, a stored.v1.EntryDetail, so that a call is settled by the tariff it was
// authorized with.
namespace farebox::server {

// How much of an account's money a new hold may take.
struct HoldRequest {
  // Not kNone: why nothing can be priced.
  Reason refusal = Reason::kNone;
  rating::Tariff tariff;
  // Seconds of a call; 0 for what is priced by the unit.
  int64_t requested_seconds = 0;
  // Segments, months, attempts; 0 for a call.
  int32_t units = 0;
  // 0: the granted seconds and some slack.
  int64_t ttl_seconds = 0;
  // The hold's detail, but for what is granted.
  std::string detail;
};
HoldOffer OfferHold(const HoldRequest& request, Micros available);

// More of the same call. FIELD_INVALID where the hold is of no call.
struct HoldExtension {
  int64_t used_seconds = 0;
  int64_t requested_seconds = 0;
  int64_t ttl_seconds = 0;
};
absl::StatusOr<HoldOffer> OfferExtension(const HoldExtension& extension, Micros budget,
                                         const Hold& hold);

// What was used of a hold so far.
struct HoldUse {
  int64_t used_seconds = 0;
  // False: the call goes on.
  bool final = true;
  std::string description;
};
Charge PriceOfUse(const HoldUse& use, const Hold& hold);

// What is charged where nothing came of it: a call's attempt fee.
Charge PriceOfRelease(const Hold& hold);

// When a router should ask for more of a call, counted as the granted seconds are; 0 where that
// is of no use.
int64_t ReauthorizeAfterSeconds(int64_t granted_seconds, bool final);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_HOLD_PRICING_H_
