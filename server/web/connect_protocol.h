#ifndef FAREBOX_SERVER_WEB_CONNECT_PROTOCOL_H_
#define FAREBOX_SERVER_WEB_CONNECT_PROTOCOL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"
#include "server/web/exchange.h"

// What the Connect protocol (https://connectrpc.com/docs/protocol) says on the wire. Pure.
namespace farebox::web {

inline constexpr absl::string_view kConnectVersion = "connect-protocol-version";

// How messages are written.
enum class Codec { kJson, kProto };

// What a content type says; nothing where it is none of the protocol's.
struct ConnectContent {
  Codec codec = Codec::kJson;
  bool is_stream = false;
};
std::optional<ConnectContent> ReadContentType(absl::string_view content_type);
absl::string_view ContentType(const ConnectContent& content);

// The time that the caller gives; nothing where it gives none. InvalidArgument: it is no number of
// milliseconds.
absl::StatusOr<std::optional<absl::Duration>> ReadTimeout(absl::string_view milliseconds);

// A gRPC code by the protocol's name and by HTTP's number.
absl::string_view ConnectCode(int code);
int HttpStatusOfCode(int code);

// {"code": ..., "message": ..., "details": [...]}. Details are in base64, and once more as JSON
// beside it, for people.
std::string ConnectErrorJson(const google::rpc::Status& error);

// The answer to a unary call that failed.
Response ConnectErrorResponse(const google::rpc::Status& error);

// The last message of a stream: how it ended, and metadata.
std::string EndOfStreamJson(const google::rpc::Status& status, const Headers& metadata);

// A message of a stream on its way: a byte of flags and four of length before it.
inline constexpr uint8_t kEnvelopeCompressed = 1;
inline constexpr uint8_t kEnvelopeEnd = 2;
std::string Envelope(uint8_t flags, absl::string_view message);

struct Enveloped {
  uint8_t flags = 0;
  std::string message;
};

// Takes a stream apart. Thread-compatible.
class EnvelopeReader {
 public:
  // Longer messages are refused.
  explicit EnvelopeReader(size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  void Add(absl::string_view bytes) { bytes_.append(bytes.data(), bytes.size()); }

  // The next message, where all of it has come. ResourceExhausted: it is too long.
  // InvalidArgument: it has flags that a request has not.
  absl::StatusOr<std::optional<Enveloped>> Next();

  // Whether a message has begun, and not ended.
  bool is_within_message() const { return !bytes_.empty(); }

 private:
  const size_t message_bytes_max_;
  std::string bytes_;
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_CONNECT_PROTOCOL_H_
