// Each kind of damage that docs/operations.md tells of, on the real server, and what is typed then.

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "server/exit_codes.h"
#include "server/recharge/http_client.h"
#include "storage/clock.h"
#include "tests/client/program.h"
#include "tests/end_to_end/faulty_server.h"
#include "tests/support/await.h"

namespace farebox {
namespace {

namespace fs = std::filesystem;
using testing::Await;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using testing::Outcome;
using testing::RunFarebox;

class DamageTest : public FaultyServer {
 protected:
  void SetUp() override {
    fs::create_directory(Backups());
    Begin({.arguments = {"--backup-directory", Backups(), "--http-listen", http_address_}});
  }

  std::string Ledger() const { return absl::StrCat(directory_.path(), "/ledger"); }
  std::string Journal() const { return absl::StrCat(Ledger(), "/journal.db"); }
  std::string Backups() const { return absl::StrCat(directory_.path(), "/backups"); }

  Outcome Farebox(const std::vector<std::string>& arguments) {
    return RunFarebox(server_->address(), arguments);
  }

  // Nobody is told anything after the backup that is not in it.
  void BackUpAtRest() {
    load_->Stop();
    ExpectDone(Farebox({"backup", "--to", "last.db"}));
  }

  // One that tells when it is done.
  static void ExpectDone(const Outcome& outcome) { EXPECT_EQ(outcome.exit_code, 0) << outcome; }

  void Restore() {
    ExpectDone(Farebox({"restore", Backups() + "/last.db", "--data", Ledger(), "--replace"}));
  }

  // It does not start, and says why.
  void ExpectRefusesToStart(const std::string& saying) {
    server_->Launch();
    ASSERT_THAT(server_->AwaitExit(), Optional(server::kExitData)) << server_->Log();
    EXPECT_THAT(server_->Log(), HasSubstr(saying));
  }

  // Starts it, and has it verify.
  void ExpectGoesOn() {
    ASSERT_EQ(server_->Start(), absl::OkStatus()) << server_->Log();
    ExpectDone(Farebox({"verify"}));
  }

  // What grpc.health.v1.Health/Check answers for the whole server.
  static constexpr int kServing = 1;
  static constexpr int kNotServing = 2;
  int Health() {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    grpc::CompletionQueue queue;
    grpc::GenericStub stub(load_->channel());
    grpc::Slice nothing;
    const grpc::ByteBuffer request(&nothing, 1);
    const auto call =
        stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
    call->StartCall();
    grpc::ByteBuffer response;
    grpc::Status status;
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    std::vector<grpc::Slice> slices;
    // Field 1, the status.
    const bool is_read = status.ok() && response.Dump(&slices).ok() && !slices.empty() &&
                         slices[0].size() == 2 && slices[0].begin()[0] == 8;
    return is_read ? slices[0].begin()[1] : 0;
  }

  // Whether this is a line of the metrics.
  bool MetricsHave(const std::string& line) {
    server::HttpRequest request;
    request.method = "GET";
    request.url = absl::StrCat("http://", http_address_, "/metrics");
    const auto answer = http_.Send(request);
    return answer.ok() && absl::StrContains(answer->body, absl::StrCat("\n", line, "\n"));
  }

