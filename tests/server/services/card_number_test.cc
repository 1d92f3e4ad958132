#include "server/services/card_number.h"

#include <gtest/gtest.h>

#include <vector>

namespace farebox::server {
namespace {

TEST(CardNumberTest, IsFoundHoweverItIsWritten) {
  struct Row {
    const char* text;
    bool has;
  };
  for (const Row& row : std::vector<Row>{
           {"4242424242424242", true},
           {"paid with 4242 4242 4242 4242, thanks", true},
           {"5555-5555-5555-4444", true},
           {"378282246310005", true},
           {"3782 822463 10005.", true},
           {"", false},
           {"4242424242424241", false},      // The check digit is wrong.
           {"424242424242424", false},       // One is missing.
           {"44242424242424242", false},     // One too many.
           {"4242  4242 4242 4242", false},  // Two numbers.
           {"call from +12025550123", false},
           {"call to 447400123456789", false},  // 15 digits, and no American Express.
           {"pi_3Nq4242424242424242x", true},
       }) {
    EXPECT_EQ(HasCardNumber(row.text), row.has) << row.text;
  }
}

}  // namespace
}  // namespace farebox::server
