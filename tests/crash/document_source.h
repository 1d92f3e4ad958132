#ifndef FAREBOX_TESTS_CRASH_DOCUMENT_SOURCE_H_
#define FAREBOX_TESTS_CRASH_DOCUMENT_SOURCE_H_

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/document.h"

namespace farebox {

// Attempts, mails, and lines that are only added.
inline constexpr DocumentKind kCrashDocumentKinds[] = {1, 2, kAppendOnlyKindMin};

// Makes changes of documents as payments do: an attempt takes its account's slot, goes from step to
// step, each with a time for a worker, and leaves its slot with the last one, together with a mail
// and a line about it. Attempts and mails are removed, now and then, whatever their state. Knows
// what the catalog must have, by what was acknowledged alone.
class DocumentSource {
 public:
  explicit DocumentSource(uint64_t seed) : random_(seed) {}

  // Groups for one change. The last of them may come too late, and is refused then.
  std::vector<DocumentGroup> MakeStep(absl::Time now);

  // What is to be removed instead, in a change of its own; mostly nothing.
  std::optional<Document> ChooseRemoval();

  void Learn(const std::vector<DocumentGroup>& groups, const std::vector<absl::Status>& outcomes);
  void LearnRemoval(const Document& removed);

  // All that was acknowledged, by their ids.
  const std::vector<Document>& documents() const { return documents_; }

 private:
  DocumentGroup MakeGroup(uint64_t account, absl::Time now);
  Document MakeNew(DocumentKind kind, uint64_t account, absl::Time due);
  Document MakeAttempt(uint64_t account, absl::Time due);
  std::string MakeContent();
  absl::Duration MakeWait() { return absl::Seconds(static_cast<int64_t>(Draw(100))); }
  uint64_t Draw(uint64_t below) { return random_() % below; }

  std::mt19937_64 random_;
  int next_key_ = 0;
  std::vector<Document> documents_;  // By their ids.
};

}  // namespace farebox

#endif  // FAREBOX_TESTS_CRASH_DOCUMENT_SOURCE_H_
