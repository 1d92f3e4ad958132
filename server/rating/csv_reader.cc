#include "server/rating/csv_reader.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/rating/limits.h"
#include "storage/check.h"

namespace farebox::rating {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

void CsvReader::Feed(absl::string_view bytes) {
  FAREBOX_CHECK(bytes_.empty() && !finishing_);
  bytes_ = bytes;
}

void CsvReader::Finish() { finishing_ = true; }

CsvReader::Step CsvReader::Next() {
  while (!bytes_.empty()) {
    const char c = bytes_.front();
    bytes_.remove_prefix(1);
    if (marks_matched_ < kByteOrderMark.size() && TakeByteOrderMark(c)) continue;
    const Step step = Take(c);
    if (step != Step::kMoreBytes) return step;
  }
  return finishing_ ? TakeEnd() : Step::kMoreBytes;
}

// True where `c` was part of the mark. Half a mark is text like any other.
bool CsvReader::TakeByteOrderMark(char c) {
  if (c == kByteOrderMark[marks_matched_]) {
    ++marks_matched_;
    return true;
  }
  text_.append(kByteOrderMark.data(), marks_matched_);
  if (marks_matched_ > 0) state_ = State::kUnquoted;
  marks_matched_ = kByteOrderMark.size();
  return false;
}

CsvReader::Step CsvReader::Take(char c) {
  if (state_ == State::kLineStart) {
    text_.clear();
    field_ends_.clear();
    field_line_ = line_;
  }
  const Step step = TakeInLine(c);
  if (c != '\n') return step;
  ++line_;
  if (step == Step::kProblem) state_ = State::kLineStart;  // There is no more of it to skip.
  return step;
}

CsvReader::Step CsvReader::TakeInLine(char c) {
  if (state_ == State::kSkipping) {
    if (c == '\n') state_ = State::kLineStart;
    return Step::kMoreBytes;
  }
  if (c == '\0') return Fail("has a NUL byte: is the file UTF-16? It must be UTF-8");
  if (state_ == State::kQuoted) return TakeQuoted(c);
  if (state_ == State::kAfterReturn && c != '\n') {
    return Fail("has a carriage return that is not followed by a line feed");
  }
  switch (c) {
    case ',':
      return EndField();
    case '\n':
      return EndRecord();
    case '\r':
      state_ = State::kAfterReturn;
      return Step::kMoreBytes;
    case '"':
      if (state_ == State::kUnquoted) return Fail("has a quote within a field that is not quoted");
      if (state_ == State::kQuoteInQuoted) return TakeQuoted(c);
      state_ = State::kQuoted;
      return Step::kMoreBytes;
    default:
      if (state_ == State::kQuoteInQuoted) return Fail("goes on after the closing quote");
      state_ = State::kUnquoted;
      return Append(c);
  }
}

CsvReader::Step CsvReader::TakeQuoted(char c) {
  if (state_ == State::kQuoted && c == '"') {
    state_ = State::kQuoteInQuoted;
    return Step::kMoreBytes;
  }
  state_ = State::kQuoted;
  return Append(c);
}

CsvReader::Step CsvReader::TakeEnd() {
  const State state = state_;
  state_ = State::kEnded;
  switch (state) {
    case State::kLineStart:
    case State::kSkipping:
    case State::kEnded:
      return Step::kMoreBytes;
    case State::kQuoted:
      return Fail("has an opening quote without a closing one");
    default:
      return EndRecord();
  }
}

CsvReader::Step CsvReader::Append(char c) {
  const size_t begin = field_ends_.empty() ? 0 : field_ends_.back().end;
  if (text_.size() - begin == kCsvFieldBytesMax)
    return Fail("is too long, or a quote is not closed");
  text_.push_back(c);
  return Step::kMoreBytes;
}

CsvReader::Step CsvReader::EndField() {
  if (field_ends_.size() + 1 == kCsvFieldsMax) return Fail("is one of too many");
  field_ends_.push_back({.end = text_.size(), .line = field_line_});
  field_line_ = line_;
  state_ = State::kFieldStart;
  return Step::kMoreBytes;
}

CsvReader::Step CsvReader::EndRecord() {
  state_ = State::kLineStart;
  if (text_.empty() && field_ends_.empty()) return Step::kMoreBytes;
  field_ends_.push_back({.end = text_.size(), .line = field_line_});
  fields_.clear();
  size_t begin = 0;
  for (const FieldEnd& field : field_ends_) {
    fields_.push_back({absl::string_view(text_).substr(begin, field.end - begin), field.line});
    begin = field.end;
  }
  return Step::kRecord;
}

CsvReader::Step CsvReader::Fail(absl::string_view why) {
  const size_t begin = field_ends_.empty() ? 0 : field_ends_.back().end;
  problem_ = {.line = field_line_,
              .field = field_ends_.size() + 1,
              .text = text_.substr(begin),
              .why = why};
  state_ = State::kSkipping;
  return Step::kProblem;
}

void AppendCsvField(absl::string_view field, std::string* out) {
  if (field.find_first_of(",\"\r\n") == absl::string_view::npos) {
    out->append(field.data(), field.size());
    return;
  }
  absl::StrAppend(out, "\"", absl::StrReplaceAll(field, {{"\"", "\"\""}}), "\"");
}

}  // namespace farebox::rating
