// What a damaged journal hands to the reader of account records: any bytes. They are a record or
// they are not, and a record is read as it was written.

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/account_terms.h"
#include "storage/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<farebox::AccountRecord> record = farebox::DecodeAccountRecord(bytes);
  if (record.ok()) FAREBOX_CHECK(farebox::EncodeAccountRecord(*record) == bytes);
  return 0;
}
