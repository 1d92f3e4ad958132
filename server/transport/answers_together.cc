#include "server/transport/answers_together.h"

#include <algorithm>

namespace farebox::server {
namespace {

// The first of them waits for so many at most, a few microseconds each.
constexpr size_t kAnswersTogetherMax = 32;
// With more connections than that there are few answers for each.
constexpr size_t kConnectionsMax = 64;

thread_local AnswersTogether* current = nullptr;

}  // namespace

AnswersTogether::AnswersTogether() { current = this; }

AnswersTogether::~AnswersTogether() {
  current = nullptr;
  for (const Connection& connection : connections_) {
    if (connection.answers > 1) connection.socket->Uncork();
  }
}

void AnswersTogether::BeforeAnswer(const ClientSocketPtr& socket) {
  if (current != nullptr && socket != nullptr) current->NoteAnswer(socket);
}

void AnswersTogether::NoteAnswer(const ClientSocketPtr& socket) {
  auto found = std::find_if(connections_.begin(), connections_.end(),
                            [&](const Connection& known) { return known.socket == socket; });
  if (found == connections_.end()) {
    if (connections_.size() == kConnectionsMax) return;
    found = connections_.insert(connections_.end(), {.socket = socket});
  }
  ++found->answers;
  // One by itself is not held back.
  if (found->answers == 2) socket->Cork();
  if (found->answers > kAnswersTogetherMax + 1) {
    socket->Push();
    found->answers = 2;
  }
}

}  // namespace farebox::server
