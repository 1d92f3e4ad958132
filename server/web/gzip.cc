#include "server/web/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "storage/check.h"

namespace farebox::web {
namespace {

// zlib's way to say "gzip, with the largest window".
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;
// An answer is compressed once and read once: a better level costs more than it saves.
constexpr int kLevel = 3;
constexpr size_t kStepBytes = 64 * 1024;

Bytef* In(absl::string_view bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

}  // namespace

std::string Gzip(absl::string_view bytes) {
  z_stream stream = {};
  FAREBOX_CHECK(deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                             Z_DEFAULT_STRATEGY) == Z_OK);
  const absl::Cleanup end = [&stream] { deflateEnd(&stream); };
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = In(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = In(out);
  stream.avail_out = static_cast<uInt>(out.size());
  FAREBOX_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  return out;
}

absl::StatusOr<std::string> Gunzip(absl::string_view bytes, size_t bytes_max) {
  z_stream stream = {};
  FAREBOX_CHECK(inflateInit2(&stream, kGzipWindow) == Z_OK);
  const absl::Cleanup end = [&stream] { inflateEnd(&stream); };
  stream.next_in = In(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int result = Z_OK;
  while (result == Z_OK) {
    // One byte more than may be tells that there is too much.
    const size_t room = std::min(kStepBytes, bytes_max + 1 - out.size());
    const size_t had = out.size();
    out.resize(had + room);
    stream.next_out = In(out) + had;
    stream.avail_out = static_cast<uInt>(room);
    result = inflate(&stream, Z_NO_FLUSH);
    out.resize(had + room - stream.avail_out);
    if (out.size() > bytes_max) return absl::ResourceExhaustedError("is too large");
  }
  if (result != Z_STREAM_END || stream.avail_in > 0) {
    return absl::InvalidArgumentError("is no gzip");
  }
  return out;
}

bool AcceptsGzip(absl::string_view accepted) {
  for (const absl::string_view part : absl::StrSplit(accepted, ',')) {
    const std::pair<absl::string_view, absl::string_view> coding =
        absl::StrSplit(part, absl::MaxSplits(';', 1));
    if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(coding.first), "gzip")) continue;
    const absl::string_view weight = absl::StripAsciiWhitespace(coding.second);
    return weight != "q=0" && weight != "q=0.0";
  }
  return false;
}

}  // namespace farebox::web
