#ifndef FAREBOX_SERVER_SERVICES_READER_CALL_H_
#define FAREBOX_SERVER_SERVICES_READER_CALL_H_

#include <utility>

#include "absl/status/status.h"
#include "server/base/reader_pool.h"
#include "storage/journal.h"

namespace farebox::server {

// Finishes the call, a UnaryCall, with the status that `answer(reader)` gives on a thread that may
// wait for a disk; at once where too many wait for one already, or none is left.
template <typename Call, typename Answer>
void AnswerOnReader(ReaderPool* readers, Call* call, Answer answer) {
  const absl::Status queued = readers->Run(
      [call, answer = std::move(answer)](JournalReader& reader) { call->Finish(answer(reader)); });
  if (!queued.ok()) call->Finish(queued);
}

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_READER_CALL_H_
