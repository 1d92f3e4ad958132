#include "storage/restored_mark.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace farebox {
namespace {

constexpr absl::string_view kSincePrefix = "Forgotten since: ";

std::string Utc(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

}  // namespace

std::string RestoredMarkText(absl::string_view backup_path, const BatchHead& head,
                             absl::Time forgotten_since) {
  const absl::Time from = forgotten_since == absl::InfinitePast() ? head.time : forgotten_since;
  return absl::StrCat("Restored from ", backup_path, ", which reaches to entry ", head.last, " of ",
                      Utc(head.time),
                      ".\n"
                      "While this file is here no card is charged automatically. First see what "
                      "was charged\nmeanwhile:\n"
                      "    farebox recharge reconcile --from ",
                      Utc(from),
                      "\n"
                      "credit it, by the same line with --repair at its end, and then delete this "
                      "file.\n",
                      kSincePrefix, Utc(forgotten_since), "\n");
}

std::string RestoredMarkPath(absl::string_view directory) {
  return absl::StrCat(directory, "/", kRestoredMark);
}

bool RestoredMark::IsThere() const {
  std::error_code error;
  return std::filesystem::exists(path_, error) || error;
}

absl::Time RestoredMark::ForgottenSince() const {
  std::ifstream file(path_);
  std::string line;
  while (std::getline(file, line)) {
    absl::string_view text = line;
    absl::Time since;
    if (absl::ConsumePrefix(&text, kSincePrefix) &&
        absl::ParseTime(absl::RFC3339_sec, text, &since, /*err=*/nullptr)) {
      return since;
    }
  }
  return absl::InfinitePast();
}

}  // namespace farebox
