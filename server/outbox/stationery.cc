#include "server/outbox/stationery.h"

#include "farebox/stored/v1/mail.pb.h"
#include "server/base/account_settings.h"
#include "server/base/document_kinds.h"

namespace farebox::server {

mail::Letterhead Stationery::HeadOf(absl::string_view key, const AccountFacts& account,
                                    absl::string_view address) const {
  const stored::v1::AccountSettings settings = SettingsOf(*account.settings);
  return {.to = std::string(address),
          .message_id = mail::MessageId(key, options_.sender_domain),
          .account_id = account.account_id,
          .currency_code = settings.currency_code(),
          .time_zone = settings.time_zone(),
          .sender_name = options_.sender_name,
          .account_url = options_.account_url};
}

Document Stationery::Envelop(absl::string_view key, const AccountFacts& account, mail::Mail mail,
                             absl::Time now) {
  stored::v1::StoredMail stored;
  stored.set_to(std::move(mail.to));
  stored.set_subject(std::move(mail.subject));
  stored.set_text(std::move(mail.text));
  stored.set_html(std::move(mail.html));
  stored.set_message_id(std::move(mail.message_id));
  stored.set_create_micros(absl::ToUnixMicros(now));
  return {.kind = kMails,
          .key = std::string(key),
          .account = account.number,
          .due = now,
          .content = stored.SerializeAsString()};
}

}  // namespace farebox::server
