// What a damaged derived file hands to the reader of totals: any bytes. They are totals or they are
// not, and totals are read as they were written.

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/account_totals.h"
#include "storage/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<farebox::AccountTotals> totals = farebox::DecodeTotals(bytes);
  if (totals.ok()) FAREBOX_CHECK(farebox::EncodeTotals(*totals) == bytes);
  return 0;
}
