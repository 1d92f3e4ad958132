#include "tests/crash/document_source.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/check.h"

namespace farebox {
namespace {

constexpr DocumentKind kAttempt = kCrashDocumentKinds[0];
constexpr DocumentKind kMail = kCrashDocumentKinds[1];
constexpr DocumentKind kLine = kCrashDocumentKinds[2];

constexpr uint64_t kPayers = 3;
constexpr int64_t kStepsOfAnAttempt = 3;
// One change in so many removes a document.
constexpr uint64_t kChangesPerRemoval = 4;
// Some documents a page, and so several pages before long.
constexpr uint64_t kContentBytesMax = 700;

std::string SlotOf(uint64_t account) { return absl::StrCat("account-", account); }

}  // namespace

std::vector<DocumentGroup> DocumentSource::MakeStep(absl::Time now) {
  std::vector<DocumentGroup> groups;
  const uint64_t first = Draw(kPayers);
  for (uint64_t i = 0, count = 1 + Draw(kPayers); i < count; ++i) {
    groups.push_back(MakeGroup((first + i) % kPayers, now));
  }
  const auto changed = std::find_if(documents_.begin(), documents_.end(),
                                    [](const Document& it) { return it.revision > 1; });
  if (changed == documents_.end() || Draw(3) != 0) return groups;
  Document late = *changed;
  --late.revision;
  groups.push_back({MakeNew(kMail, 0, now), late});
  return groups;
}

std::optional<Document> DocumentSource::ChooseRemoval() {
  if (Draw(kChangesPerRemoval) != 0) return std::nullopt;
  std::vector<Document> removable;
  std::copy_if(documents_.begin(), documents_.end(), std::back_inserter(removable),
               [](const Document& it) { return it.kind < kAppendOnlyKindMin; });
  if (removable.empty()) return std::nullopt;
  return removable[Draw(removable.size())];
}

DocumentGroup DocumentSource::MakeGroup(uint64_t account, absl::Time now) {
  const auto open =
      std::find_if(documents_.begin(), documents_.end(),
                   [&](const Document& document) { return document.slot == SlotOf(account); });
  if (open == documents_.end()) return {MakeAttempt(account, now + MakeWait())};
  Document attempt = *open;
  attempt.content = MakeContent();
  attempt.due = now + MakeWait();
  if (attempt.revision < kStepsOfAnAttempt) return {attempt};

  attempt.slot.clear();
  attempt.due = absl::InfiniteFuture();
  DocumentGroup group = {attempt, MakeNew(kMail, account, now),
                         MakeNew(kLine, account, absl::InfiniteFuture())};
  // The slot passes on at once.
  if (Draw(2) == 0) group.push_back(MakeAttempt(account, now + MakeWait()));
  return group;
}

Document DocumentSource::MakeNew(DocumentKind kind, uint64_t account, absl::Time due) {
  return {.kind = kind,
          .key = absl::StrCat("key-", next_key_++),
          .account = static_cast<AccountNumber>(account + 1),
          .due = due,
          .content = MakeContent()};
}

Document DocumentSource::MakeAttempt(uint64_t account, absl::Time due) {
  Document attempt = MakeNew(kAttempt, account, due);
  attempt.slot = SlotOf(account);
  return attempt;
}

std::string DocumentSource::MakeContent() {
  const char letter = static_cast<char>('a' + Draw(26));
  return std::string(Draw(kContentBytesMax), letter);
}

void DocumentSource::Learn(const std::vector<DocumentGroup>& groups,
                           const std::vector<absl::Status>& outcomes) {
  FAREBOX_CHECK(outcomes.size() == groups.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    FAREBOX_CHECK(outcomes[i].ok() || absl::IsAborted(outcomes[i]));
    if (!outcomes[i].ok()) continue;
    for (Document document : groups[i]) {
      if (++document.revision == 1) {
        document.id = documents_.empty() ? 1 : documents_.back().id + 1;
        documents_.push_back(std::move(document));
        continue;
      }
      const auto at = std::find_if(documents_.begin(), documents_.end(),
                                   [&](const Document& it) { return it.id == document.id; });
      FAREBOX_CHECK(at != documents_.end());
      *at = std::move(document);
    }
  }
}

void DocumentSource::LearnRemoval(const Document& removed) {
  FAREBOX_CHECK(std::erase(documents_, removed) == 1);
}

}  // namespace farebox
