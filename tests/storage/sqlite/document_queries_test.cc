// What a page of documents costs does not grow with how many there are: no query sorts or scans.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "storage/catalog.h"
#include "storage/document.h"
#include "storage/journal.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

// The statements that read documents and had to sort, or to go through a table.
std::vector<std::string> costly_queries;

int NoteStatement(unsigned /*event*/, void* /*context*/, void* statement, void* /*taken*/) {
  auto* const query = static_cast<sqlite3_stmt*>(statement);
  const std::string sql = sqlite3_sql(query);
  const int sorts = sqlite3_stmt_status(query, SQLITE_STMTSTATUS_SORT, 0);
  const int scanned = sqlite3_stmt_status(query, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);
  if (sql.find("FROM document") != std::string::npos && sorts + scanned > 0) {
    costly_queries.push_back(sql);
  }
  return 0;
}

// Every connection from now on tells of each statement when it has run.
int Watch(sqlite3* database, char** /*error*/, const sqlite3_api_routines* /*routines*/) {
  return sqlite3_trace_v2(database, SQLITE_TRACE_PROFILE, NoteStatement, nullptr);
}

class DocumentQueriesTest : public SqliteJournalFixture {
 protected:
  static constexpr int64_t kNewest = std::numeric_limits<int64_t>::max();

  DocumentQueriesTest() {
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(Watch));
    costly_queries.clear();
    OpenJournal();
    std::vector<DocumentGroup> groups;
    for (int i = 0; i < 100; ++i) {
      const std::string name = std::to_string(i);
      groups.push_back({{.kind = static_cast<DocumentKind>(1 + i % 2),
                         .key = name,
                         .account = 1 + i % 3,
                         .slot = name,
                         .due = Start() + absl::Seconds(i)}});
    }
    EXPECT_THAT(journal_->catalog().PutDocuments(groups), IsOk());
    reader_ = journal_->NewReader().value();
  }
  ~DocumentQueriesTest() override {
    reader_.reset();
    journal_.reset();
    sqlite3_reset_auto_extension();
  }

  CatalogReader& documents() { return reader_->catalog(); }

 private:
  std::unique_ptr<JournalReader> reader_;
};

TEST_F(DocumentQueriesTest, NoPageIsSortedOrSearchedFor) {
  EXPECT_EQ(documents().ListDocuments(1, /*account=*/0, kNewest, 10)->size(), 10u);
  EXPECT_EQ(documents().ListDocuments(1, /*account=*/1, kNewest, 10)->size(), 10u);
  EXPECT_EQ(documents().ListDueDocuments(1, Start() + absl::Seconds(50), 10)->size(), 10u);
  EXPECT_TRUE(documents().FindDocument(1, "0")->has_value());
  EXPECT_TRUE(documents().FindDocumentInSlot(1, "0")->has_value());

  EXPECT_THAT(costly_queries, ::testing::IsEmpty());
}

}  // namespace
}  // namespace farebox::sqlite
