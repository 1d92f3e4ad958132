#ifndef FAREBOX_SERVER_RATING_TEXT_SEGMENTS_H_
#define FAREBOX_SERVER_RATING_TEXT_SEGMENTS_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace farebox::rating {

enum class Alphabet {
  kGsm7,  // The default alphabet of 3GPP TS 23.038 and its extension table; a unit is a septet.
  kUcs2,  // A unit is a UTF-16 code unit.
};

// How a text goes over the air, which is what it is priced by.
struct TextSegments {
  Alphabet alphabet = Alphabet::kGsm7;
  int64_t units = 0;
  int64_t segments = 1;

  friend bool operator==(const TextSegments&, const TextSegments&) = default;
};

// The segments of a text with this body, or nothing where it is not well-formed UTF-8.
//
// A body that GSM-7 can spell is sent in it, any other in UCS-2. What fits in one segment (160
// septets or 70 units) is one; a longer body is cut into segments of 153 septets or 67 units, and
// never inside a character: an escaped septet or a surrogate pair that does not fit any more moves
// to the next segment whole. An empty body is one segment.
std::optional<TextSegments> CountSegments(absl::string_view utf8_body);

}  // namespace farebox::rating

#endif  // FAREBOX_SERVER_RATING_TEXT_SEGMENTS_H_
