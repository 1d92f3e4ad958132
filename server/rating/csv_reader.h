#ifndef FAREBOX_SERVER_RATING_CSV_READER_H_
#define FAREBOX_SERVER_RATING_CSV_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace farebox::rating {

// Splits a stream of bytes into the records and fields of a CSV file (RFC 4180): fields may be
// quoted, a quote within quotes is doubled, lines end with LF or CRLF. A byte order mark is
// dropped and empty lines are skipped. Spaces belong to the field.
//
// Our own, because the packaged libraries do not say where a field stood: libcsv skips empty
// lines silently and trims fields, fast-cpp-csv-parser wants to read the file itself.
//
//   reader.Feed(bytes);
//   while ((step = reader.Next()) != CsvReader::Step::kMoreBytes) { ... }
//
// and at the end Finish() and the same loop again, which then ends with kMoreBytes for good.
// Holds no more than one record. Thread-compatible.
class CsvReader {
 public:
  enum class Step {
    kRecord,     // fields() is a record.
    kProblem,    // problem() says what is wrong; the rest of that line is skipped.
    kMoreBytes,  // All that was fed is used up.
  };

  struct Field {
    absl::string_view text;  // Valid until the next call.
    int64_t line = 0;        // Where it begins.
  };

  struct Problem {
    int64_t line = 0;
    size_t field = 0;  // Counted from 1.
    std::string text;  // What the field holds so far.
    absl::string_view why;
  };

  // `bytes` must stay as they are until Next() has returned kMoreBytes.
  void Feed(absl::string_view bytes);

  // No more bytes come: the last line may end without a line break.
  void Finish();

  Step Next();

  const std::vector<Field>& fields() const { return fields_; }
  const Problem& problem() const { return problem_; }

 private:
  enum class State {
    kLineStart,
    kFieldStart,     // After a comma.
    kUnquoted,       // Within a field.
    kQuoted,         // Within quotes.
    kQuoteInQuoted,  // After a quote within quotes: its end, or the first half of a doubled one.
    kAfterReturn,    // After CR: LF must follow.
    kSkipping,       // To the end of a bad line.
    kEnded,
  };

  struct FieldEnd {
    size_t end;  // In text_.
    int64_t line;
  };

  bool TakeByteOrderMark(char c);
  Step Take(char c);
  Step TakeInLine(char c);
  Step TakeQuoted(char c);
  Step TakeEnd();
  Step Append(char c);
  Step EndField();
  Step EndRecord();
  Step Fail(absl::string_view why);

  absl::string_view bytes_;
  size_t marks_matched_ = 0;  // Bytes of the byte order mark; its size once that is past.
  bool finishing_ = false;
  State state_ = State::kLineStart;
  int64_t line_ = 1;
  int64_t field_line_ = 1;

  std::string text_;  // The fields of the record, one after the other.
  std::vector<FieldEnd> field_ends_;
  std::vector<Field> fields_;
  Problem problem_;
};

// Appends `field` as RFC 4180 wants it, quoted where it must be.
void AppendCsvField(absl::string_view field, std::string* out);

}  // namespace farebox::rating

#endif  // FAREBOX_SERVER_RATING_CSV_READER_H_
