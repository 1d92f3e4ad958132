// When keys and sessions were used last, on disk.

#include <gmock/gmock.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/document_kinds.h"
#include "server/base/limits.h"
#include "server/security/api_keys.h"
#include "server/security/sessions.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/errors.h"
#include "storage/ledger.h"
#include "tests/support/memory_journal.h"

namespace farebox::server {
namespace {

// Counts the durable changes that documents are written by. Removes none while the disk is full.
class CountingCatalog final : public Catalog {
 public:
  explicit CountingCatalog(Catalog* catalog) : catalog_(catalog) {}

  absl::StatusOr<int64_t> BeginDeck(absl::string_view name) override {
    return catalog_->BeginDeck(name);
  }
  absl::Status AppendDeck(int64_t deck_id, absl::string_view csv) override {
    return catalog_->AppendDeck(deck_id, csv);
  }
  absl::StatusOr<DeckVersion> SealDeck(int64_t deck_id, int64_t row_count,
                                       absl::Time import_time) override {
    return catalog_->SealDeck(deck_id, row_count, import_time);
  }
  absl::StatusOr<std::vector<absl::Status>> PutDocuments(
      absl::Span<const DocumentGroup> groups) override {
    ++changes_;
    return catalog_->PutDocuments(groups);
  }
  absl::Status RemoveDocument(const Document& document) override {
    if (is_full_) return error::StorageFull("the test says so");
    ++changes_;
    return catalog_->RemoveDocument(document);
  }

  int changes() const { return changes_; }
  void set_full(bool is_full) { is_full_ = is_full; }

 private:
  Catalog* const catalog_;
  int changes_ = 0;
  bool is_full_ = false;
};

class CountingJournal final : public MemoryJournal {
 public:
  explicit CountingJournal(MemoryDisk* disk) : MemoryJournal(disk) {}

  CountingCatalog& catalog() override { return catalog_; }

 private:
  CountingCatalog catalog_{&MemoryJournal::catalog()};
};

class LastUseTest : public ::testing::Test {
 protected:
  static constexpr int kKeys = 2'000;

  std::unique_ptr<ApiKeys> LoadKeys() { return *ApiKeys::Load({}, &documents_, &clock_); }
  std::unique_ptr<Sessions> LoadSessions(const ApiKeys& keys) {
    return *Sessions::Load({}, &documents_, &keys, &clock_);
  }
  static ApiKeys::NewKey Make(ApiKeys* keys, int number) {
    v1::ApiKey wanted;
    wanted.set_role(v1::ROLE_CUSTOMER);
    wanted.add_account_ids(absl::StrCat("account-", number));
    return *keys->Create(wanted, /*account=*/0);
  }
  std::vector<ApiKeys::Listed> Listed(ApiKeys* keys) {
    return *keys->List(/*account=*/0, std::numeric_limits<int64_t>::max(), 2 * kKeys);
  }