  // Another program with the journal open.
  class Stranger {
   public:
    Stranger(const std::string& path, const char* sql) {
      EXPECT_EQ(sqlite3_open(path.c_str(), &handle_), SQLITE_OK);
      sqlite3_busy_timeout(handle_, 10'000);
      EXPECT_EQ(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    }
    ~Stranger() { sqlite3_close(handle_); }

   private:
    sqlite3* handle_ = nullptr;
  };

  const std::string http_address_ = absl::StrCat("127.0.0.1:", testing::FreePort());
  server::HttpClient http_{{}};
};

// The number of the first page that has entries, from 1.
int FirstPageOfEntries(const std::string& journal) {
  sqlite3* handle = nullptr;
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_open_v2(journal.c_str(), &handle, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  EXPECT_EQ(sqlite3_prepare_v2(handle,
                               "SELECT min(pageno) FROM dbstat WHERE name = 'entry' "
                               "AND pagetype = 'leaf'",
                               -1, &statement, nullptr),
            SQLITE_OK);
  EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
  const int page = sqlite3_column_int(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  return page;
}

TEST_F(DamageTest, ALostLogIsNoticedAndTheBackupRestored) {
  BackUpAtRest();
  // Until the derived file has had what the log has.
  Pause(absl::Seconds(1));
  server_->Kill();
  fs::remove(Journal() + "-wal");

  ASSERT_NO_FATAL_FAILURE(ExpectRefusesToStart("derived.db has had it"));
  Restore();

  ExpectGoesOn();
}

TEST_F(DamageTest, ATornPageIsFoundByVerificationAndTheBackupRestored) {
  BackUpAtRest();
  ASSERT_EQ(server_->Terminate(), 0);
  {
    std::fstream file(Journal(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((FirstPageOfEntries(Journal()) - 1) * 4'096 + 2'048);
    file << std::string(512, '#');
  }

  const Outcome verified = Farebox({"verify", "--data", Ledger()});
  EXPECT_EQ(verified.exit_code, 5) << verified;
  Restore();
  ExpectDone(Farebox({"verify", "--data", Ledger()}));

  ExpectGoesOn();
}

TEST_F(DamageTest, AJournalThatIsGoneIsNotBegunAnewAndTheBackupRestored) {
  BackUpAtRest();
  ASSERT_EQ(server_->Terminate(), 0);
  fs::remove(Journal());

  ASSERT_NO_FATAL_FAILURE(ExpectRefusesToStart("is missing, but derived.db is there"));
  EXPECT_FALSE(fs::exists(Journal()));
  Restore();

  ExpectGoesOn();
}

TEST_F(DamageTest, AJournalThatIsDeletedUnderTheServerIsSaved) {
  fs::remove(Journal());

  ASSERT_THAT(server_->AwaitExit(), Optional(server::kExitSoftware)) << server_->Log();
  EXPECT_THAT(server_->Log(), HasSubstr("journal.db.rescued"));
  ASSERT_NO_FATAL_FAILURE(ExpectRefusesToStart("is missing"));
  fs::rename(Journal() + ".rescued", Backups() + "/last.db");
  Restore();
  ExpectGoesOn();

  // Everything that was acknowledged is there: see TearDown.
  EXPECT_TRUE(AwaitAcknowledged(100));
}

TEST_F(DamageTest, ALogOrSharedMemoryThatIsDeletedUnderTheServerLosesNothing) {
  for (const char* const suffix : {"-wal", "-shm"}) {
    SCOPED_TRACE(suffix);
    fs::remove(Journal() + suffix);
    ASSERT_THAT(server_->AwaitExit(), Optional(server::kExitSoftware)) << server_->Log();

    ExpectGoesOn();
    EXPECT_TRUE(AwaitAcknowledged(100));
  }
}

TEST_F(DamageTest, WhatIsDerivedIsMadeAnew) {
  for (const char* const name : {"derived.db", "journal.db-shm"}) {
    SCOPED_TRACE(name);
    server_->Kill();
    fs::remove(absl::StrCat(Ledger(), "/", name));

    ExpectGoesOn();
    EXPECT_TRUE(AwaitAcknowledged(100));
  }
}

TEST_F(DamageTest, AnotherProgramsLockIsToldAndNothingBreaks) {
  EXPECT_TRUE(MetricsHave("farebox_journal_locked 0"));
  EXPECT_TRUE(MetricsHave("farebox_journal_locks_total 0"));
  {
    const Stranger stranger(Journal(), "BEGIN IMMEDIATE");
    ASSERT_TRUE(Await([&] { return CountOf("14 STORAGE_LOCKED with RetryInfo") > 20; }));
    EXPECT_TRUE(Await([&] { return Health() == kNotServing; }));
    EXPECT_TRUE(Await([&] { return MetricsHave("farebox_journal_locked 1"); }));
    // Reads go on.
    EXPECT_LT(ReadTimeP80(), absl::Milliseconds(200));
  }

  EXPECT_TRUE(AwaitAcknowledged(100));
  EXPECT_TRUE(Await([&] { return Health() == kServing; }));
  EXPECT_TRUE(Await([&] { return MetricsHave("farebox_journal_locked 0"); }));
  EXPECT_FALSE(MetricsHave("farebox_journal_locks_total 0"));
  EXPECT_TRUE(server_->is_running());
  EXPECT_THAT(server_->Log(), HasSubstr("journal_locked"));
  EXPECT_THAT(server_->Log(), HasSubstr("journal_unlocked"));
  EXPECT_THAT(ErrorsBut({"14 STORAGE_LOCKED with RetryInfo"}), IsEmpty());
}

TEST_F(DamageTest, ALockOfHalfAMinuteIsOutlived) {
  constexpr int kSeconds = 30;
  {
    const Stranger stranger(Journal(), "BEGIN IMMEDIATE");
    ASSERT_TRUE(Await([&] { return Health() == kNotServing; }));
    for (int second = 0; second < kSeconds; ++second) {
      const int64_t refused = CountOf("14 STORAGE_LOCKED with RetryInfo");
      Pause(absl::Seconds(1));
      ASSERT_TRUE(server_->is_running()) << "after " << second << " s\n" << server_->Log();
      EXPECT_EQ(Health(), kNotServing);
      EXPECT_GT(CountOf("14 STORAGE_LOCKED with RetryInfo"), refused);
      EXPECT_LT(ReadTimeP80(), absl::Milliseconds(200));
    }
  }

  EXPECT_TRUE(Await([&] { return Health() == kServing; }));
  EXPECT_TRUE(AwaitAcknowledged(100));
  EXPECT_THAT(ErrorsBut({"14 STORAGE_LOCKED with RetryInfo"}), IsEmpty());
}

TEST_F(DamageTest, BackupsUnderLoadAreWholeAndDisturbNobody) {
  ExpectDone(Farebox({"backup", "--to", "a.db"}));
  for (int i = 0; i < 3; ++i) {
    ExpectDone(Farebox({"backup", "--to", "a.db", "--update"}));
    ExpectDone(Farebox({"verify", "--data", Backups() + "/a.db"}));
  }

  EXPECT_TRUE(AwaitAcknowledged(100));
  EXPECT_THAT(ErrorsBut({}), IsEmpty());
}

class FullBackupDiskTest : public DamageTest {
 protected:
  void SetUp() override {
    fs::create_directory(Backups());
    if (mount("none", Backups().c_str(), "tmpfs", 0, "size=4m") != 0) {
      GTEST_SKIP() << "only root can mount a small disk";
    }
    is_mounted_ = true;
    Begin({.arguments = {"--backup-directory", Backups(), "--free-disk-min", "1"}});
  }

  void TearDown() override {
    FaultyServer::TearDown();
    if (!is_mounted_) return;
    server_->Kill();
    EXPECT_EQ(umount(Backups().c_str()), 0);
  }

 private:
  bool is_mounted_ = false;
};

TEST_F(FullBackupDiskTest, ABackupThatDoesNotFitIsToldAndHarmsNobody) {
  std::ofstream(Backups() + "/filler") << std::string(3 << 20, 'f');

  const Outcome backup = Farebox({"backup", "--to", "a.db"});

  EXPECT_EQ(backup.exit_code, 4) << backup;
  EXPECT_THAT(backup.err, HasSubstr("STORAGE_FULL"));
  EXPECT_FALSE(fs::exists(Backups() + "/a.db"));
  EXPECT_TRUE(AwaitAcknowledged(100));
  EXPECT_THAT(ErrorsBut({}), IsEmpty());
}

}  // namespace
}  // namespace farebox
