#ifndef FAREBOX_CLIENT_CLI_LIVE_SCREEN_H_
#define FAREBOX_CLIENT_CLI_LIVE_SCREEN_H_

#include <termios.h>

#include <optional>
#include <string>

#include "absl/time/time.h"

namespace farebox::cli {

// The whole terminal, for text that changes: the shell's lines are back when it is left. By the few
// control sequences that every terminal of today has; the text's colours are its own. One at a
// time; used only on the main thread.
class LiveScreen {
 public:
  // Whether standard input and output are a terminal that can do this.
  static bool IsPossible();

  LiveScreen();
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  // How many lines there is room for.
  int rows() const;

  // Shows the text in place of what was there: as much as there is room for, lines cut at the edge.
  void Draw(const std::string& text);

  // The next key that is pressed within that time, or nothing. Returns early after a change of the
  // terminal's size, and kQuit when the process is asked to end.
  static constexpr char kQuit = 'q';
  std::optional<char> WaitForKey(absl::Duration time);

 private:
  void Enter();
  void Leave();

  termios before_ = {};
};

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_LIVE_SCREEN_H_
