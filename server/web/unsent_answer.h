#ifndef FAREBOX_SERVER_WEB_UNSENT_ANSWER_H_
#define FAREBOX_SERVER_WEB_UNSENT_ANSWER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "server/web/exchange.h"

namespace farebox::web {

// What of an answer is to be sent yet, in its order: the head, then the body, or its pieces as they
// come. Thread-compatible.
class UnsentAnswer {
 public:
  UnsentAnswer() = default;
  UnsentAnswer(const UnsentAnswer&) = delete;
  UnsentAnswer& operator=(const UnsentAnswer&) = delete;

  // An answer that is there as a whole; its body is left out where it has none on its way.
  void Set(std::string head, Response response, bool has_body);

  // One whose pieces are still to come: each as a chunk, or bare, where the end of the connection
  // is the end of the body.
  void Begin(std::string head, bool is_in_chunks);
  void Add(absl::string_view piece);
  void End();

  bool is_in_pieces() const { return is_in_pieces_; }

  // Whether all of it is here: nothing comes after what is unsent.
  bool is_complete() const { return !is_in_pieces_ || has_end_; }

  bool is_empty() const { return unsent_.empty() && unsent_body_.empty() && next_pieces_.empty(); }

  // The next bytes to be sent, as many as may go at once. They stay where they are until the next
  // call.
  absl::string_view TakeBytes();

  // Lets go of what was sent.
  void Clear() { response_ = {}; }

 private:
  // First what is unsent of `sending_`, then of the body, then the next pieces.
  std::string sending_;
  absl::string_view unsent_;
  Response response_;
  absl::string_view unsent_body_;
  std::string next_pieces_;
  bool is_in_pieces_ = false;
  bool is_in_chunks_ = false;
  bool has_end_ = false;
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_UNSENT_ANSWER_H_
