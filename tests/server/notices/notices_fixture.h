#ifndef FAREBOX_TESTS_SERVER_NOTICES_NOTICES_FIXTURE_H_
#define FAREBOX_TESTS_SERVER_NOTICES_NOTICES_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/mail.pb.h"
#include "farebox/stored/v1/recharge.pb.h"
#include "server/notices/notices.h"
#include "server/outbox/stationery.h"
#include "storage/document_store.h"
#include "storage/ledger.h"
#include "tests/storage/commands.h"
#include "tests/support/memory_journal.h"

namespace farebox::server {

// A ledger in memory that outlives its process, with accounts whose owners have addresses.
class NoticesTest : public ::testing::Test {
 protected:
  NoticesTest() { Restart(); }

  // What a new process finds.
  void Restart();

  // Opens it with this much money, and a low-balance threshold of 10.00.
  void Open(const std::string& account, Micros balance,
            const std::string& email = "ada@example.com");
  void Spend(const std::string& account, Micros amount);
  void PayIn(const std::string& account, Micros amount);
  AccountFacts Account(const std::string& account);

  // Puts the card on file, with its reminder.
  void PutCard(const std::string& account, const std::string& token, int month, int year);
  stored::v1::PaymentProfile Profile(const std::string& account);
  void ChangeProfile(const std::string& account,
                     const std::function<void(stored::v1::PaymentProfile*)>& change);

  // Keys, oldest first.
  std::vector<std::string> Mails();
  stored::v1::StoredMail Mail(const std::string& key);

  ManualClock clock_{
      absl::FromCivil(absl::CivilSecond(2026, 3, 10, 12, 0, 0), absl::UTCTimeZone())};
  const Stationery stationery_{{.sender_name = "Example Telecom", .sender_domain = "example.org"}};
  MemoryDisk disk_;
  std::unique_ptr<MemoryJournal> journal_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<DocumentStore> documents_;
  std::unique_ptr<Notices> notices_;
  // The ledger was just restored.
  bool is_held_ = false;
};

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_NOTICES_NOTICES_FIXTURE_H_
