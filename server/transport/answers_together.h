#ifndef FAREBOX_SERVER_TRANSPORT_ANSWERS_TOGETHER_H_
#define FAREBOX_SERVER_TRANSPORT_ANSWERS_TOGETHER_H_

#include <cstddef>

#include "absl/container/inlined_vector.h"
#include "server/transport/client_socket.h"

namespace farebox::server {

// While one exists, answers that its thread gives by the same connection leave it together, some at
// a time. gRPC writes each to the socket by itself, and each such packet costs both ends more than
// the answer in it.
//
// Used on the thread that has made it; one at a time on a thread.
class AnswersTogether {
 public:
  AnswersTogether();
  // Whatever was held back leaves.
  ~AnswersTogether();
  AnswersTogether(const AnswersTogether&) = delete;
  AnswersTogether& operator=(const AnswersTogether&) = delete;

  // The calling thread is about to give an answer by this connection, which may be null: none that
  // is known. Nothing happens on a thread that has no AnswersTogether.
  static void BeforeAnswer(const ClientSocketPtr& socket);

 private:
  struct Connection {
    ClientSocketPtr socket;
    // Since the last that left.
    size_t answers = 0;
  };

  void NoteAnswer(const ClientSocketPtr& socket);

  absl::InlinedVector<Connection, 8> connections_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TRANSPORT_ANSWERS_TOGETHER_H_
