#ifndef FAREBOX_TOOLS_BENCHMARK_LOAD_OPTIONS_H_
#define FAREBOX_TOOLS_BENCHMARK_LOAD_OPTIONS_H_

#include <cstdint>
#include <string>

namespace farebox::benchmark {

// What load to make.
struct LoadOptions {
  std::string server = "127.0.0.1:50051";
  // Both are sent with every call; none if empty.
  std::string api_key;
  std::string traceparent;
  // PEM; the connection is by TLS unless this is empty.
  std::string root_certificates;
  // debit, authorize, balance, activity, batch, stream.
  std::string operation = "debit";
  // Calls (operations of a stream) that are in flight at once.
  int outstanding = 256;
  // Debits of one ApplyBatch call.
  int batch_size = 1000;
  int accounts = 1000;
  // Connections; one serves well up to some hundred outstanding calls.
  int channels = 1;
  double seconds = 5;
  double warmup_seconds = 1;
  // Not 0: ends after so many operations, and not by time (not for a stream).
  int64_t operations = 0;
  // Pages of activity end at random times from this one, in Unix seconds, until now.
  double activity_since = 0;
};

}  // namespace farebox::benchmark

#endif  // FAREBOX_TOOLS_BENCHMARK_LOAD_OPTIONS_H_
