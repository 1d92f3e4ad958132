#ifndef FAREBOX_STORAGE_MICROS_H_
#define FAREBOX_STORAGE_MICROS_H_

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>

namespace farebox {

// An amount of money in millionths of an account's currency unit: Micros(1'000'000) is 1.00.
//
// There is no implicit conversion and no unchecked arithmetic: a sum that does not fit is an absent
// value, which the caller turns into AMOUNT_OVERFLOW. Value type, safe to copy between threads.
class Micros {
 public:
  constexpr Micros() = default;
  constexpr explicit Micros(int64_t value) : value_(value) {}

  static constexpr Micros Max() { return Micros(std::numeric_limits<int64_t>::max()); }
  static constexpr Micros Min() { return Micros(std::numeric_limits<int64_t>::min()); }

  constexpr int64_t value() const { return value_; }
  constexpr bool is_zero() const { return value_ == 0; }
  constexpr bool is_positive() const { return value_ > 0; }
  constexpr bool is_negative() const { return value_ < 0; }

  friend constexpr auto operator<=>(Micros, Micros) = default;
  friend std::ostream& operator<<(std::ostream& out, Micros amount) {
    return out << amount.value_ << " micros";
  }

 private:
  int64_t value_ = 0;
};

// a + b, or nothing where the sum does not fit in 64 bits.
constexpr std::optional<Micros> CheckedAdd(Micros a, Micros b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a.value(), b.value(), &sum)) return std::nullopt;
  return Micros(sum);
}

// a - b, or nothing where the difference does not fit in 64 bits.
constexpr std::optional<Micros> CheckedSubtract(Micros a, Micros b) {
  int64_t difference = 0;
  if (__builtin_sub_overflow(a.value(), b.value(), &difference)) return std::nullopt;
  return Micros(difference);
}

}  // namespace farebox

#endif  // FAREBOX_STORAGE_MICROS_H_
