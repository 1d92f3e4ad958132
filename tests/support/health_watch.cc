#include "tests/support/health_watch.h"

#include <grpcpp/grpcpp.h>

#include <string>

#include "grpcpp/generic/generic_stub.h"
#include "storage/clock.h"

namespace farebox::testing {
namespace {

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

HealthWatch::HealthWatch(const std::string& address)
    : channel_(Connect(address)), listener_([this] { Listen(); }) {}

HealthWatch::~HealthWatch() {
  context_.TryCancel();
  listener_.join();
}

// The proto is not among Debian's packages: a request without fields, and answers of one field.
void HealthWatch::Listen() {
  constexpr char kServing = 1;
  grpc::GenericStub stub(channel_);
  grpc::CompletionQueue queue;
  void* tag = nullptr;
  bool ok = false;
  context_.set_wait_for_ready(true);
  const auto call = stub.PrepareCall(&context_, "/grpc.health.v1.Health/Watch", &queue);
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  grpc::Slice nothing;
  call->WriteLast(grpc::ByteBuffer(&nothing, 1), grpc::WriteOptions(), nullptr);
  queue.Next(&tag, &ok);
  grpc::ByteBuffer answer;
  while (ok) {
    call->Read(&answer, nullptr);
    queue.Next(&tag, &ok);
    grpc::Slice slice;
    if (!ok || !answer.DumpToSingleSlice(&slice).ok()) break;
    const bool is_serving = slice.size() == 2 && slice.begin()[1] == kServing;
    Note(is_serving ? Health::kServing : Health::kNotServing);
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  Note(Health::kGone);
}

void HealthWatch::Note(Health health) {
  MutexLock lock(&mu_);
  words_.push_back({.health = health, .time = SystemClock().Now()});
  changed_.SignalAll();
}

bool HealthWatch::Await(Health health, absl::Duration patience) {
  const absl::Time deadline = SystemClock().Now() + patience;
  MutexLock lock(&mu_);
  while (words_.empty() || words_.back().health != health) {
    const absl::Duration left = deadline - SystemClock().Now();
    if (left <= absl::ZeroDuration()) return false;
    changed_.WaitFor(&mu_, left);
  }
  return true;
}

std::vector<HealthWatch::Word> HealthWatch::words() const {
  MutexLock lock(&mu_);
  return words_;
}

}  // namespace farebox::testing
