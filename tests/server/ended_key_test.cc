// What becomes of long calls when the key ends that they were begun with.

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/server/access_fixture.h"
#include "tests/server/backups_fixture.h"

namespace farebox::server {
namespace {

using ::grpc::StatusCode;

class EndedKeyTest : public AccessTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(Backups());
    AccessTest::SetUp();
    const v1::CreateApiKeyResponse made = MakeKey("role: ROLE_ADMIN");
    key_id_ = made.key().key_id();
    ended_ = ChannelWith(made.secret());
    SetDeadline(&context_);
  }
  Config MakeConfig() const override {
    Config config = AccessTest::MakeConfig();
    config.backup_directory = Backups();
    return config;
  }
  // More than is sent to a caller who does not read.
  std::string DeckCsv() const override {
    std::string csv = AccessTest::DeckCsv();
    for (int i = 0; i < 100'000; ++i) {
      absl::StrAppend(&csv, "OUTBOUND_CALL,7", i, ",,,,0.5,60,60,\n");
    }
    return csv;
  }

  std::string Backups() const { return absl::StrCat(directory_.path(), "/backups"); }

  void FillJournal(int batches) {
    for (const v1::ApplyBatchRequest& request : ManyDebits("acme", batches)) {
      ASSERT_TRUE(Send(request).status.ok());
    }
    // With sanitizers that took most of the time there was.
    SetDeadline(&context_);
  }

  void EndKey() {
    v1::RevokeApiKeyRequest revoke;
    revoke.set_key_id(key_id_);
    const auto revoked =
        CallBy<v1::RevokeApiKeyResponse>(channel_, "AccessService/RevokeApiKey", revoke);
    ASSERT_TRUE(revoked.status.ok()) << revoked.status.error_message();
    clock_.Advance(absl::Seconds(1));
  }

  // How a stream ends that is read from now on.
  template <typename Response>
  static StatusCode EndOf(grpc::ClientReader<Response>* reader) {
    Response piece;
    while (reader->Read(&piece)) continue;
    return reader->Finish().error_code();
  }

  std::string key_id_;
  std::shared_ptr<grpc::Channel> ended_;
  grpc::ClientContext context_;
};

TEST_F(EndedKeyTest, AnExportOfRatesEnds) {
  const auto stub = v1::RateService::NewStub(ended_);
  const auto reader =
      stub->ExportRates(&context_, Parse<v1::ExportRatesRequest>("deck: 'standard'"));
  v1::ExportRatesResponse piece;
  ASSERT_TRUE(reader->Read(&piece));

  EndKey();

  EXPECT_EQ(EndOf(reader.get()), StatusCode::UNAUTHENTICATED);
}

TEST_F(EndedKeyTest, AnExportOfActivityEnds) {
  // More than is on its way before anybody reads it.
  FillJournal(10);
  const auto stub = v1::AccountService::NewStub(ended_);
  const auto reader =
      stub->ExportActivity(&context_, Parse<v1::ExportActivityRequest>("account_id: 'acme'"));
  v1::ExportActivityResponse piece;
  ASSERT_TRUE(reader->Read(&piece));

  EndKey();

  EXPECT_EQ(EndOf(reader.get()), StatusCode::UNAUTHENTICATED);
}

TEST_F(EndedKeyTest, ABackupIsGivenUp) {
  FillJournal(20);
  const auto stub = v1::OperationsService::NewStub(ended_);
  const auto reader = stub->Backup(&context_, Parse<v1::BackupRequest>("file_name: 'a.db'"));
  v1::BackupResponse told;
  ASSERT_TRUE(reader->Read(&told));

  EndKey();

  EXPECT_EQ(EndOf(reader.get()), StatusCode::UNAUTHENTICATED);
  EXPECT_FALSE(std::filesystem::exists(absl::StrCat(Backups(), "/a.db")));
}

class ImportOfEndedKeyTest : public EndedKeyTest {
 protected:
  void SetUp() override {
    EndedKeyTest::SetUp();
    stub_ = v1::RateService::NewStub(ended_);
    writer_ = stub_->ImportRates(&context_, &imported_);
    ASSERT_TRUE(writer_->Write(piece_));
    // By the same connection: the server has read the piece before it.
    grpc::ClientContext context;
    v1::ListRateDecksResponse decks;
    ASSERT_TRUE(stub_->ListRateDecks(&context, {}, &decks).ok());
  }

  const v1::ImportRatesRequest piece_ = Parse<v1::ImportRatesRequest>(
      "deck: 'small' csv: 'item,prefix,rate_per_minute\\nOUTBOUND_CALL,1,0.6\\n'");
  v1::ImportRatesResponse imported_;
  std::unique_ptr<v1::RateService::Stub> stub_;
  std::unique_ptr<grpc::ClientWriter<v1::ImportRatesRequest>> writer_;
};

TEST_F(ImportOfEndedKeyTest, ADeckThatHasComeWholeIsNotTaken) {
  EndKey();
  writer_->WritesDone();

  EXPECT_EQ(writer_->Finish().error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Send<v1::ListRateDecksRequest>("")->rate_decks_size(), 1);
}

TEST_F(ImportOfEndedKeyTest, NoFurtherPieceIsTaken) {
  EndKey();
  writer_->Write(piece_);

  EXPECT_EQ(writer_->Finish().error_code(), StatusCode::UNAUTHENTICATED);
}

}  // namespace
}  // namespace farebox::server