  ManualClock clock_{absl::FromUnixSeconds(1'770'000'000)};
  MemoryDisk disk_;
  CountingJournal journal_{&disk_};
  std::unique_ptr<Ledger> ledger_ = *Ledger::Open({}, &journal_, &clock_);
  DocumentStore documents_{ledger_.get(), &journal_};
};

// Each was a commit of its own: a hand-over stood still for them.
TEST_F(LastUseTest, ThatOfManyKeysIsWrittenByFewCommits) {
  const std::unique_ptr<ApiKeys> keys = LoadKeys();
  for (int i = 0; i < kKeys; ++i) ASSERT_NE(keys->Find(Make(keys.get(), i).secret), nullptr);
  const int changes_before = journal_.catalog().changes();

  keys->WriteUse();

  EXPECT_LE(journal_.catalog().changes() - changes_before, 10);
  for (const ApiKeys::Listed& listed : Listed(LoadKeys().get())) {
    EXPECT_EQ(listed.key.last_used_time().seconds(), 1'770'000'000) << listed.key.key_id();
  }
}

TEST_F(LastUseTest, ThatOfManySessionsIsWrittenByFewCommits) {
  const std::unique_ptr<ApiKeys> keys = LoadKeys();
  const std::unique_ptr<Sessions> sessions = LoadSessions(*keys);
  std::vector<std::string> tokens;
  for (int i = 0; i < kKeys; ++i) {
    const CallerPtr signer = *sessions->FindSigner(Make(keys.get(), i).secret);
    tokens.push_back(sessions->OpenFor(*signer)->token);
  }
  clock_.Advance(absl::Hours(1));
  for (const std::string& token : tokens) ASSERT_TRUE(sessions->Find(token).has_value());
  const int changes_before = journal_.catalog().changes();

  sessions->WriteUse();

  EXPECT_LE(journal_.catalog().changes() - changes_before, 10);
  clock_.Advance(limits::kSessionIdleTime - absl::Minutes(30));
  const std::unique_ptr<Sessions> loaded = LoadSessions(*keys);
  for (const std::string& token : tokens) ASSERT_TRUE(loaded->Find(token).has_value());
}

TEST_F(LastUseTest, ItIsWrittenWithoutUndoingWhatAnotherHasChanged) {
  const std::unique_ptr<ApiKeys> keys = LoadKeys();
  const ApiKeys::NewKey made = Make(keys.get(), 1);
  ASSERT_NE(keys->Find(made.secret), nullptr);
  ASSERT_TRUE(keys->Revoke(made.key.key_id(), /*account=*/0).ok());

  keys->WriteUse();

  EXPECT_TRUE(Listed(keys.get())[0].key.has_revoke_time());
  EXPECT_TRUE(Listed(keys.get())[0].key.has_last_used_time());
}

// Once, it was good again after a restart.
TEST_F(LastUseTest, ASessionThatIsClosedOnAFullDiskIsOverAndRemovedLater) {
  const std::unique_ptr<ApiKeys> keys = LoadKeys();
  const std::unique_ptr<Sessions> sessions = LoadSessions(*keys);
  const std::string token =
      sessions->OpenFor(**sessions->FindSigner(Make(keys.get(), 1).secret))->token;
  journal_.catalog().set_full(true);

  EXPECT_EQ(GetReason(sessions->Close(token)), Reason::kStorageFull);
  EXPECT_FALSE(sessions->Find(token).has_value());

  journal_.catalog().set_full(false);
  sessions->RemoveOver([] { return true; });
  EXPECT_FALSE(LoadSessions(*keys)->Find(token).has_value());
}

// What is known of sessions that were begun without a key.
class KeylessSessionsTest : public LastUseTest {
 protected:
  static Caller CertificateCaller() {
    Caller caller;
    caller.name = "spiffe://example.com/desk";
    caller.role = v1::ROLE_ADMIN;
    return caller;
  }

  const std::unique_ptr<ApiKeys> keys_ = LoadKeys();
};

TEST_F(KeylessSessionsTest, ThatOfALinkByACertificateOutlivesARestart) {
  const std::unique_ptr<Sessions> sessions = LoadSessions(*keys_);
  const Sessions::Link link = sessions->MakeLink("acme", CertificateCaller());
  const std::string token = sessions->OpenWithCode(link.code)->token;

  EXPECT_TRUE(sessions->Find(token).has_value());
  EXPECT_TRUE(LoadSessions(*keys_)->Find(token).has_value());
}

// Written before it was noted how a session began.
TEST_F(KeylessSessionsTest, OneOfUnknownBeginningIsOverAndRemoved) {
  stored::v1::Session old;
  old.set_account_id("acme");
  old.set_create_micros(absl::ToUnixMicros(clock_.Now()));
  old.set_last_used_micros(absl::ToUnixMicros(clock_.Now()));
  const std::string digest = Sessions::DigestOf("token");
  ASSERT_TRUE(
      documents_.Put({{.kind = kSessions, .key = digest, .content = old.SerializeAsString()}})
          .ok());
  const std::unique_ptr<Sessions> sessions = LoadSessions(*keys_);

  EXPECT_FALSE(sessions->Find("token").has_value());
  EXPECT_EQ(sessions->FindCaller(digest), nullptr);

  sessions->RemoveOver([] { return true; });
  EXPECT_FALSE(documents_.Find(kSessions, digest)->has_value());
}

}  // namespace
}  // namespace farebox::server
