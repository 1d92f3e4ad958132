// Backups over a real socket: who may have them made, and what they are told.

#include "tests/server/backups_fixture.h"

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "storage/hash_chain.h"
#include "storage/sqlite/sqlite_journal.h"
#include "storage/verify.h"
#include "tests/server/server_fixture.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class BackupsTest : public ServerTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(Directory());
    ServerTest::SetUp();
    OpenAccount("acme", 20'000'000);
  }

  Config MakeConfig() const override {
    Config config = ServerTest::MakeConfig();
    config.backup_directory = Directory();
    return config;
  }

  std::string Directory() const { return absl::StrCat(directory_.path(), "/backups"); }

  BackupAnswer Backup(absl::string_view request) {
    grpc::ClientContext context;
    SetDeadline(&context);
    return MakeBackup(operations_.get(), Parse<v1::BackupRequest>(request), &context);
  }

  // What one that is whole verifies to.
  VerifyReport Verify(const std::string& name) {
    const auto reader = sqlite::OpenOfflineReader(absl::StrCat(Directory(), "/", name));
    FAREBOX_CHECK(reader.ok());
    return VerifyJournal(reader->get()).value();
  }

  std::vector<std::string> Files() {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(Directory())) {
      if (file.path().filename() != "lock") names.push_back(file.path().filename());
    }
    return names;
  }

  // Enough for a backup to take a while.
  void FillJournal() {
    for (const v1::ApplyBatchRequest& request : ManyDebits("acme", 20)) {
      ASSERT_TRUE(Send(request).status.ok());
    }
  }

  // Returns when the backup is under way, and has most of its way to go.
  static void AwaitStep(grpc::ClientReader<v1::BackupResponse>* stream) {
    v1::BackupResponse told;
    ASSERT_TRUE(stream->Read(&told));
    ASSERT_TRUE(told.has_progress());
    ASSERT_LT(told.progress().entries_done(), told.progress().entries_total() / 2);
  }

  // Returns when no backup is under way.
  void AwaitIdle() {
    BackupAnswer answer;
    testing::Await([&] {
      answer = Backup("file_name: 'last.db' update: true");
      return answer.status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED;
    });
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  }
};

TEST_F(BackupsTest, TheAnswerTellsWhatIsInTheBackup) {
  const BackupAnswer answer = Backup("file_name: 'a.db'");

  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  const VerifyReport report = Verify("a.db");
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(answer->file_name(), "a.db");
  EXPECT_EQ(answer->head_entry_id(), report.entries);
  EXPECT_EQ(answer->entries_copied(), report.entries);
  EXPECT_EQ(answer->head_hash(), HexOf(report.head.hash));
  EXPECT_EQ(answer->head_time().seconds(), absl::ToUnixSeconds(report.head.time));
  EXPECT_GT(answer->file_bytes(), 4'096);
}

TEST_F(BackupsTest, ABackupWithoutANameIsNamedByTheTime) {
  const BackupAnswer answer = Backup("");

  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer->file_name(), "20260101T000000Z.db");
  EXPECT_TRUE(Verify(answer->file_name()).ok());
}

TEST_F(BackupsTest, ANameIsNoPath) {
  for (const std::string& name :
       {std::string("../a.db"), std::string("/tmp/a.db"), std::string("a/b.db"), std::string(".db"),
        std::string(".a.db"), std::string("a"), std::string("a.db\n"), std::string("a b.db"),
        std::string("a.db-wal"), std::string("a.db.unfinished"), std::string("lock"),
        std::string("a\0.db", 5), std::string("\xc3\xa4.db"), std::string(98, 'a') + ".db"}) {
    SCOPED_TRACE(name);
    v1::BackupRequest request;
    request.set_file_name(name);
    grpc::ClientContext context;
    SetDeadline(&context);

    EXPECT_THAT(MakeBackup(operations_.get(), request, &context), BlamesField("file_name"));
  }
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(BackupsTest, ABackupIsOnlyReplacedByItsUpdate) {
  ASSERT_TRUE(Backup("file_name: 'a.db'").status.ok());
  ASSERT_TRUE(Send<v1::DebitRequest>("account_id: 'acme' request_id: 'd' amount_micros: 1 item: "
                                     "ITEM_ADJUSTMENT")
                  .status.ok());

  EXPECT_THAT(Backup("file_name: 'a.db'"),
              FailsWith(grpc::StatusCode::ALREADY_EXISTS, "BACKUP_EXISTS"));
  const BackupAnswer update = Backup("file_name: 'a.db' update: true");

  ASSERT_TRUE(update.status.ok()) << update.status.error_message();
  EXPECT_EQ(update->entries_copied(), 1);
  EXPECT_EQ(Verify("a.db").entries, update->head_entry_id());
}

TEST_F(BackupsTest, OnlyOneIsMadeAtATime) {
  FillJournal();
  std::vector<BackupAnswer> answers(4);
  std::vector<std::thread> callers;
  for (size_t i = 0; i < answers.size(); ++i) {
    callers.emplace_back(
        [this, i, &answers] { answers[i] = Backup(absl::Substitute("file_name: '$0.db'", i)); });
  }
  for (std::thread& caller : callers) caller.join();

  size_t made = 0;
  for (const BackupAnswer& answer : answers) {
    made += answer.status.ok() ? 1 : 0;
    EXPECT_TRUE(answer.status.ok() ||
                answer.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
  EXPECT_GE(made, size_t{1});
  EXPECT_LT(made, answers.size());
  EXPECT_EQ(Files().size(), made);
}

TEST_F(BackupsTest, OneWhoseCallerIsGoneIsGivenUp) {
  FillJournal();
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = operations_->Backup(&context, Parse<v1::BackupRequest>("file_name: 'a.db'"));
  AwaitStep(stream.get());

  context.TryCancel();

  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  AwaitIdle();
  EXPECT_THAT(Files(), ElementsAre("last.db"));
}

TEST_F(BackupsTest, AServerThatStopsGivesItUp) {
  FillJournal();
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = operations_->Backup(&context, Parse<v1::BackupRequest>("file_name: 'a.db'"));
  AwaitStep(stream.get());

  Restart();

  EXPECT_FALSE(stream->Finish().ok());
  EXPECT_THAT(Files(), IsEmpty());
}

class NoBackupsTest : public ServerTest {};

TEST_F(NoBackupsTest, WithoutADirectoryNoneAreMade) {
  grpc::ClientContext context;
  SetDeadline(&context);

  EXPECT_THAT(MakeBackup(operations_.get(), {}, &context),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "BACKUPS_OFF"));
}

TEST_F(NoBackupsTest, ADirectoryThatCannotBeOneEndsTheStart) {
  for (const std::string& directory :
       {absl::StrCat(directory_.path(), "/nowhere"), MakeConfig().data_directory}) {
    Config config = MakeConfig();
    config.data_directory = absl::StrCat(directory_.path(), "/data");
    config.backup_directory = directory;
    Stop();

    const auto server = Server::Start(config, &clock_, [](const absl::Status&) {});

    EXPECT_TRUE(absl::IsInvalidArgument(server.status())) << server.status();
    Start();
  }
}

}  // namespace
}  // namespace farebox::server
