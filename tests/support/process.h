#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nexakey::test {

/// One end of a connection between two processes, which sends and receives numbers.
class Line {
 public:
  explicit Line(int descriptor) : descriptor_(descriptor) {}
  Line(Line&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }

  void send(std::int64_t number) const {
    if (::send(descriptor_, &number, sizeof number, MSG_NOSIGNAL) != sizeof number) {
      throw std::system_error(errno, std::system_category(), "send");
    }
  }
  /// Waits for the next number; nothing if the other process has ended.
  std::optional<std::int64_t> receive() const {
    std::int64_t number = 0;
    if (::recv(descriptor_, &number, sizeof number, MSG_WAITALL) != sizeof number) {
      return std::nullopt;
    }
    return number;
  }

 private:
  int descriptor_;
};

/// A child process that runs `work` and ends. It is a copy of this process, so `work` opens the
/// stores that it uses. It does not outlive this object.
class Process {
 public:
  using Work = std::function<void(const Line&)>;

  explicit Process(const Work& work) : Process(make_line(), work) {}
  Process(Process&& other) noexcept
      : line_(std::move(other.line_)), id_(std::exchange(other.id_, -1)) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { kill(); }

  /// The connection to the process.
  [[nodiscard]] const Line& line() const { return line_; }

  /// Kills the process at any point of its work.
  void kill() {
    if (id_ > 0) {
      ::kill(id_, SIGKILL);
      finish();
    }
  }
  /// Waits for its end. Returns whether `work` threw no exception.
  bool finish() {
    int status = -1;
    if (id_ > 0) {
      ::waitpid(id_, &status, 0);
      id_ = -1;
    }
    return status == 0;
  }

 private:
  static std::array<int, 2> make_line() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      throw std::system_error(errno, std::system_category(), "socketpair");
    }
    return ends;
  }

  Process(const std::array<int, 2>& ends, const Work& work) : line_(ends[0]), id_(::fork()) {
    if (id_ == 0) {
      ::close(ends[0]);
      ::_exit(run(Line(ends[1]), work));
    }
    ::close(ends[1]);
  }

  static int run(const Line& line, const Work& work) {
    try {
      work(line);
      return 0;
    } catch (const std::exception& exception) {
      std::fprintf(stderr, "in a process of the test: %s\n", exception.what());
      return 1;
    }
  }

  Line line_;
  pid_t id_;
};

}  // namespace nexakey::test
