// WatchAccount: every entry once and in order, and signals.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

class Watch : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    OpenAccount("alice", 1'000'000);
    OpenAccount("bob", 1'000'000);
  }

  // An open WatchAccount stream.
  class Stream {
   public:
    Stream(v1::BillingService::Stub* stub, const v1::WatchAccountRequest& request) {
      SetDeadline(&context_);
      reader_ = stub->WatchAccount(&context_, request);
      // The server says so when it has begun to watch.
      reader_->WaitForInitialMetadata();
    }
    ~Stream() { Cancel(); }

    v1::WatchAccountResponse Next() {
      v1::WatchAccountResponse event;
      if (!reader_->Read(&event)) event.Clear();
      return event;
    }
    // Skips entries.
    v1::Signal NextSignal() {
      v1::WatchAccountResponse event;
      while (reader_->Read(&event)) {
        if (event.has_signal()) return event.signal();
      }
      return {};
    }
    // The ids of the next entries.
    std::vector<int64_t> NextEntries(size_t count) {
      std::vector<int64_t> ids;
      v1::WatchAccountResponse event;
      while (ids.size() < count && reader_->Read(&event)) {
        if (event.has_entry()) ids.push_back(event.entry().entry_id());
      }
      return ids;
    }
    void Cancel() { context_.TryCancel(); }
    grpc::Status Finish() { return reader_->Finish(); }

   private:
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientReader<v1::WatchAccountResponse>> reader_;
  };

  std::unique_ptr<Stream> Begin(absl::string_view request) {
    return std::make_unique<Stream>(billing_.get(), Parse<v1::WatchAccountRequest>(request));
  }

  int64_t Debit(absl::string_view account, absl::string_view request_id) {
    return Send<v1::DebitRequest>(
               absl::Substitute(
                   "account_id: '$0' request_id: '$1' amount_micros: 1 item: ITEM_ADJUSTMENT",
                   account, request_id))
        ->entry()
        .entry_id();
  }
};

TEST_F(Watch, SendsWhatIsNewOfOneAccount) {
  const auto stream = Begin("account_id: 'alice'");

  Debit("bob", "1");
  const int64_t id = Debit("alice", "2");

  EXPECT_THAT(stream->Next(),
              Shows(absl::Substitute("entry { entry_id: $0 account_id: 'alice' request_id: '2' "
                                     "amount_micros: -1 }",
                                     id)));
}

TEST_F(Watch, SendsWhatIsNewOfAllAccounts) {
  const auto stream = Begin("");

  Debit("bob", "1");
  Debit("alice", "2");

  EXPECT_THAT(stream->Next(), Shows("entry { account_id: 'bob' request_id: '1' }"));
  EXPECT_THAT(stream->Next(), Shows("entry { account_id: 'alice' request_id: '2' }"));
}

TEST_F(Watch, CatchesUpFromAnEntryAndGoesOnWithoutAGap) {
  std::vector<int64_t> expected;
  for (int i = 0; i < 700; ++i) {
    const int64_t id = Debit(i % 2 == 0 ? "alice" : "bob", absl::StrCat("d", i));
    if (i % 2 == 0) expected.push_back(id);
  }
  const auto one = Begin(absl::StrCat("account_id: 'alice' from_entry_id: ", expected[9]));
  const auto all = Begin("from_entry_id: 1");
  expected.push_back(Debit("alice", "last"));

  expected.erase(expected.begin(), expected.begin() + 10);
  EXPECT_EQ(one->NextEntries(expected.size()), expected);
  const std::vector<int64_t> ids = all->NextEntries(static_cast<size_t>(expected.back()) - 1);
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], static_cast<int64_t>(i) + 2);
  EXPECT_EQ(ids.back(), expected.back());
}

TEST_F(Watch, MissesNothingAndRepeatsNothingUnderLoad) {
  constexpr int kWriters = 8;
  constexpr int kBatches = 20;
  constexpr int kBatchSize = 50;
  const int64_t first = Send<v1::GetStatusRequest>("")->entries() + 1;
  const size_t count = static_cast<size_t>(kWriters) * kBatches * kBatchSize;
  const auto write = [&](int writer) {
    for (int i = 0; i < kBatches; ++i) {
      v1::ApplyBatchRequest batch;
      for (int j = 0; j < kBatchSize; ++j) {
        *batch.add_operations() = Parse<v1::Operation>(absl::Substitute(
            "debit { account_id: '$0' request_id: '$0-$1-$2-$3' amount_micros: 1 item: "
            "ITEM_ADJUSTMENT }",
            writer % 2 == 0 ? "alice" : "bob", writer, i, j));
      }
      EXPECT_TRUE(Send(batch).status.ok());
    }
  };

  const auto early = Begin("");
  const auto one = Begin("account_id: 'alice'");
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) writers.emplace_back(write, i);
  // Begins in the middle of it.
  const auto late = Begin(absl::StrCat("from_entry_id: ", first - 1));
  const std::vector<int64_t> early_ids = early->NextEntries(count);
  const std::vector<int64_t> late_ids = late->NextEntries(count);
  const std::vector<int64_t> one_ids = one->NextEntries(count / 2);
  for (std::thread& writer : writers) writer.join();

  ASSERT_EQ(early_ids.size(), count);
  for (size_t i = 0; i < count; ++i) EXPECT_EQ(early_ids[i], first + static_cast<int64_t>(i));
  EXPECT_EQ(late_ids, early_ids);
  EXPECT_EQ(one_ids.size(), count / 2);
  EXPECT_TRUE(std::is_sorted(one_ids.begin(), one_ids.end()));
  EXPECT_EQ(std::adjacent_find(one_ids.begin(), one_ids.end()), one_ids.end());
}

