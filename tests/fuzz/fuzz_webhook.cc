// Any bytes as a webhook of the payment provider: a line that is the header with its signature,
// then the body. It is not good, or not an event, or one that has what money is moved by.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/recharge/limits.h"
#include "server/recharge/payment_gateway.h"
#include "server/recharge/provider_id.h"
#include "server/recharge/stripe_objects.h"
#include "server/recharge/webhook_signature.h"
#include "storage/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace farebox::server {
namespace {

constexpr absl::string_view kSecret = "whsec_fuzz";

bool IsIdOrNone(absl::string_view id) { return id.empty() || IsProviderId(id); }

void CheckSignatures(absl::string_view header, absl::string_view body) {
  const absl::Time now = absl::FromUnixSeconds(1'767'225'600);
  const absl::Status status = CheckWebhookSignature(body, header, kSecret, now);
  FAREBOX_CHECK(status.ok() || absl::IsUnauthenticated(status));
  FAREBOX_CHECK(absl::IsUnauthenticated(CheckWebhookSignature(body, header, "", now)));

  const std::string good = SignWebhook(body, kSecret, now);
  FAREBOX_CHECK(CheckWebhookSignature(body, good, kSecret, now).ok());
  FAREBOX_CHECK(!CheckWebhookSignature(absl::StrCat(body, " "), good, kSecret, now).ok());
  FAREBOX_CHECK(!CheckWebhookSignature(body, good, "another", now).ok());
  const absl::Time late = now + limits::kWebhookTolerance + absl::Seconds(1);
  FAREBOX_CHECK(!CheckWebhookSignature(body, good, kSecret, late).ok());
}

void CheckEvent(absl::string_view body) {
  const absl::StatusOr<PaymentEvent> event = stripe::EventOf(body);
  if (!event.ok()) {
    FAREBOX_CHECK(absl::IsInvalidArgument(event.status()));
    return;
  }
  FAREBOX_CHECK(!event->event_id.empty());
  FAREBOX_CHECK(IsIdOrNone(event->cause_id) && IsIdOrNone(event->charge.payment_id));
  FAREBOX_CHECK(!event->charge.amount.is_negative());
  FAREBOX_CHECK(event->charge.action_url.empty() ||
                absl::StartsWith(event->charge.action_url, "https://"));
  const bool is_about_money = event->kind == PaymentEvent::Kind::kMoneyBack ||
                              event->kind == PaymentEvent::Kind::kMoneyBackUndone;
  FAREBOX_CHECK(!is_about_money || event->charge.currency_code.size() == 3);
}

void ReadWebhook(absl::string_view input) {
  const size_t end = input.find('\n');
  const absl::string_view header = input.substr(0, end);
  const absl::string_view body =
      end == absl::string_view::npos ? absl::string_view() : input.substr(end + 1);
  CheckSignatures(header, body);
  CheckEvent(body);
}

}  // namespace
}  // namespace farebox::server

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  farebox::server::ReadWebhook({reinterpret_cast<const char*>(data), size});
  return 0;
}
