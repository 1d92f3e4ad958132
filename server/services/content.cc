#include "server/services/content.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/request_ids.h"
#include "storage/wire.h"

namespace farebox::server {
namespace {

// Room for an ordinary request.
constexpr size_t kBytesReserved = 192;

// The numbers of fields below are those of the protos, but for those of nested messages, which
// have a range of their own.
void AddAccount(const v1::Account& account, Content* content) {
  content->Add(1, account.account_id())
      .Add(2, account.currency_code())
      .Add(3, account.time_zone())
      .Add(4, account.deck())
      .Add(5, account.credit_limit_micros())
      .Add(6, account.low_balance_threshold_micros())
      .Add(7, account.open_holds_max())
      .Add(8, account.email());
  std::vector<std::pair<absl::string_view, absl::string_view>> labels(account.metadata().begin(),
                                                                      account.metadata().end());
  std::sort(labels.begin(), labels.end());
  for (const auto& [key, value] : labels) {
    // An empty value is a value here, so that the label itself always counts.
    content->Add(9, key).Add(9, value.empty() ? absl::string_view("\0", 1) : value);
  }
  for (const std::string& prefix : account.blocked_prefixes()) content->Add(10, prefix);
  content->Add(11, account.failure_handling());
}

}  // namespace

Content::Content(ContentKind kind) {
  bytes_.reserve(kBytesReserved);
  wire::PutByte(static_cast<uint8_t>(kind), &bytes_);
}

Content& Content::Add(uint8_t field, int64_t value) {
  if (value == 0) return *this;
  wire::PutByte(field, &bytes_);
  wire::PutInt64(value, &bytes_);
  return *this;
}

Content& Content::Add(uint8_t field, absl::string_view value) {
  if (value.empty()) return *this;
  wire::PutByte(field, &bytes_);
  wire::PutString(value, &bytes_);
  return *this;
}

Content& Content::Add(uint8_t field, const v1::Usage& usage) {
  Add(field, static_cast<int64_t>(usage.kind_case()));
  switch (usage.kind_case()) {
    case v1::Usage::kCall:
      return Add(101, usage.call().direction())
          .Add(102, usage.call().from())
          .Add(103, usage.call().to());
    case v1::Usage::kText:
      Add(101, usage.text().direction()).Add(102, usage.text().from()).Add(103, usage.text().to());
      return Add(104, usage.text().body()).Add(105, usage.text().segments());
    case v1::Usage::kPhoneNumber:
      return Add(101, usage.phone_number().number()).Add(102, usage.phone_number().kind());
    case v1::Usage::kRingThrough:
      return Add(101, usage.ring_through().from()).Add(102, usage.ring_through().to());
    case v1::Usage::KIND_NOT_SET:
      break;
  }
  return *this;
}

uint64_t Content::Fingerprint() const { return ContentFingerprint(bytes_); }

uint64_t FingerprintOf(const v1::AuthorizeRequest& request) {
  return Content(ContentKind::kAuthorize)
      .Add(3, request.usage())
      .Add(4, request.requested_seconds())
      .Add(5, request.hold_ttl_seconds())
      .Fingerprint();
}

uint64_t FingerprintOf(const v1::ReauthorizeRequest& request) {
  return Content(ContentKind::kReauthorize)
      .Add(2, request.hold_id())
      .Add(4, request.used_seconds())
      .Add(5, request.requested_seconds())
      .Add(6, request.hold_ttl_seconds())
      .Fingerprint();
}

uint64_t FingerprintOf(const v1::DebitRequest& request) {
  Content content(ContentKind::kDebit);
  switch (request.charge_case()) {
    case v1::DebitRequest::kUsage:
      content.Add(3, request.usage());
      break;
    case v1::DebitRequest::kSettlement: {
      const v1::Settlement& settlement = request.settlement();
      const bool goes_on = settlement.has_final() && !settlement.final();
      content.Add(4, settlement.hold_id()).Add(111, settlement.used_seconds()).Add(112, goes_on);
      break;
    }
    case v1::DebitRequest::kAmountMicros:
      content.Add(5, request.amount_micros());
      break;
    case v1::DebitRequest::CHARGE_NOT_SET:
      break;
  }
  return content.Add(6, request.used_seconds())
      .Add(7, request.item())
      .Add(8, request.description())
      .Fingerprint();
}

uint64_t FingerprintOf(const v1::ReleaseRequest& request) {
  return Content(ContentKind::kRelease).Add(2, request.hold_id()).Fingerprint();
}

uint64_t FingerprintOf(const v1::CreditRequest& request) {
  return Content(ContentKind::kCredit)
      .Add(3, request.amount_micros())
      .Add(4, request.reason())
      .Add(5, request.refunded_entry_id())
      .Add(6, request.description())
      .Fingerprint();
}

uint64_t FingerprintOf(const v1::CreateAccountRequest& request) {
  Content content(ContentKind::kCreateAccount);
  AddAccount(request.account(), &content);
  return content.Fingerprint();
}

uint64_t FingerprintOf(const v1::UpdateAccountRequest& request) {
  Content content(ContentKind::kUpdateAccount);
  AddAccount(request.account(), &content);
  for (const std::string& path : request.update_mask().paths()) content.Add(20, path);
  return content.Fingerprint();
}

}  // namespace farebox::server
