#include "storage/account_terms.h"

#include "absl/status/status.h"
#include "storage/wire.h"

namespace farebox {
namespace {

constexpr uint8_t kRecordVersion = 1;

bool IsValid(const AccountTerms& terms) {
  return terms.status >= AccountStatus::kOpen && terms.status <= AccountStatus::kClosed &&
         !terms.credit_limit.is_negative() && !terms.low_balance_threshold.is_negative() &&
         terms.open_holds_max >= 1;
}

}  // namespace

std::string EncodeAccountRecord(const AccountRecord& record) {
  std::string bytes;
  wire::PutByte(kRecordVersion, &bytes);
  wire::PutString(record.account_id, &bytes);
  wire::PutByte(static_cast<uint8_t>(record.terms.status), &bytes);
  wire::PutInt64(record.terms.credit_limit.value(), &bytes);
  wire::PutInt64(record.terms.low_balance_threshold.value(), &bytes);
  wire::PutInt64(record.terms.open_holds_max, &bytes);
  wire::PutInt64(absl::ToUnixMicros(record.open_time), &bytes);
  wire::PutString(record.settings, &bytes);
  return bytes;
}

absl::StatusOr<AccountRecord> DecodeAccountRecord(absl::string_view bytes) {
  wire::Reader reader(bytes);
  const uint8_t version = reader.Byte();
  AccountRecord record;
  record.account_id = std::string(reader.String());
  record.terms.status = static_cast<AccountStatus>(reader.Byte());
  record.terms.credit_limit = Micros(reader.Int64());
  record.terms.low_balance_threshold = Micros(reader.Int64());
  const int64_t open_holds_max = reader.Int64();
  record.terms.open_holds_max = static_cast<int32_t>(open_holds_max);
  record.open_time = absl::FromUnixMicros(reader.Int64());
  record.settings = std::string(reader.String());
  const bool is_whole =
      version == kRecordVersion && reader.AtEnd() && record.terms.open_holds_max == open_holds_max;
  if (!is_whole || !IsValid(record.terms)) {
    return absl::DataLossError("the journal has an account record that cannot be read");
  }
  return record;
}

}  // namespace farebox
