#pragma once

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nexakey::test {

/// A real `nexakey serve`, whose process does not outlive this object.
class Server {
 public:
  /// `address` as --listen takes it; with port 0 the system chooses one.
  Server(const std::filesystem::path& store, const std::string& address) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw std::system_error(errno, std::system_category(), "pipe");
    }
    std::vector<std::string> words{NEXAKEY_BINARY, "serve", "--store", store.string(),
                                   "--listen",     address, "--log",   "none"};
    std::vector<char*> arguments;
    for (std::string& word : words) {
      arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    id_ = ::fork();
    if (id_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(ends[1], STDERR_FILENO);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    errors_ = ::fdopen(ends[0], "r");
    address_ = read_address();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
    std::fclose(errors_);
  }

  /// Where it listens, with the port that the system chose.
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  /// Waits for the line that says where it listens, or for its end.
  std::string read_address() {
    constexpr std::string_view kBegin = "nexakey: listening at ";
    std::string line;
    for (int c = std::fgetc(errors_); c != EOF && c != '\n'; c = std::fgetc(errors_)) {
      line += static_cast<char>(c);
    }
    if (!line.starts_with(kBegin)) {
      throw std::runtime_error("the server does not start: " + line);
    }
    return line.substr(kBegin.size());
  }

  pid_t id_ = -1;
  std::FILE* errors_ = nullptr;
  std::string address_;
};

}  // namespace nexakey::test
