#include "storage/micros.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace farebox {
namespace {

struct SumRow {
  Micros a, b;
  std::optional<Micros> result;
};

TEST(MicrosTest, SumsThatDoNotFitAreAbsent) {
  for (const SumRow& row : std::vector<SumRow>{{Micros(2), Micros(3), Micros(5)},
                                               {Micros::Max(), Micros(0), Micros::Max()},
                                               {Micros::Max(), Micros(1), std::nullopt},
                                               {Micros::Min(), Micros(-1), std::nullopt},
                                               {Micros::Min(), Micros::Max(), Micros(-1)},
                                               {Micros::Min(), Micros::Min(), std::nullopt}}) {
    EXPECT_EQ(CheckedAdd(row.a, row.b), row.result) << row.a << " + " << row.b;
    EXPECT_EQ(CheckedAdd(row.b, row.a), row.result) << row.b << " + " << row.a;
  }
}

TEST(MicrosTest, DifferencesThatDoNotFitAreAbsent) {
  for (const SumRow& row : std::vector<SumRow>{{Micros(2), Micros(3), Micros(-1)},
                                               {Micros::Min(), Micros(0), Micros::Min()},
                                               {Micros::Min(), Micros(1), std::nullopt},
                                               {Micros(0), Micros::Min(), std::nullopt},
                                               {Micros(-1), Micros::Min(), Micros::Max()},
                                               {Micros::Max(), Micros(-1), std::nullopt}}) {
    EXPECT_EQ(CheckedSubtract(row.a, row.b), row.result) << row.a << " - " << row.b;
  }
}

TEST(MicrosTest, SignsAndOrder) {
  EXPECT_TRUE(Micros().is_zero());
  EXPECT_TRUE(Micros(1).is_positive());
  EXPECT_TRUE(Micros(-1).is_negative());
  EXPECT_FALSE(Micros().is_positive());
  EXPECT_FALSE(Micros().is_negative());
  EXPECT_LT(Micros::Min(), Micros(0));
  EXPECT_LT(Micros(0), Micros::Max());
}

}  // namespace
}  // namespace farebox
