#include "cli/delivery.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/interruption.h"
#include "core/credential.h"
#include "core/text.h"
#include "core/time.h"
#include "system/spawn.h"

namespace nexakey::cli {
namespace {

using core::Result;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPoll{50};
/// How long a command may take to end after SIGTERM.
constexpr std::chrono::seconds kPatience{2};

/// The variables of this process without those of nexakey, which may have secrets.
std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> variables = more;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("NEXAKEY_")) {
      variables.emplace_back(*variable);
    }
  }
  return variables;
}

/// Passes text on by whole lines, with keys and tokens masked. Holds back the end of a long line,
/// which may be the beginning of a key.
class MaskedLines {
 public:
  explicit MaskedLines(const std::function<void(std::string_view)>& print) : print_(print) {}
  MaskedLines(const MaskedLines&) = delete;
  MaskedLines& operator=(const MaskedLines&) = delete;
  ~MaskedLines() { core::wipe(pending_); }

  void add(std::string_view text) {
    pending_.reserve(kMaxPending + kPiece);  // it is not moved, which would leave a copy behind
    pending_ += text;
    if (text.find('\n') != std::string_view::npos || pending_.size() >= kMaxPending) {
      pass(false);
    }
  }
  void finish() { pass(true); }

  static constexpr std::size_t kPiece = 4096;

 private:
  static constexpr std::size_t kMaxPending = 65536;
  static constexpr std::size_t kMaxCredential = 64;

  void pass(bool is_last) {
    std::string masked = core::mask_credentials(pending_);
    core::wipe(pending_);
    const std::size_t line_end = masked.rfind('\n');
    const std::size_t count = is_last ? masked.size()
                              : line_end != std::string::npos
                                  ? line_end + 1
                                  : masked.size() - std::min(masked.size(), kMaxCredential);
    const std::string_view text = masked;
    if (count > 0) {
      print_(text.substr(0, count));
    }
    pending_ += text.substr(count);
    core::wipe(masked);
  }

  const std::function<void(std::string_view)>& print_;
  std::string pending_;
};

