// Somebody's spreadsheet as a rate deck: any bytes. It becomes a deck, which is the same when it
// has been written and read again, or every error names a line.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "server/rating/deck_csv.h"
#include "server/rating/rate_deck.h"
#include "storage/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace farebox::rating {
namespace {

DeckCsvParser::Result Parse(absl::string_view csv, size_t piece_bytes) {
  DeckCsvParser parser;
  for (size_t at = 0; at < csv.size(); at += piece_bytes) parser.Feed(csv.substr(at, piece_bytes));
  return std::move(parser).Finish();
}

std::string Write(const RateDeck& deck) {
  std::string csv = DeckCsvHeader();
  for (uint32_t ordinal = 0; ordinal < deck.size(); ++ordinal) {
    AppendDeckCsvRow(*deck.Row(ordinal), &csv);
  }
  return csv;
}

// The first byte says in which pieces the rest arrives.
void ReadDeck(absl::string_view input) {
  if (input.empty()) return;
  const size_t piece_bytes = 1 + static_cast<uint8_t>(input[0]);
  const DeckCsvParser::Result result = Parse(input.substr(1), piece_bytes);
  FAREBOX_CHECK((result.deck == nullptr) == !result.errors.empty());
  for (const DeckCsvError& error : result.errors) {
    FAREBOX_CHECK(error.line >= 1 && !error.why.empty() && !ToString(error).empty());
  }
  if (result.deck == nullptr) return;

  const std::string written = Write(*result.deck);
  const DeckCsvParser::Result again = Parse(written, written.size());
  FAREBOX_CHECK(again.errors.empty());
  FAREBOX_CHECK(Write(*again.deck) == written);
}

}  // namespace
}  // namespace farebox::rating

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  farebox::rating::ReadDeck({reinterpret_cast<const char*>(data), size});
  return 0;
}
