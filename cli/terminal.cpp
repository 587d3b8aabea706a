#include "cli/terminal.h"

#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/output.h"
#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kMaxLineLength = 4096;
constexpr std::size_t kMinWidth = 20;
constexpr std::size_t kMaxWidth = 10000;

std::optional<std::size_t> width_in_environment() {
  std::size_t columns = 0;
  if (const char* const text = std::getenv("COLUMNS"); text != nullptr) {
    std::from_chars(text, text + std::strlen(text), columns);
  }
  return columns >= kMinWidth && columns <= kMaxWidth ? std::optional(columns) : std::nullopt;
}

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= kMinWidth
             ? size.ws_col
             : width_in_environment().value_or(kDefaultWidth);
}

/// Whether the locale (locale(7)) is one of UTF-8, and the terminal is not a simple one.
bool can_draw_blocks() {
  const char* const kind = std::getenv("TERM");
  if (kind != nullptr && std::string_view(kind) == "dumb") {
    return false;
  }
  for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (const char* const locale = std::getenv(name); locale != nullptr && *locale != '\0') {
      const std::string_view text(locale);
      return text.ends_with("UTF-8") || text.ends_with("utf8") || text.ends_with("utf-8");
    }
  }
  return false;
}

/// Reads up to the end of a line, byte by byte: the rest of the input belongs to other readers.
std::string read_line(int descriptor) {
  std::string line;
  line.reserve(kMaxLineLength);
  char c = 0;
  while (line.size() < kMaxLineLength) {
    if (system::read_some(descriptor, &c, 1) <= 0 || c == '\n') {
      break;
    }
    line += c;
  }
  if (line.ends_with('\r')) {
    line.pop_back();
  }
  return line;
}

/// The mode of the terminal to restore, also if a signal ends the process while echo is off.
termios echoing{};

void end_with_echo(int signal) {
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &echoing);
  static_cast<void>(::raise(signal));  // SA_RESETHAND has restored the default action
}

/// Switches echo of standard input off during its lifetime.
class NoEcho {
 public:
  NoEcho() {
    active_ = ::tcgetattr(STDIN_FILENO, &echoing) == 0;
    if (!active_) {
      return;
    }
    struct sigaction action {};
    action.sa_handler = end_with_echo;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], &action, &actions_[i]);
    }
    termios silent = echoing;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho() {
    if (!active_) {
      return;
    }
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &echoing);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], &actions_[i], nullptr);
    }
    print_note("");
  }

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGQUIT, SIGHUP};

  std::array<struct sigaction, kSignals.size()> actions_{};
  bool active_ = false;
};

void print_prompt(const std::string& text) {
  // If the prompt cannot be written, the answer is still read.
  system::write_all(STDERR_FILENO, text);
}

}  // namespace

Terminal Terminal::detect() {
  Terminal terminal{.input = ::isatty(STDIN_FILENO) == 1,
                    .output = ::isatty(STDOUT_FILENO) == 1,
                    .error = ::isatty(STDERR_FILENO) == 1};
  terminal.width = terminal.output ? std::optional(terminal_width()) : width_in_environment();
  terminal.draws_blocks = can_draw_blocks();
  return terminal;
}

bool confirm(const std::string& question) {
  print_prompt(question + " [y/N] ");
  const std::string answer = read_line(STDIN_FILENO);
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes";
}

core::Secret read_secret(const Terminal& terminal, const std::string& prompt) {
  if (!terminal.input) {
    return core::Secret(read_line(STDIN_FILENO));
  }
  const NoEcho silence;
  print_prompt(prompt);  // after echo is off
  return core::Secret(read_line(STDIN_FILENO));
}

}  // namespace nexakey::cli
