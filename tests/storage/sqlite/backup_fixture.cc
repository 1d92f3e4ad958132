#include "tests/storage/sqlite/backup_fixture.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "storage/check.h"
#include "storage/sqlite/connection.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

constexpr DocumentKind kKind = 1;
constexpr int kDebitsOfABatch = 5'000;

Connection Open(const std::string& path) {
  absl::StatusOr<Connection> connection = Connection::Open(path, {});
  FAREBOX_CHECK(connection.ok());
  return *std::move(connection);
}

void AddRows(Connection* connection, const std::string& table, std::vector<std::string>* lines) {
  absl::StatusOr<Statement> rows =
      connection->Prepare(absl::StrCat("SELECT * FROM ", table, " ORDER BY 1, 2"));
  FAREBOX_CHECK(rows.ok());
  while (rows->Step() == SQLITE_ROW) {
    std::string line = table;
    const int columns = sqlite3_column_count(sqlite3_next_stmt(connection->handle(), nullptr));
    for (int column = 0; column < columns; ++column) {
      const int type = rows->Type(column);
      absl::StrAppend(&line, " ", type, ":",
                      type == SQLITE_NULL ? "" : absl::CEscape(rows->Bytes(column)));
    }
    lines->push_back(std::move(line));
  }
}

}  // namespace

void BackupFixture::ImportDeck(const std::string& name, int pieces) {
  Catalog& catalog = journal_->catalog();
  const absl::StatusOr<int64_t> deck = catalog.BeginDeck(name);
  ASSERT_THAT(deck, IsOk());
  for (int piece = 0; piece < pieces; ++piece) {
    const std::string csv = absl::StrCat("piece ", piece, std::string(5'000, ','));
    ASSERT_THAT(catalog.AppendDeck(*deck, csv), IsOk());
  }
  ASSERT_THAT(catalog.SealDeck(*deck, pieces, clock_.Now()), IsOk());
}

void BackupFixture::PutDocuments(int count) {
  std::vector<DocumentGroup> groups;
  for (int i = 0; i < count; ++i) {
    const std::string key = absl::StrCat(documents_++);
    groups.push_back({{.kind = kKind,
                       .key = key,
                       .account = 1,
                       .slot = absl::StrCat("slot ", key),
                       .due = clock_.Now() + absl::Seconds(i),
                       .content = std::string(static_cast<size_t>(i % 300), 'x')}});
  }
  ASSERT_THAT(journal_->catalog().PutDocuments(groups), IsOk());
}

Document BackupFixture::Find(const std::string& key) {
  return journal_->NewReader().value()->catalog().FindDocument(kKind, key).value().value();
}

void BackupFixture::AppendLife() {
  constexpr int kAccounts = 10;
  OpenAccounts(kAccounts);
  for (int batch = 0; batch < 40; ++batch) {
    const AccountNumber account = 1 + batch % kAccounts;
    std::vector<Entry> entries = {maker_.Debit(account, 5)};
    const Entry hold = entries.emplace_back(maker_.Hold(account, 500, absl::Minutes(5)));
    entries.push_back(maker_.Charge(account, hold.id, 100));
    if (batch % 2 == 0) entries.push_back(maker_.Settle(account, hold.id, 400));
    if (batch % 5 == 0) entries.push_back(maker_.Credit(account, 1, entries[0].id));
    Append(entries);
  }
}

void BackupFixture::AppendMany(int count) {
  if (journal_->Head().number == 0) OpenAccounts(10);
  while (count > 0) {
    std::vector<Entry> entries;
    for (; count > 0 && entries.size() < kDebitsOfABatch; --count) {
      entries.push_back(maker_.Debit(1 + count % 3, 1));
    }
    Append(entries);
  }
}

void BackupFixture::MakeOldBackup(const std::string& name) {
  ASSERT_THAT(journal_->Backup(Order(name)), IsOk());
  Run(Backup(name),
      "DROP TRIGGER entry_is_never_deleted; DROP TRIGGER batch_is_never_deleted;"
      "DELETE FROM entry WHERE id > (SELECT last FROM batch WHERE number = 1);"
      "DELETE FROM batch WHERE number > 1; DELETE FROM document; DELETE FROM deck;"
      "DELETE FROM deck_chunk");
}

void BackupFixture::DamageDocuments(const std::string& path) {
  const int64_t bytes = NumberIn(path, "PRAGMA page_size");
  const int64_t page = NumberIn(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'document'");
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp((page - 1) * bytes);
  file << std::string(static_cast<size_t>(bytes), 'x');
  ASSERT_TRUE(file.flush().good());
}

std::vector<std::string> BackupFixture::Rows(const std::string& path) {
  Connection connection = Open(path);
  std::vector<std::string> lines;
  for (const char* const table : {"entry", "batch", "deck", "deck_chunk", "document"}) {
    AddRows(&connection, table, &lines);
  }
  return lines;
}

int64_t BackupFixture::NumberIn(const std::string& path, const std::string& sql) {
  return Open(path).QueryInt64(sql).value();
}

void BackupFixture::Run(const std::string& path, const std::string& sql) {
  const absl::Status status = Open(path).Execute(sql);
  ASSERT_THAT(status, IsOk());
}

BatchHead BackupFixture::HeadOf(const std::string& path) {
  BatchHead head;
  const auto reader = OpenOfflineReader(path);
  EXPECT_THAT(reader, IsOk());
  EXPECT_THAT((*reader)->ScanBatches(1,
                                     [&](const BatchHead& batch) {
                                       head = batch;
                                       return true;
                                     }),
              IsOk());
  return head;
}

std::vector<std::string> BackupFixture::FilesOf(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    names.push_back(file.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace farebox::sqlite
