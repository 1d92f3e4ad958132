#ifndef FAREBOX_TESTS_SERVER_OUTBOX_OUTBOX_FIXTURE_H_
#define FAREBOX_TESTS_SERVER_OUTBOX_OUTBOX_FIXTURE_H_

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "farebox/stored/v1/mail.pb.h"
#include "server/mail/mail_sender.h"
#include "server/outbox/mailer.h"
#include "storage/document_store.h"
#include "storage/ledger.h"
#include "tests/support/memory_journal.h"

namespace farebox::server {

// Takes mails as a test says, and remembers what it took.
class FakeSender : public mail::MailSender {
 public:
  Result Send(const mail::Mail& mail) override;
  void BreakOff() override { ++breaks; }

  // What the next mails meet; after that, and by default, `otherwise`.
  std::deque<Outcome> next;
  Outcome otherwise = Outcome::kSent;
  // What it says; "answer 1", "answer 2"... where this is empty.
  std::string words;
  // Runs within each try.
  std::function<void()> meanwhile = [] {};

  // Subjects.
  std::vector<std::string> tried;
  std::vector<mail::Mail> sent;
  std::atomic<int> breaks = 0;
};

// A ledger in memory that outlives its process, with an outbox and a clock that is moved by hand.
class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest();

  // What a new process finds.
  void Restart();

  // Puts a mail into the outbox, for the account 1; its subject is its key.
  void Post(const std::string& key, absl::Duration due_in = absl::ZeroDuration());

  // Steps until nothing is due.
  void SendDue();

  stored::v1::StoredMail Stored(const std::string& key);
  absl::Time Due(const std::string& key);

  // From now on the disk takes no document, or does again.
  void SetDiskFull(bool is_full);

  ManualClock clock_{absl::FromUnixSeconds(1'770'000'000)};
  FakeSender sender_;
  // "sent A", "refused A": of all tries.
  std::vector<std::string> deliveries_;
  std::function<void(absl::string_view)> reached_ = [](absl::string_view) {};
  MemoryDisk disk_;
  std::unique_ptr<MemoryJournal> journal_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<DocumentStore> documents_;
  std::unique_ptr<Mailer> mailer_;

 private:
  std::atomic<bool> is_disk_full_ = false;
};

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_OUTBOX_OUTBOX_FIXTURE_H_
