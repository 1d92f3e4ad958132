// What rating costs: run it by hand, optimised; ctest does not.

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/rating/deck_csv.h"
#include "server/rating/rate_deck.h"
#include "server/rating/tariff.h"
#include "server/rating/text_segments.h"
#include "storage/check.h"

namespace farebox::rating {
namespace {

constexpr size_t kPrefixes = 200'000;
constexpr size_t kChunkBytes = 65'536;

std::string AnyDigits(size_t size, std::mt19937_64* random) {
  std::string digits;
  while (digits.size() < size) digits += static_cast<char>('0' + (*random)() % 10);
  return digits;
}

// A wholesale deck: prefixes of 1 to 8 digits, most of them long, in no order.
std::string DeckCsv() {
  std::mt19937_64 random(1);
  std::unordered_set<std::string> prefixes;
  std::string csv =
      "item,prefix,description,connect_fee,rate_per_minute,initial_increment,increment\n";
  while (prefixes.size() < kPrefixes) {
    const std::string prefix = AnyDigits(8 - random() % 8 * (random() % 8) / 7, &random);
    if (!prefixes.insert(prefix).second) continue;
    absl::StrAppend(&csv, "OUTBOUND_CALL,", prefix, ",Country ", prefix.substr(0, 3),
                    " - Mobile operator,0.05,0.0", random() % 1'000'000, ",30,6\n");
  }
  return csv;
}

std::shared_ptr<const RateDeck> Load(const std::string& csv) {
  DeckCsvParser parser;
  for (size_t at = 0; at < csv.size(); at += kChunkBytes) {
    parser.Feed(absl::string_view(csv).substr(at, kChunkBytes));
  }
  DeckCsvParser::Result result = std::move(parser).Finish();
  FAREBOX_CHECK(result.errors.empty() && result.deck->size() == kPrefixes);
  return std::move(result.deck);
}

size_t BytesInUse() {
  const struct mallinfo2 usage = mallinfo2();
  return usage.uordblks + usage.hblkhd;
}

void BM_LoadDeck(benchmark::State& state) {
  const std::string csv = DeckCsv();
  size_t bytes = 0;
  for (auto _ : state) {
    const size_t before = BytesInUse();
    const std::shared_ptr<const RateDeck> deck = Load(csv);
    bytes = BytesInUse() - before;
  }
  state.counters["deck_bytes"] = static_cast<double>(bytes);
  state.counters["csv_bytes"] = static_cast<double>(csv.size());
}
BENCHMARK(BM_LoadDeck)->Unit(benchmark::kMillisecond);

void BM_Lookup(benchmark::State& state) {
  const std::shared_ptr<const RateDeck> deck = Load(DeckCsv());
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  std::mt19937_64 random(2);
  std::vector<std::string> destinations(65'536);
  for (std::string& destination : destinations) destination = "+" + AnyDigits(12, &random);
  size_t next = 0;
  for (auto _ : state) {
    const std::string& destination = destinations[++next % destinations.size()];
    benchmark::DoNotOptimize(deck->Lookup(Item::kOutboundCall, destination, now));
  }
}
BENCHMARK(BM_Lookup);

constexpr Tariff kTariff = {.connect_fee = Micros(50'000),
                            .rate_nanos_per_minute = 12'300'000,
                            .initial_increment_seconds = 30,
                            .increment_seconds = 6,
                            .rate_after_seconds = 600,
                            .rate_after_nanos_per_minute = 9'000'000};

void BM_PriceOfCall(benchmark::State& state) {
  int64_t seconds = 0;
  for (auto _ : state) benchmark::DoNotOptimize(PriceOfCallRoundedUp(kTariff, ++seconds));
}
BENCHMARK(BM_PriceOfCall);

void BM_LongestAffordable(benchmark::State& state) {
  int64_t budget = 100'000;
  for (auto _ : state) {
    benchmark::DoNotOptimize(LongestAffordable(kTariff, Micros(++budget), 86'400));
  }
}
BENCHMARK(BM_LongestAffordable);

void BM_CountSegments(benchmark::State& state) {
  const std::string body(160, 'e');
  for (auto _ : state) benchmark::DoNotOptimize(CountSegments(body));
}
BENCHMARK(BM_CountSegments);

}  // namespace
}  // namespace farebox::rating

BENCHMARK_MAIN();
