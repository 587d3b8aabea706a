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
  ~Command() { end(); }

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

  /// Its status, as of waitpid(2), once it has ended. What a failed one has started ends with it.
  std::optional<int> status() {
    siginfo_t info{};
    if (!status_ &&
        ::waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == id_) {
      // Until it is reaped, no other group can have its id.
      if (info.si_code != CLD_EXITED || info.si_status != 0) {
        ::kill(-id_, SIGKILL);
      }
      reap();
    }
    return status_;
  }

  /// Reads what it has printed and nobody has read, but not all that others go on to print.
  void drain(MaskedLines& output) {
    constexpr std::size_t kMaxPieces = 256;
    for (std::size_t pieces = 0; pieces < kMaxPieces && read(output); ++pieces) {
    }
    output.finish();
  }

  /// Ends it, with all that is in its process group.
  void end() {
    if (error_ != 0 || status_) {
      return;
    }
    ::kill(-id_, SIGTERM);
    const auto deadline = steady_clock::now() + kPatience;
    while (!status() && steady_clock::now() < deadline) {
      static_cast<void>(::poll(nullptr, 0, kPoll.count()));
    }
    if (!status_) {
      ::kill(-id_, SIGKILL);
      reap();
    }
  }

 private:
  void reap() {
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    status_ = status;
  }

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
  command.drain(output);
  return check_status(*command.status());
}

}  // namespace nexakey::cli
