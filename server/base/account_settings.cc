#include "server/base/account_settings.h"

#include <string>

namespace farebox::server {

stored::v1::AccountSettings SettingsOf(absl::string_view bytes) {
  stored::v1::AccountSettings settings;
  if (!settings.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) settings.Clear();
  return settings;
}

absl::TimeZone TimeZoneOf(const AccountFacts& account) {
  absl::TimeZone zone = absl::UTCTimeZone();
  absl::LoadTimeZone(SettingsOf(*account.settings).time_zone(), &zone);
  return zone;
}

}  // namespace farebox::server
