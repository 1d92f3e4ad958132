#include "client/cli/live_screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace farebox::cli {
namespace {

constexpr int kRowsDefault = 24;

// The other screen, no cursor, no lines that go on in the next row.
constexpr absl::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr absl::string_view kLeave = "\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr absl::string_view kHome = "\x1b[H";
constexpr absl::string_view kClearLine = "\x1b[K";
constexpr absl::string_view kClearBelow = "\x1b[J";

// What signals have asked for.
volatile std::sig_atomic_t is_ending = 0;
volatile std::sig_atomic_t is_suspending = 0;

void OnSignal(int signal) {
  if (signal == SIGTSTP) {
    is_suspending = 1;
  } else if (signal != SIGWINCH) {
    is_ending = 1;
  }
}

void Handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

void Write(absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written <= 0) return;  // Nobody looks any more.
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

bool LiveScreen::IsPossible() {
  const char* const terminal = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
  const bool is_able = terminal != nullptr && absl::string_view(terminal) != "dumb";
  return is_able && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

LiveScreen::LiveScreen() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP}) Handle(signal, OnSignal);
  Enter();
}

LiveScreen::~LiveScreen() {
  Leave();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP}) Handle(signal, SIG_DFL);
}

void LiveScreen::Enter() {
  tcgetattr(STDIN_FILENO, &before_);
  termios keys = before_;
  // Keys one by one and unseen; Ctrl-C and Ctrl-Z are signals still.
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSANOW, &keys);
  Write(kEnter);
}

void LiveScreen::Leave() {
  Write(kLeave);
  tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

int LiveScreen::rows() const {
  winsize size = {};
  const bool is_told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
  return is_told ? size.ws_row : kRowsDefault;
}

void LiveScreen::Draw(const std::string& text) {
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  const auto room = static_cast<size_t>(rows());
  if (lines.size() > room) lines.resize(room);
  std::string frame(kHome);
  for (size_t i = 0; i < lines.size(); ++i) {
    absl::StrAppend(&frame, i == 0 ? "" : "\r\n", lines[i], kClearLine);
  }
  Write(absl::StrCat(frame, kClearBelow));
}

std::optional<char> LiveScreen::WaitForKey(absl::Duration time) {
  if (is_ending != 0) return kQuit;
  pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  const int ready = poll(&input, 1, static_cast<int>(absl::ToInt64Milliseconds(time)));
  if (is_ending != 0) return kQuit;
  if (is_suspending != 0) {
    is_suspending = 0;
    Leave();
    raise(SIGSTOP);
    Enter();
    return std::nullopt;
  }
  if (ready <= 0) return std::nullopt;
  char key = 0;
  return read(STDIN_FILENO, &key, 1) == 1 ? key : kQuit;
}

}  // namespace farebox::cli
