#include "tools/benchmark/open_load.h"

#include <poll.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "farebox/v1/billing.pb.h"

namespace farebox::benchmark {
namespace {

// Half of the calls are new, a quarter end one, a quarter look.
constexpr char kMix[] = "asab";

// Arrivals are looked for this often: sooner, and the load would take the machine from the server.
constexpr absl::Duration kPause = absl::Microseconds(500);

constexpr absl::Duration kMoment = absl::Milliseconds(100);

constexpr int kOk = 0;
constexpr int kResourceExhausted = 8;

constexpr std::array<const char*, kCallKinds> kPaths = {"/farebox.v1.BillingService/Authorize",
                                                        "/farebox.v1.BillingService/Debit",
                                                        "/farebox.v1.BillingService/GetBalance"};

}  // namespace

OpenLoad::OpenLoad(OpenLoadOptions options)
    : options_(std::move(options)), random_(std::random_device()()), maker_(options_.accounts) {}

absl::Status OpenLoad::Connect() {
  for (int i = 0; i < options_.connections; ++i) {
    absl::StatusOr<std::unique_ptr<Http2Connection>> connection =
        Http2Connection::Connect(options_.server, i, this);
    if (!connection.ok()) return connection.status();
    connections_.push_back(*std::move(connection));
  }
  pending_.resize(connections_.size());
  return absl::OkStatus();
}

absl::Status OpenLoad::Run(const std::vector<LoadPhase>& phases) {
  results_.resize(phases.size());
  begins_.resize(phases.size());
  for (size_t i = 0; i < phases.size(); ++i) {
    results_[i].phase = phases[i];
    results_[i].connections.resize(connections_.size());
    results_[i].moments.resize(static_cast<size_t>(std::ceil(phases[i].seconds * 10)) + 10);
  }
  absl::Time begin = clock_.Now();
  for (size_t i = 0; i < phases.size(); ++i) {
    if (const absl::Status run = RunPhase(i, begin); !run.ok()) return run;
    begin += absl::Seconds(phases[i].seconds);
  }
  // What is under way ends or is given up.
  while (!flights_.empty() || pending_count_ > 0) {
    if (const absl::Status proceeded = Proceed(kPause); !proceeded.ok()) return proceeded;
  }
  return absl::OkStatus();
}

absl::Status OpenLoad::RunPhase(size_t index, absl::Time begin) {
  const LoadPhase& phase = results_[index].phase;
  begins_[index] = begin;
  const absl::Time end = begin + absl::Seconds(phase.seconds);
  std::exponential_distribution<double> gap(phase.rate > 0 ? phase.rate : 1);
  absl::Time next = begin;
  while (clock_.Now() < end) {
    const absl::Time now = clock_.Now();
    if (phase.rate > 0) {
      for (; next <= std::min(now, end); next += absl::Seconds(gap(random_))) Arrive(index, next);
    } else {
      while (flights_.size() + pending_count_ < static_cast<size_t>(phase.outstanding)) {
        Arrive(index, now);
      }
    }
    if (const absl::Status proceeded = Proceed(kPause); !proceeded.ok()) return proceeded;
  }
  return absl::OkStatus();
}

CallKind OpenLoad::NextKind() {
  const std::string& mix = options_.mix.empty() ? kMix : options_.mix;
  switch (mix[next_kind_++ % mix.size()]) {
    case 'a':
      return CallKind::kAuthorize;
    case 's':
      return holds_.empty() ? CallKind::kBalance : CallKind::kSettle;
    default:
      return CallKind::kBalance;
  }
}

std::string OpenLoad::MakeMessage(const Wish& wish, std::string* account_id) {
  switch (wish.kind) {
    case CallKind::kAuthorize: {
      v1::AuthorizeRequest request;
      maker_.Fill(&request);
      *account_id = request.account_id();
      return request.SerializeAsString();
    }
    case CallKind::kSettle: {
      v1::DebitRequest request;
      maker_.FillSettlement(wish.hold.account_id, wish.hold.hold_id, &request);
      return request.SerializeAsString();
    }
    case CallKind::kBalance:
      break;
  }
  v1::GetBalanceRequest request;
  maker_.Fill(&request);
  return request.SerializeAsString();
}

void OpenLoad::Arrive(size_t phase, absl::Time arrival) {
  Wish wish = {.phase = phase, .kind = NextKind(), .arrival = arrival};
  std::deque<Wish>& pending = pending_[random_() % connections_.size()];
  ++results_[phase].kinds[static_cast<size_t>(wish.kind)].arrived;
  const bool is_bounded =
      options_.pending_max > 0 && results_[phase].phase.rate > 0 && wish.kind != CallKind::kSettle;
  if (is_bounded && pending.size() >= options_.pending_max) {
    return NoteGivenUp(wish, &CallTally::held_back, arrival);
  }
  if (wish.kind == CallKind::kSettle) {
    wish.hold = std::move(holds_.front());
    holds_.pop_front();
  }
  pending.push_back(std::move(wish));
  ++pending_count_;
}

void OpenLoad::Dispatch(size_t connection, absl::Time now) {
  std::deque<Wish>& pending = pending_[connection];
  while (!pending.empty()) {
    const bool is_over = pending.front().arrival + options_.patience <= now;
    if (!is_over && !connections_[connection]->HasRoom()) return;
    Wish wish = std::move(pending.front());
    pending.pop_front();
    --pending_count_;
    if (is_over) {
      NoteGivenUp(wish, &CallTally::held_back, now);
    } else {
      Send(connection, std::move(wish), now);
    }
  }
}

void OpenLoad::Send(size_t connection, Wish wish, absl::Time now) {
  Flight flight = {.wish = std::move(wish)};
  const std::string message = MakeMessage(flight.wish, &flight.account_id);
  const absl::Time deadline = flight.wish.arrival + options_.patience;
  const int32_t stream = connections_[connection]->Begin(
      kPaths[static_cast<size_t>(flight.wish.kind)], deadline - now, message);
  const Name name = {.connection = static_cast<int>(connection), .stream = stream};
  flights_.emplace(name, std::move(flight));
  deadlines_.emplace(deadline, name);
}

void OpenLoad::OnEnd(int connection, int32_t stream, int grpc_status, const std::string& message) {
  const auto found = flights_.find({.connection = connection, .stream = stream});
  if (found == flights_.end()) return;
  const Flight flight = std::move(found->second);
  const Wish& wish = flight.wish;
  flights_.erase(found);
  const absl::Time now = clock_.Now();
  PhaseResult& result = results_[wish.phase];
  CallTally& tally = result.kinds[static_cast<size_t>(wish.kind)];
  LoadMoment* const moment = MomentOf(wish.phase, now);
  if (grpc_status == kOk) {
    ++tally.answered;
    tally.latencies.Add(now - wish.arrival);
    result.latencies.Add(now - wish.arrival);
    ++result.connections[static_cast<size_t>(connection)];
    ++moment->answered;
    moment->slowest_micros =
        std::max(moment->slowest_micros, absl::ToDoubleMicroseconds(now - wish.arrival));
  } else if (grpc_status == kResourceExhausted) {
    ++tally.refused;
    ++moment->refused;
  } else {
    ++tally.failed;
  }
  v1::AuthorizeResponse response;
  if (wish.kind != CallKind::kAuthorize || grpc_status != kOk) return;
  if (!response.ParseFromString(message) || response.hold_id() == 0) return;
  holds_.push_back({.account_id = flight.account_id, .hold_id = response.hold_id()});
}

void OpenLoad::GiveUpBefore(absl::Time now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Name name = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    const auto found = flights_.find(name);
    if (found == flights_.end()) continue;
    NoteGivenUp(found->second.wish, &CallTally::late, now);
    flights_.erase(found);
    connections_[static_cast<size_t>(name.connection)]->Cancel(name.stream);
  }
}

