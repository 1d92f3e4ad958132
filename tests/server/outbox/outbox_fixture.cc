#include "tests/server/outbox/outbox_fixture.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/document_kinds.h"
#include "storage/check.h"
#include "tests/storage/commands.h"

namespace farebox::server {
namespace {

// A catalog whose disk may be full.
class FillingCatalog : public Catalog {
 public:
  FillingCatalog(Catalog* catalog, const std::atomic<bool>* is_full)
      : catalog_(*catalog), is_full_(*is_full) {}

  absl::StatusOr<int64_t> BeginDeck(absl::string_view name) override {
    return catalog_.BeginDeck(name);
  }
  absl::Status AppendDeck(int64_t deck_id, absl::string_view csv) override {
    return catalog_.AppendDeck(deck_id, csv);
  }
  absl::StatusOr<DeckVersion> SealDeck(int64_t deck_id, int64_t row_count,
                                       absl::Time import_time) override {
    return catalog_.SealDeck(deck_id, row_count, import_time);
  }
  absl::StatusOr<std::vector<absl::Status>> PutDocuments(
      absl::Span<const DocumentGroup> groups) override {
    if (is_full_.load()) return absl::UnavailableError("the disk is full");
    return catalog_.PutDocuments(groups);
  }
  absl::Status RemoveDocument(const Document& document) override {
    return catalog_.RemoveDocument(document);
  }

 private:
  Catalog& catalog_;
  const std::atomic<bool>& is_full_;
};

class FillingJournal : public MemoryJournal {
 public:
  FillingJournal(MemoryDisk* disk, const std::atomic<bool>* is_full)
      : MemoryJournal(disk), catalog_(&MemoryJournal::catalog(), is_full) {}

  Catalog& catalog() override { return catalog_; }

 private:
  FillingCatalog catalog_;
};

std::string NameOf(const Mailer::Delivery& delivery) {
  static constexpr const char* kNames[] = {"sent", "later", "misconfigured", "refused"};
  return delivery.is_given_up ? "given up" : kNames[static_cast<size_t>(delivery.outcome)];
}

}  // namespace

mail::MailSender::Result FakeSender::Send(const mail::Mail& mail) {
  tried.push_back(mail.subject);
  meanwhile();
  Outcome outcome = otherwise;
  if (!next.empty()) {
    outcome = next.front();
    next.pop_front();
  }
  if (outcome == Outcome::kSent) sent.push_back(mail);
  return {outcome, words.empty() ? absl::StrCat("answer ", tried.size()) : words};
}

OutboxTest::OutboxTest() {
  Restart();
  FAREBOX_CHECK(ledger_->Apply(ToOpen("alice")).status.ok());
}

void OutboxTest::Restart() {
  mailer_.reset();
  documents_.reset();
  ledger_.reset();
  journal_ = std::make_unique<FillingJournal>(&disk_, &is_disk_full_);
  ledger_ = *Ledger::Open({}, journal_.get(), &clock_);
  documents_ = std::make_unique<DocumentStore>(ledger_.get(), journal_.get());
  mailer_ = std::make_unique<Mailer>(Mailer::Parts{
      .documents = documents_.get(),
      .sender = &sender_,
      .clock = &clock_,
      .on_delivery =
          [this](const Mailer::Delivery& delivery) {
            deliveries_.push_back(absl::StrCat(NameOf(delivery), " ", delivery.document.key));
          },
      .reached = [this](absl::string_view point) { reached_(point); }});
}

void OutboxTest::Post(const std::string& key, absl::Duration due_in) {
  stored::v1::StoredMail mail;
  mail.set_to("ada@example.com");
  mail.set_subject(key);
  mail.set_text("Hello\n");
  mail.set_html("<p>Hello</p>\n");
  mail.set_message_id(mail::MessageId(key, "example.org"));
  mail.set_create_micros(absl::ToUnixMicros(clock_.Now()));
  const absl::Status put = documents_->Put({{.kind = kMails,
                                             .key = key,
                                             .account = 1,
                                             .due = clock_.Now() + due_in,
                                             .content = mail.SerializeAsString()}});
  ASSERT_TRUE(put.ok()) << put;
}

void OutboxTest::SendDue() {
  while (true) {
    const absl::StatusOr<bool> step = mailer_->Step();
    ASSERT_TRUE(step.ok()) << step.status();
    if (!*step) return;
  }
}

stored::v1::StoredMail OutboxTest::Stored(const std::string& key) {
  stored::v1::StoredMail mail;
  EXPECT_TRUE(mail.ParseFromString(documents_->Find(kMails, key).value().value().content));
  return mail;
}

absl::Time OutboxTest::Due(const std::string& key) {
  return documents_->Find(kMails, key).value().value().due;
}

void OutboxTest::SetDiskFull(bool is_full) { is_disk_full_.store(is_full); }

}  // namespace farebox::server