TEST_F(Watch, TellsOfALowBalance) {
  Send<v1::UpdateAccountRequest>(
      "account { account_id: 'alice' low_balance_threshold_micros: 1000000 } update_mask { paths: "
      "'low_balance_threshold_micros' } request_id: 'low'");
  const auto stream = Begin("account_id: 'alice'");

  Debit("bob", "1");
  Debit("alice", "2");

  EXPECT_THAT(stream->NextSignal(),
              Shows("kind: KIND_LOW_BALANCE account_id: 'alice' available_micros: 999999"));
}

TEST_F(Watch, TellsOfAHoldThatIsAboutToExpireAndOfItsEnd) {
  const auto hold = AuthorizeCall("alice", "a", 60);
  const auto stream = Begin("account_id: 'alice'");

  Advance(absl::Seconds(170));
  EXPECT_THAT(stream->NextSignal(),
              Shows(absl::StrCat("kind: KIND_HOLD_EXPIRING hold_id: ", hold->hold_id())));
  Advance(absl::Seconds(10));
  EXPECT_THAT(stream->NextSignal(),
              Shows(absl::StrCat("kind: KIND_DISCONNECT hold_id: ", hold->hold_id())));
}

TEST_F(Watch, TellsToDisconnectTheCallsOfASuspendedAccount) {
  const auto hold = AuthorizeCall("alice", "a", 60);
  const auto stream = Begin("");

  Send<v1::SuspendAccountRequest>("account_id: 'alice' request_id: 's'");

  EXPECT_THAT(
      stream->NextSignal(),
      Shows(absl::StrCat("kind: KIND_DISCONNECT account_id: 'alice' hold_id: ", hold->hold_id())));
}

// The hub may be about to tell a watcher that is going.
TEST_F(Watch, MayEndWhileSignalsAreTold) {
  constexpr int kThreads = 4;
  constexpr int kWatchesOfEach = 100;
  OpenAccount("carol", 100'000'000);
  for (int i = 0; i < 20; ++i) AuthorizeCall("carol", absl::StrCat("hold", i), 60);
  std::atomic<int> left{kThreads};
  std::vector<std::thread> watchers;
  for (int i = 0; i < kThreads; ++i) {
    watchers.emplace_back([&] {
      for (int j = 0; j < kWatchesOfEach; ++j) Begin("account_id: 'carol'");
      --left;
    });
  }

  // Each tells as many signals as there are holds.
  for (int i = 0; left > 0; ++i) {
    Send<v1::SuspendAccountRequest>(absl::Substitute("account_id: 'carol' request_id: 's$0'", i));
    Send<v1::ResumeAccountRequest>(absl::Substitute("account_id: 'carol' request_id: 'r$0'", i));
  }
  for (std::thread& watcher : watchers) watcher.join();

  const auto stream = Begin("account_id: 'carol'");
  const int64_t id = Debit("carol", "1");
  EXPECT_EQ(stream->NextEntries(1), std::vector<int64_t>{id});
}

// As after a backup was restored that is older than what the watcher has seen.
TEST_F(Watch, RefusesToGoOnAfterAnEntryThatIsNotThere) {
  const int64_t last = Debit("alice", "1");

  const grpc::Status status = Begin(absl::StrCat("from_entry_id: ", last + 1))->Finish();

  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr(absl::StrCat("the ledger ends with entry ", last)));
  const auto stream = Begin(absl::StrCat("from_entry_id: ", last));
  const int64_t next = Debit("bob", "2");
  EXPECT_EQ(stream->NextEntries(1), std::vector<int64_t>{next});
}

TEST_F(Watch, RefusesUnknownAccountsAndCountsItsWatchers) {
  EXPECT_EQ(Begin("account_id: 'nobody'")->Finish().error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(Begin("from_entry_id: -1")->Finish().error_code(), StatusCode::INVALID_ARGUMENT);

  const auto stream = Begin("account_id: 'alice'");
  EXPECT_EQ(Send<v1::GetStatusRequest>("")->watchers(), 1);
}

}  // namespace
}  // namespace farebox::server
