#ifndef FAREBOX_TESTS_STORAGE_SQLITE_BACKUP_FIXTURE_H_
#define FAREBOX_TESTS_STORAGE_SQLITE_BACKUP_FIXTURE_H_

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/backup.h"
#include "tests/storage/sqlite/journal_fixture.h"

namespace farebox::sqlite {

// A journal, and a directory for its backups.
class BackupFixture : public SqliteJournalFixture {
 protected:
  void SetUp() override { std::filesystem::create_directory(backups()); }

  std::string Ledger() const { return directory_ / "ledger"; }
  std::string Journal() const { return directory_ / "ledger/journal.db"; }
  std::string backups() const { return directory_ / "backups"; }
  std::string Backup(const std::string& name) const { return absl::StrCat(backups(), "/", name); }

  BackupOrder Order(const std::string& name) const { return {.path = Backup(name)}; }
  BackupOrder Update(const std::string& name) const {
    return {.path = Backup(name), .updates = true};
  }
  // A backup of the first batch alone.
  void MakeOldBackup(const std::string& name);

  // A version of a deck, of so many pieces.
  void ImportDeck(const std::string& name, int pieces);
  // New documents with slots and times, and keys that count on from 0.
  void PutDocuments(int count);
  Document Find(const std::string& key);
  // Accounts, holds and what becomes of them, refunds: some hundred entries of many batches.
  void AppendLife();
  // Debits, a few thousand a batch.
  void AppendMany(int count);

  // Every row of every table, one a line.
  static std::vector<std::string> Rows(const std::string& path);
  static int64_t NumberIn(const std::string& path, const std::string& sql);
  static void Run(const std::string& path, const std::string& sql);
  // The page that begins the table of documents.
  static void DamageDocuments(const std::string& path);
  static BatchHead HeadOf(const std::string& path);
  // The names in a directory, in order.
  static std::vector<std::string> FilesOf(const std::string& directory);

  // The next key.
  int documents_ = 0;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_TESTS_STORAGE_SQLITE_BACKUP_FIXTURE_H_
