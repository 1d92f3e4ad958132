#include "server/outbox/mailer.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/document_kinds.h"
#include "server/base/limits.h"
#include "server/outbox/mail_states.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using stored::v1::StoredMail;
using Outcome = mail::MailSender::Outcome;

mail::Mail MailOf(const StoredMail& stored) {
  return {.to = stored.to(),
          .subject = stored.subject(),
          .text = stored.text(),
          .html = stored.html(),
          .message_id = stored.message_id()};
}

}  // namespace

absl::StatusOr<bool> Mailer::Step() {
  FAREBOX_RETURN_IF_ERROR(NoteOnDisk());
  const absl::Time now = parts_.clock->Now();
  if (is_broken_off_.load()) return false;
  FAREBOX_RETURN_IF_ERROR(LookAtClock(now));
  if (IsResting(now)) return false;
  // What is due at this very moment too.
  FAREBOX_ASSIGN_OR_RETURN(
      std::vector<Document> due,
      parts_.documents->ListDue(kMails, now + absl::Microseconds(1), /*count_max=*/1));
  if (due.empty()) return false;
  Document& document = due[0];
  StoredMail mail;
  if (!mail.ParseFromString(document.content)) {
    // Put aside, so that it does not stand in the way of the others.
    document.due = absl::InfiniteFuture();
    FAREBOX_RETURN_IF_ERROR(parts_.documents->Put({document}));
    return absl::DataLossError(absl::StrCat("mail ", document.key, " cannot be read"));
  }
  if (!IsWaiting(mail)) {
    Strip(&mail);
    document.due = absl::InfiniteFuture();
    FAREBOX_RETURN_IF_ERROR(Note(std::move(document), mail));
    return true;
  }
  if (IsTooOld(mail, now)) {
    document.due = GiveUp("it was too old", now, &mail);
    FAREBOX_RETURN_IF_ERROR(Note(document, mail));
    parts_.on_delivery(
        {.document = document, .mail = mail, .outcome = Outcome::kRefused, .is_given_up = true});
    return true;
  }
  return Send(std::move(document), std::move(mail));
}

absl::StatusOr<bool> Mailer::Send(Document document, StoredMail mail) {
  parts_.reached("read");
  const mail::MailSender::Result result = parts_.sender->Send(MailOf(mail));
  parts_.reached("sent");
  // The next start tries it at once: that it was broken off is not the mail server's fault.
  if (is_broken_off_.load() && result.outcome == Outcome::kTryLater) return false;

  const absl::Time now = parts_.clock->Now();
  document.due = NoteTry(result, now, &mail);
  const absl::Status noted = Note(document, mail);
  parts_.reached("noted");
  NoteHealth(result.outcome, now);
  parts_.on_delivery({.document = document,
                      .mail = mail,
                      .outcome = result.outcome,
                      .is_given_up = mail.given_up_micros() != 0,
                      .rest_until = rest_until_});
  FAREBOX_RETURN_IF_ERROR(noted);
  return true;
}

void Mailer::BreakOff() {
  is_broken_off_.store(true);
  parts_.sender->BreakOff();
}

// ---- The clock

absl::Status Mailer::LookAtClock(absl::Time now) {
  const bool is_set_back = last_look_ - now > limits::kClockLeapBackMax;
  if (is_set_back) FAREBOX_RETURN_IF_ERROR(BringForward(now));
  last_look_ = now;
  return absl::OkStatus();
}

absl::Status Mailer::BringForward(absl::Time now) {
  int64_t before = std::numeric_limits<int64_t>::max();
  for (size_t looked_at = 0; looked_at < limits::kMailsSoughtMax && !is_broken_off_.load();) {
    FAREBOX_ASSIGN_OR_RETURN(
        std::vector<Document> page,
        parts_.documents->List(kMails, /*account=*/0, before, limits::kMailPageSize));
    if (page.empty()) break;
    looked_at += page.size();
    before = page.back().id;
    DocumentGroup put_off;
    for (Document& document : page) {
      if (document.due - now <= limits::kMailPauseMax) continue;
      StoredMail mail;
      if (!mail.ParseFromString(document.content) || !IsWaiting(mail)) continue;
      document.due = now;
      put_off.push_back(std::move(document));
    }
    if (!put_off.empty()) FAREBOX_RETURN_IF_ERROR(parts_.documents->Put(std::move(put_off)));
  }
  return absl::OkStatus();
}

// ---- The mail server's health

bool Mailer::IsResting(absl::Time now) const {
  // The clock may have been set back meanwhile.
  return now < rest_until_ && rest_until_ - now <= limits::kMailSettingsRest;
}

void Mailer::NoteHealth(Outcome outcome, absl::Time now) {
  rest_until_ = absl::InfinitePast();
  if (outcome == Outcome::kMisconfigured) rest_until_ = now + limits::kMailSettingsRest;
  if (outcome != Outcome::kTryLater) {
    delays_in_a_row_ = 0;
    return;
  }
  // Stays there until a mail gets through: one that does not is enough for the next rest.
  if (delays_in_a_row_ < limits::kMailDelaysInARowMax) ++delays_in_a_row_;
  if (delays_in_a_row_ == limits::kMailDelaysInARowMax) rest_until_ = now + limits::kMailServerRest;
}

// ---- The disk

absl::Status Mailer::Note(Document document, const StoredMail& mail) {
  document.content = mail.SerializeAsString();
  to_note_ = std::move(document);
  return NoteOnDisk();
}

absl::Status Mailer::NoteOnDisk() {
  while (to_note_.has_value()) {
    const absl::Status put = parts_.documents->Put({*to_note_});
    if (absl::IsAborted(put)) {
      // Somebody else has written it meanwhile, who does not know what became of it.
      FAREBOX_ASSIGN_OR_RETURN(const std::optional<Document> other,
                               parts_.documents->Find(kMails, to_note_->key));
      if (!other.has_value()) break;
      to_note_->revision = other->revision;
      continue;
    }
    FAREBOX_RETURN_IF_ERROR(put);
    break;
  }
  to_note_.reset();
  return absl::OkStatus();
}

}  // namespace farebox::server
