#ifndef FAREBOX_TESTS_SIMULATION_RANDOM_H_
#define FAREBOX_TESTS_SIMULATION_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/check.h"

namespace farebox::simulation {

// Numbers that one seed determines, on every machine and with every library (SplitMix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t bits = state_;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
  }

  // 0 to `end` - 1.
  int64_t Below(int64_t end) {
    FAREBOX_CHECK(end > 0);
    const unsigned __int128 product = static_cast<unsigned __int128>(Next()) * end;
    return static_cast<int64_t>(product >> 64);
  }
  // Both may be drawn.
  int64_t Between(int64_t least, int64_t most) { return least + Below(most - least + 1); }
  bool OneIn(int64_t n) { return Below(n) == 0; }

  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[static_cast<size_t>(Below(static_cast<int64_t>(from.size())))];
  }
  // One of the newest `count`, or of all.
  template <typename T>
  const T& PickRecent(const std::vector<T>& from, int64_t count) {
    const int64_t size = static_cast<int64_t>(from.size());
    const int64_t back = Below(size < count ? size : count);
    return from[static_cast<size_t>(size - 1 - back)];
  }

 private:
  uint64_t state_;
};

}  // namespace farebox::simulation

#endif  // FAREBOX_TESTS_SIMULATION_RANDOM_H_
