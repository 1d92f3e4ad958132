#ifndef FAREBOX_TOOLS_BENCHMARK_HTTP2_CONNECTION_H_
#define FAREBOX_TOOLS_BENCHMARK_HTTP2_CONNECTION_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace farebox::benchmark {

// Is told what becomes of the calls of a connection, by their streams.
class CallListener {
 public:
  virtual ~CallListener() = default;
  // It has ended, with this status, -1 where the stream broke off, and the answer's bytes.
  virtual void OnEnd(int connection, int32_t stream, int grpc_status,
                     const std::string& message) = 0;
};

// A connection that makes gRPC calls without gRPC: some microseconds a call in place of sixty, so
// that a load far beyond what a server can do leaves the machine to the server. Without TLS.
// Thread-compatible; waits for nothing once it is connected.
class Http2Connection {
 public:
  // Connects to "host:port". The listener outlives it.
  static absl::StatusOr<std::unique_ptr<Http2Connection>> Connect(const std::string& server,
                                                                  int number,
                                                                  CallListener* listener);
  ~Http2Connection();
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;

  int descriptor() const { return descriptor_; }

  // Whether the server takes one more call now.
  bool HasRoom() const;
  // Begins a call of "/farebox.v1.BillingService/Debit" with the request's bytes, and returns its
  // stream. The server is told how long the caller still waits.
  int32_t Begin(const char* path, absl::Duration timeout, const std::string& message);
  // Gives a call up: the listener hears no more of it.
  void Cancel(int32_t stream);

  // Reads and writes what can be without waiting. False when the connection is gone.
  bool Proceed();
  // Whether there is something that could not be written yet.
  bool has_more() const { return written_ < outgoing_.size(); }

 private:
  struct Call {
    std::string outgoing;
    size_t sent = 0;
    std::string incoming;
    int grpc_status = -1;
  };

  Http2Connection(int descriptor, int number, CallListener* listener);

  static ssize_t ReadBody(nghttp2_session* session, int32_t stream, uint8_t* buffer, size_t size,
                          uint32_t* flags, nghttp2_data_source* source, void* self);
  static int OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t flags,
                      void* self);
  static int OnData(nghttp2_session* session, uint8_t flags, int32_t stream, const uint8_t* data,
                    size_t size, void* self);
  static int OnStreamClose(nghttp2_session* session, int32_t stream, uint32_t error, void* self);

  bool Write();
  bool Read();

  const int descriptor_;
  const int number_;
  CallListener* const listener_;
  nghttp2_session* session_ = nullptr;
  absl::flat_hash_map<int32_t, Call> calls_;
  // Begun and not closed yet, those that were given up included.
  uint32_t streams_open_ = 0;
  std::string outgoing_;
  size_t written_ = 0;
};

}  // namespace farebox::benchmark

#endif  // FAREBOX_TOOLS_BENCHMARK_HTTP2_CONNECTION_H_