/// A running command.
class Command {
 public:
  explicit Command(const Delivery& delivery, const std::vector<std::string>& variables) {
    system::Pipe input = system::make_pipe();
    system::Pipe output = system::make_pipe();
    system::SpawnActions actions;
    actions.connect(input.from.value(), STDIN_FILENO);
    actions.connect(output.to.value(), STDOUT_FILENO);
    actions.connect(output.to.value(), STDERR_FILENO);
    error_ = system::spawn(id_, "/bin/sh", {"sh", "-c", delivery.command},
                           environment_with(variables), actions, system::Group::own);
    input_ = std::move(input.to);
    output_ = std::move(output.from);
    for (const int descriptor : {input_.value(), output_.value()}) {
      static_cast<void>(::fcntl(descriptor, F_SETFL, O_NONBLOCK));
    }
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  ~Command() {
    if (error_ == 0 && !is_released_) {
      end();
    }
  }

  /// The error of the start; 0 if it runs.
  [[nodiscard]] int error() const { return error_; }

  /// Waits a moment for it to read, to print or to end. Passes input and output on.
  void go_on(std::string_view& input, MaskedLines& output) {
    std::array<pollfd, 2> waiting{{{.fd = input_.value(), .events = POLLOUT, .revents = 0},
                                   {.fd = output_.value(), .events = POLLIN, .revents = 0}}};
    static_cast<void>(::poll(waiting.data(), waiting.size(), kPoll.count()));
    if (waiting[0].revents != 0) {
      write(input);
    }
    if (waiting[1].revents != 0) {
      read(output);
    }
  }

  /// Its status, as of waitpid(2), once it has ended.
  std::optional<int> status() {
    if (!status_) {
      int status = 0;
      const pid_t ended = ::waitpid(id_, &status, WNOHANG);
      if (ended == id_) {
        status_ = status;
      } else if (ended < 0 && errno == ECHILD) {
        status_ = SIGKILL;  // unknown, and not that of a success
      }
    }
    return status_;
  }

  /// Leaves what it has started in the background alone.
  void release() { is_released_ = true; }

  /// Reads what it has printed and nobody has read, but not all that others go on to print.
  void drain(MaskedLines& output) {
    constexpr std::size_t kMaxPieces = 256;
    for (std::size_t pieces = 0; pieces < kMaxPieces && read(output); ++pieces) {
    }
    output.finish();
  }

  /// Ends it, with all that is in its process group.
  void end() {
    is_released_ = true;
    if (has_group()) {
      ::kill(-id_, SIGTERM);
    }
    const auto deadline = steady_clock::now() + kPatience;
    while ((!status() || has_group()) && steady_clock::now() < deadline) {
      static_cast<void>(::poll(nullptr, 0, kPoll.count()));
    }
    if (has_group()) {
      ::kill(-id_, SIGKILL);
    }
    while (!status()) {
      static_cast<void>(::poll(nullptr, 0, kPoll.count()));
    }
  }

 private:
  /// Whether a process is left in its group, which keeps the id of the group from being used again.
  [[nodiscard]] bool has_group() const { return ::kill(-id_, 0) == 0 || errno == EPERM; }

  /// A command may close its input early: whether it needs the key is its own affair.
  void write(std::string_view& text) {
    const ssize_t count = ::write(input_.value(), text.data(), text.size());
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (text.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) {
      input_.reset(-1);
    }
  }

  /// False at the end, and if there is nothing yet.
  bool read(MaskedLines& output) {
    std::string piece(MaskedLines::kPiece, '\0');
    const ssize_t count = ::read(output_.value(), piece.data(), piece.size());
    if (count > 0) {
      output.add({piece.data(), static_cast<std::size_t>(count)});
    } else if (count == 0) {
      output_.reset(-1);
    }
    core::wipe(piece);
    return count > 0;
  }

  pid_t id_ = -1;
  int error_ = 0;
  system::Descriptor input_{-1};
  system::Descriptor output_{-1};
  std::optional<int> status_;
  bool is_released_ = false;
};

/// Error: `failed`, unless the status is that of a success.
Result<void> check_status(int status) {
  if (WIFSIGNALED(status)) {
    return core::fail(core::ErrorCode::failed, "the command was ended by signal " +
                                                   std::to_string(WTERMSIG(status)) + " (" +
                                                   ::strsignal(WTERMSIG(status)) + ")");
  }
  return WEXITSTATUS(status) == 0
             ? Result<void>()
             : core::fail(core::ErrorCode::failed, "the command ended with exit status " +
                                                       std::to_string(WEXITSTATUS(status)));
}

}  // namespace

Result<void> deliver(const Delivery& delivery, const core::Secret& secret,
                     const std::vector<std::string>& variables,
                     const std::function<void(std::string_view)>& print) {
  MaskedLines output(print);
  Command command(delivery, variables);
  if (command.error() != 0) {
    return core::fail(core::ErrorCode::failed,
                      "cannot run sh: " + std::system_category().message(command.error()));
  }
  const auto deadline = steady_clock::now() + delivery.timeout;
  std::string_view input = secret.reveal();
  while (!command.status()) {
    if (Interruption::signal() != 0) {
      return core::fail(core::ErrorCode::failed, "the command was interrupted");
    }
    if (steady_clock::now() >= deadline) {
      command.end();
      command.drain(output);
      return core::fail(core::ErrorCode::failed,
                        "the command did not end within " +
                            core::format_duration(delivery.timeout) + " and was ended",
                        "give it more time with --exec-timeout");
    }
    command.go_on(input, output);
  }
  auto succeeded = check_status(*command.status());
  if (succeeded) {
    command.release();
  } else {
    command.end();
  }
  command.drain(output);
  return succeeded;
}

}  // namespace nexakey::cli
