// The audit log: when its lines are written, and that a server which ends has said of each change
// what became of it.

#include "server/security/audit_log.h"

#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/ledger.h"
#include "tests/server/thread_gate.h"
#include "tests/support/memory_journal.h"

namespace farebox::server {
namespace {

using ::testing::SizeIs;

class AuditLogTest : public ::testing::Test {
 protected:
  static v1::AuditRecord Line(v1::AuditEvent event) {
    v1::AuditRecord line;
    line.set_call_id("call");
    line.set_event(event);
    return line;
  }

  ManualClock clock_{absl::FromUnixSeconds(1'770'000'000)};
  MemoryDisk disk_;
  MemoryJournal journal_{&disk_};
  std::unique_ptr<Ledger> ledger_ = *Ledger::Open({}, &journal_, &clock_);
  DocumentStore documents_{ledger_.get(), &journal_};
  AuditLog log_{&documents_, ledger_.get(), &clock_};
};

TEST_F(AuditLogTest, ADrainWaitsForTheLastLineOfAChange) {
  AuditLog::Change change(&log_);
  const std::future<void> drain = std::async(std::launch::async, [this] { log_.Drain(); });
  EXPECT_EQ(drain.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);

  change.End({Line(v1::AUDIT_EVENT_ANSWERED)}, [] {});
  drain.wait();

  EXPECT_THAT(log_.List(/*account=*/0, /*before=*/1'000, 10).value(), SizeIs(1));
}

// It may wait for a disk, and who asks may not.
TEST_F(AuditLogTest, HowItWasBeforeIsFoundOutOnAThreadOfItsOwn) {
  AuditLog::Change change(&log_);
  std::promise<absl::Status> noted;
  std::thread::id described_on;

  change.Begin(
      {Line(v1::AUDIT_EVENT_ASKED)},
      [&] {
        described_on = std::this_thread::get_id();
        return std::string("as it was");
      },
      [&](const absl::Status& status) { noted.set_value(status); });

  EXPECT_EQ(noted.get_future().get(), absl::OkStatus());
  EXPECT_NE(described_on, std::this_thread::get_id());
  const std::vector<v1::AuditRecord> lines = log_.List(/*account=*/0, /*before=*/1'000, 10).value();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].before_json(), "as it was");
}

// Once, whoever had stolen a key could keep it from being revoked by what else they did.
TEST_F(AuditLogTest, WhatIsToBeNextWaitsForNoOtherLineOfItsAccount) {
  v1::AuditRecord thiefs = Line(v1::AUDIT_EVENT_ASKED);
  thiefs.set_account_id("acme");
  thiefs.set_caller("key:stolen");
  v1::AuditRecord owners = thiefs;
  owners.set_caller("key:own");
  owners.set_call_id("revocation");
  ThreadGate gates[2];
  const auto hold_up = [&](ThreadGate* gate, Lanes::Turn turn) {
    const auto wait = [gate] {
      gate->Wait();
      return std::string();
    };
    AuditLog::Change(&log_, turn).Begin({thiefs}, wait, [](const absl::Status&) {});
    gate->AwaitReached();
  };
  hold_up(&gates[0], Lanes::Turn::kInOrder);
  hold_up(&gates[1], Lanes::Turn::kNext);

  AuditLog::Change revocation(&log_, Lanes::Turn::kNext);
  std::promise<absl::Status> asked;
  const auto note = [&asked](const absl::Status& status) { asked.set_value(status); };
  revocation.Begin(
      {owners}, [] { return std::string(); }, note);
  EXPECT_EQ(asked.get_future().get(), absl::OkStatus());
  owners.set_event(v1::AUDIT_EVENT_ANSWERED);
  std::promise<void> answered;
  revocation.End({owners}, [&answered] { answered.set_value(); });
  answered.get_future().wait();

  EXPECT_THAT(log_.List(/*account=*/0, /*before=*/1'000, 10).value(), SizeIs(2));
}

TEST_F(AuditLogTest, ADrainDoesNotWaitForEver) {
  AuditLog::Change change(&log_);

  log_.Drain();

  bool is_answered = false;
  change.End({Line(v1::AUDIT_EVENT_ANSWERED)}, [&] { is_answered = true; });
  EXPECT_TRUE(is_answered);
  EXPECT_EQ(log_.counts().lost, 1);
}

}  // namespace
}  // namespace farebox::server
