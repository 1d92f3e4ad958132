#include "server/whole_number.h"

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace farebox::server {

CLI::Validator WholeNumber(int64_t min, int64_t max) {
  const auto rewrite = [min, max](std::string& text) -> std::string {
    int64_t number = 0;
    if (!absl::SimpleAtoi(text, &number) || number < min || number > max) {
      return absl::StrCat("\"", text, "\" is not a whole number from ", min, " to ", max);
    }
    text = absl::StrCat(number);
    return "";
  };
  return CLI::Validator(rewrite, absl::StrCat(min, " to ", max));
}

}  // namespace farebox::server
