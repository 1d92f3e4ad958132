#ifndef FAREBOX_TOOLS_BENCHMARK_OPEN_LOAD_H_
#define FAREBOX_TOOLS_BENCHMARK_OPEN_LOAD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/clock.h"
#include "tools/benchmark/http2_connection.h"
#include "tools/benchmark/latency.h"
#include "tools/benchmark/requests.h"

namespace farebox::benchmark {

// A stretch of load.
struct LoadPhase {
  // Calls that arrive a second, at random times, whatever becomes of those before. 0: a new one for
  // each that has ended, `outstanding` at once.
  double rate = 0;
  int outstanding = 0;
  double seconds = 0;
};

struct OpenLoadOptions {
  std::string server;
  int accounts = 1000;
  int connections = 6;
  // How long a call is waited for, from its arrival on.
  absl::Duration patience = absl::Milliseconds(500);
  // Calls that a connection holds back at most while the server lets no more in: one more is given
  // up at once, unless it ends a call, as our client does it. 0: no bound, nor where a phase has no
  // rate.
  size_t pending_max = 0;
  // Kinds of calls, each as often as it is here; empty: kMix.
  std::string mix;
};

// What calls do: a call is authorized, one that was authorized is settled, a balance is looked at.
enum class CallKind { kAuthorize, kSettle, kBalance };
inline constexpr size_t kCallKinds = 3;

// What became of the calls of one kind that arrived in one phase.
struct CallTally {
  int64_t arrived = 0;
  int64_t answered = 0;
  // OVERLOADED.
  int64_t refused = 0;
  // Given up: the server let no more calls in, or took too long.
  int64_t held_back = 0;
  int64_t late = 0;
  int64_t failed = 0;
  // Of those that were answered, from arrival to answer.
  LatencyRecorder latencies;
};

// A tenth of a second.
struct LoadMoment {
  int64_t answered = 0;
  int64_t refused = 0;
  int64_t given_up = 0;
  double slowest_micros = 0;
};

struct PhaseResult {
  LoadPhase phase;
  std::array<CallTally, kCallKinds> kinds;
  // Of all that were answered.
  LatencyRecorder latencies;
  std::vector<LoadMoment> moments;
  // Answered, by connection.
  std::vector<int64_t> connections;
};

// Makes calls at a rate that is not slowed down by the server: what users do. Thread-compatible.
class OpenLoad final : public CallListener {
 public:
  explicit OpenLoad(OpenLoadOptions options);

  absl::Status Connect();
  // One phase after the other, without a pause.
  absl::Status Run(const std::vector<LoadPhase>& phases);
  std::vector<PhaseResult>& results() { return results_; }

  void OnEnd(int connection, int32_t stream, int grpc_status, const std::string& message) override;

 private:
  struct Name {
    int connection = 0;
    int32_t stream = 0;
    template <typename H>
    friend H AbslHashValue(H hash, const Name& name) {
      return H::combine(std::move(hash), name.connection, name.stream);
    }
    friend bool operator==(const Name& a, const Name& b) {
      return a.connection == b.connection && a.stream == b.stream;
    }
  };
  struct OpenHold {
    std::string account_id;
    int64_t hold_id = 0;
  };
  // A call that is wanted.
  struct Wish {
    size_t phase = 0;
    CallKind kind = CallKind::kBalance;
    absl::Time arrival;
    OpenHold hold;  // To be settled.
  };
  struct Flight {
    Wish wish;
    std::string account_id;  // Of an authorization.
  };

  absl::Status RunPhase(size_t index, absl::Time begin);
  void Arrive(size_t phase, absl::Time arrival);
  CallKind NextKind();
  std::string MakeMessage(const Wish& wish, std::string* account_id);
  // As many of those that wait as the server lets in.
  void Dispatch(size_t connection, absl::Time now);
  void Send(size_t connection, Wish wish, absl::Time now);
  void GiveUpBefore(absl::Time now);
  void NoteGivenUp(const Wish& wish, int64_t CallTally::*what, absl::Time now);
  absl::Status Proceed(absl::Duration wait);
  LoadMoment* MomentOf(size_t phase, absl::Time time);

  const OpenLoadOptions options_;
  const SystemClock clock_;
  std::mt19937_64 random_;
  RequestMaker maker_;
  std::vector<std::unique_ptr<Http2Connection>> connections_;
  // What waits for its turn, by connection, in the order of arrival.
  std::vector<std::deque<Wish>> pending_;
  size_t pending_count_ = 0;
  size_t next_kind_ = 0;

  absl::flat_hash_map<Name, Flight> flights_;
  std::multimap<absl::Time, Name> deadlines_;
  std::deque<OpenHold> holds_;
  std::vector<absl::Time> begins_;
  std::vector<PhaseResult> results_;
};

}  // namespace farebox::benchmark

#endif  // FAREBOX_TOOLS_BENCHMARK_OPEN_LOAD_H_