void OpenLoad::NoteGivenUp(const Wish& wish, int64_t CallTally::*what, absl::Time now) {
  ++(results_[wish.phase].kinds[static_cast<size_t>(wish.kind)].*what);
  ++MomentOf(wish.phase, now)->given_up;
}

absl::Status OpenLoad::Proceed(absl::Duration wait) {
  const absl::Time now = clock_.Now();
  GiveUpBefore(now);
  std::vector<pollfd> waiting;
  for (size_t i = 0; i < connections_.size(); ++i) {
    Http2Connection* const connection = connections_[i].get();
    Dispatch(i, now);
    if (!connection->Proceed()) return absl::UnavailableError("the server closed a connection");
    const short events = static_cast<short>(connection->has_more() ? POLLIN | POLLOUT : POLLIN);
    waiting.push_back({.fd = connection->descriptor(), .events = events, .revents = 0});
  }
  const timespec pause = absl::ToTimespec(wait);
  ppoll(waiting.data(), waiting.size(), &pause, nullptr);
  return absl::OkStatus();
}

LoadMoment* OpenLoad::MomentOf(size_t phase, absl::Time time) {
  std::vector<LoadMoment>& moments = results_[phase].moments;
  const int64_t index = (time - begins_[phase]) / kMoment;
  return &moments[std::min(static_cast<size_t>(std::max(index, int64_t{0})), moments.size() - 1)];
}

}  // namespace farebox::benchmark
