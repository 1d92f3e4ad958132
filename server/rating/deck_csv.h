#ifndef FAREBOX_SERVER_RATING_DECK_CSV_H_
#define FAREBOX_SERVER_RATING_DECK_CSV_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/rating/csv_reader.h"
#include "server/rating/rate_deck.h"

namespace farebox::rating {

// A rate deck as a CSV file: UTF-8, RFC 4180, LF or CRLF, with or without a byte order mark. The
// first line names the columns, which may come in any order; columns that are not needed, or hold
// nothing in a line, may be left out or empty.
//
//   item                   OUTBOUND_CALL, INBOUND_CALL, OUTGOING_TEXT, INCOMING_TEXT,
//                          PHONE_NUMBER_PURCHASE, PHONE_NUMBER_RENEWAL or RING_THROUGH_ATTEMPT.
//                          Always needed.
//   prefix                 Digits of E.164 without plus sign; empty for the item's default;
//                          "exact:" and a whole destination. The column is always needed.
//   description            Free text.
//   connect_fee            For calls. Currency units, at most 6 decimals, e.g. 0.05.
//   attempt_fee            For calls that are never answered; likewise.
//   rate_per_minute        Needed for calls, also where it is 0. At most 9 decimals.
//   initial_increment      For calls: seconds of the first block; 1 where empty.
//   increment              For calls: seconds of the blocks that follow; 1 where empty.
//   rate_after_seconds     For calls: where the second rate begins; none where empty or 0.
//   rate_after_per_minute  The second rate; needed where there is one.
//   unit_fee               Needed for every item but calls, also where it is 0; as connect_fee.
//   effective_from         A date (midnight UTC) or an RFC 3339 time; empty: since ever.
//   effective_to           The same; the first moment that is no longer effective. Empty: for ever.

// What is wrong with a file, and where.
struct DeckCsvError {
  int64_t line = 0;   // Counted from 1.
  size_t column = 0;  // Counted from 1; 0 where the file does not have the column.
  std::string name;   // Of the column; empty where there is none.
  std::string text;   // The offending text, shortened, printable UTF-8.
  std::string why;    // Goes on from the text: "must be...".
};

// For example: line 7, column 4 (rate_per_minute): "0,5" must be a decimal number such as 0.0123
std::string ToString(const DeckCsvError& error);

// Reads a deck that arrives in pieces. Thread-compatible.
class DeckCsvParser {
 public:
  // Either a deck, or what is wrong with the file: at most kDeckCsvErrorsMax errors, by line.
  struct Result {
    std::shared_ptr<const RateDeck> deck;  // Null where there are errors.
    std::vector<DeckCsvError> errors;
  };

  // Takes the next bytes of the file, cut anywhere.
  void Feed(absl::string_view bytes);

  // The file cannot become a deck any more and no more errors will be reported: feeding more is
  // useless, though harmless.
  bool gave_up() const { return gave_up_; }

  // The file is complete. Ends the parser's life.
  Result Finish() &&;

 private:
  void TakeRecords();
  void TakeHeader();
  void TakeRow();
  void AddOverlaps(std::vector<PeriodOverlap> overlaps);
  void AddSyntaxError(const CsvReader::Problem& problem);
  void AddFieldError(absl::string_view name, absl::string_view why);
  void AddError(DeckCsvError error);

  // The place of the column in the file, counted from 1; 0 where the file does not have it.
  size_t ColumnNumber(absl::string_view name) const;

  CsvReader reader_;
  std::vector<size_t> header_;  // For each field of a line its column, as an index of all columns.
  RateDeck::Builder builder_;
  std::vector<DeckCsvError> errors_;
  bool gave_up_ = false;
};

// The first line of a deck CSV with all columns.
std::string DeckCsvHeader();

// Appends the line of `row`. Parsing the header and the lines of all rows gives the same deck.
void AppendDeckCsvRow(const RateRow& row, std::string* out);

}  // namespace farebox::rating

#endif  // FAREBOX_SERVER_RATING_DECK_CSV_H_
