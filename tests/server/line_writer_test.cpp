#include "server/line_writer.h"

#include <array>
#include <atomic>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace nexakey::server {
namespace {

constexpr std::size_t kMaxWaiting = 64 << 10;
const std::string kFullLine = std::string(99, 'x') + "\n";

std::string report(std::uint64_t dropped) { return "dropped " + std::to_string(dropped) + "\n"; }

struct Pipe {
  Pipe() { REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_reader();
    ::close(ends[1]);
  }
  void close_reader() {
    if (ends[0] >= 0) {
      ::close(ends[0]);
      ends[0] = -1;
    }
  }
  /// Reads until `is_whole` returns true for the text, or nothing arrives for ten seconds.
  template <typename IsWhole>
  std::string read_until(const IsWhole& is_whole) const {
    std::string text;
    pollfd poll{.fd = ends[0], .events = POLLIN, .revents = 0};
    while (!is_whole(text) && ::poll(&poll, 1, 10'000) == 1) {
      std::array<char, 4096> piece{};
      const ssize_t count = ::read(ends[0], piece.data(), piece.size());
      if (count <= 0) {
        break;
      }
      text.append(piece.data(), static_cast<std::size_t>(count));
    }
    return text;
  }

  std::array<int, 2> ends{};
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

/// The sum of the numbers that the text reports.
std::uint64_t reported(const std::string& text) {
  static const std::string kWord = "dropped ";
  std::uint64_t sum = 0;
  for (std::size_t at = text.find(kWord); at != std::string::npos; at = text.find(kWord, at + 1)) {
    if (text.find('\n', at) != std::string::npos) {
      sum += std::stoull(text.substr(at + kWord.size()));
    }
  }
  return sum;
}

TEST_CASE("Lines are written in their order") {
  const Pipe pipe;
  std::atomic<std::uint64_t> dropped{0};
  LineWriter writer(pipe.ends[1], kMaxWaiting, dropped, report);
  writer.write("one\ntwo\n");
  writer.write("three\n");
  CHECK(pipe.read_until([](const std::string& text) { return text.ends_with("three\n"); }) ==
        "one\ntwo\nthree\n");
  CHECK(dropped == 0);
}

TEST_CASE("Lines that a stalled reader leaves no room for are dropped and reported") {
  const Pipe pipe;
  std::atomic<std::uint64_t> dropped{0};
  LineWriter writer(pipe.ends[1], kMaxWaiting, dropped, report);
  constexpr std::size_t kLines = 10'000;
  for (std::size_t i = 0; i < kLines; ++i) {
    writer.write(kFullLine);  // never waits, or the test would not end
  }
  CHECK(dropped > 0);
  const std::string text =
      pipe.read_until([&](const std::string& read) { return reported(read) == dropped; });
  CHECK(reported(text) == dropped);
  CHECK(count(text, kFullLine) == kLines - dropped);
}

TEST_CASE("The lines of several threads stay whole") {
  const Pipe pipe;
  std::atomic<std::uint64_t> dropped{0};
  LineWriter writer(pipe.ends[1], kMaxWaiting, dropped, report);
  constexpr std::size_t kEach = 200;
  {
    std::vector<std::jthread> threads;
    for (const char letter : {'a', 'b', 'c'}) {
      threads.emplace_back([&writer, letter] {
        const std::string lines = std::string(9, letter) + "\n" + std::string(9, letter) + "\n";
        for (std::size_t i = 0; i < kEach; ++i) {
          writer.write(lines);
        }
      });
    }
  }
  constexpr std::size_t kSize = 3 * kEach * 20;
  const std::string text =
      pipe.read_until([](const std::string& read) { return read.size() >= kSize; });
  for (const char letter : {'a', 'b', 'c'}) {
    CHECK(count(text, std::string(9, letter) + "\n") == 2 * kEach);
  }
}

TEST_CASE("A writer ends even if its reader has stalled") {
  const Pipe pipe;
  std::atomic<std::uint64_t> dropped{0};
  LineWriter writer(pipe.ends[1], kMaxWaiting, dropped, report);
  for (int i = 0; i < 2'000; ++i) {
    writer.write(kFullLine);
  }
}

TEST_CASE("Lines for a closed pipe are counted as dropped") {
  Pipe pipe;
  std::signal(SIGPIPE, SIG_IGN);
  pipe.close_reader();
  std::atomic<std::uint64_t> dropped{0};
  LineWriter writer(pipe.ends[1], kMaxWaiting, dropped, report);
  writer.write(kFullLine + kFullLine);
  for (int i = 0; i < 1'000 && dropped < 2; ++i) {
    ::usleep(10'000);
  }
  CHECK(dropped == 2);
}

}  // namespace
}  // namespace nexakey::server
