#ifndef FAREBOX_SERVER_WEB_STATIC_FILES_H_
#define FAREBOX_SERVER_WEB_STATIC_FILES_H_

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/web/exchange.h"

namespace farebox::web {

// A file that is part of the program: farebox_embed() of tools/cmake puts it there. What it refers
// to lives as long as the process does.
struct EmbeddedFile {
  // As it is asked for: "/assets/index-B1xZ.js".
  absl::string_view path;
  absl::string_view content_type;
  // With its quotes, of the file's content.
  absl::string_view etag;
  absl::string_view bytes;
  bool is_gzipped = false;
};

// Serves a page that is one program: its files by their names, and its index.html for every other
// address that a browser goes to, because the page itself knows what is there. A file is found by
// its whole path, in a table, so nothing else can be reached.
//
// What lies below /assets/ has its content in its name and is kept for good; the rest is asked for
// again each time, and answered 304 where it has not changed. The policy lets pages run their own
// scripts and styles only, from files. Thread-safe; constant after construction.
class StaticFiles {
 public:
  explicit StaticFiles(absl::Span<const EmbeddedFile> files);

  // For Router::SetFallback.
  void Serve(const ExchangePtr& exchange) const;

 private:
  const EmbeddedFile* Find(const Request& request) const;

  absl::flat_hash_map<absl::string_view, const EmbeddedFile*> by_path_;
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_STATIC_FILES_H_
