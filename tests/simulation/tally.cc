#include "tests/simulation/tally.h"

#include "absl/strings/str_cat.h"
#include "storage/entry.h"
#include "storage/errors.h"

namespace farebox::simulation {

void Tally::Count(const Outcome& outcome) {
  ++operations;
  const Reason reason = outcome.status.ok() ? outcome.entry.reason : GetReason(outcome.status);
  ++reasons.at(static_cast<size_t>(reason));
  if (outcome.replayed) ++replays;
}

void Tally::Count(const Entry& entry) {
  ++entries.at(static_cast<size_t>(entry.kind));
  if (entry.late()) ++late;
  if (entry.overrun()) ++overruns;
}

void Tally::Add(const Tally& other) {
  lives += other.lives;
  operations += other.operations;
  batches += other.batches;
  replays += other.replays;
  late += other.late;
  overruns += other.overruns;
  restarts += other.restarts;
  crashes_before += other.crashes_before;
  crashes_after += other.crashes_after;
  full_disks += other.full_disks;
  lost_batches += other.lost_batches;
  kept_batches += other.kept_batches;
  repeats_after_crash += other.repeats_after_crash;
  clock_set_back += other.clock_set_back;
  verifications += other.verifications;
  for (size_t i = 0; i < entries.size(); ++i) entries[i] += other.entries[i];
  for (size_t i = 0; i < reasons.size(); ++i) reasons[i] += other.reasons[i];
}

std::string Tally::Text() const {
  std::string text = absl::StrCat(operations, " operations, ", lives, " lives, ", batches,
                                  " batches, ", replays, " replays, ", restarts, " restarts, ");
  absl::StrAppend(&text, verifications, " verifications, ", late, " late, ", overruns,
                  " overruns\ncrashes: ", crashes_before, " before an append, ", crashes_after,
                  " after, ");
  absl::StrAppend(&text, lost_batches, " lost batches, ", kept_batches, " kept, ",
                  repeats_after_crash, " requests repeated; ", full_disks, " full disks, ",
                  clock_set_back, " times the clock set back\nentries:");
  for (size_t i = 1; i < entries.size(); ++i) {
    absl::StrAppend(&text, " ", EntryKindName(static_cast<EntryKind>(i)), " ", entries[i]);
  }
  absl::StrAppend(&text, "\nreasons:");
  for (size_t i = 1; i < reasons.size(); ++i) {
    if (reasons[i] == 0) continue;
    absl::StrAppend(&text, " ", ReasonName(static_cast<Reason>(i)), " ", reasons[i]);
  }
  return text;
}

}  // namespace farebox::simulation
