#include "server/systemd.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace nexakey::server {
namespace {

/// Whether `check` holds in a child process, whose environment and descriptors it may change.
bool holds_elsewhere(const std::function<bool()>& check) {
  return test::Process([&](const test::Line& /*line*/) {
           if (!check()) {
             throw std::runtime_error("it does not hold");
           }
         })
      .finish();
}

void pass(const std::string& pid, const std::string& count) {
  ::setenv("LISTEN_PID", pid.c_str(), 1);
  ::setenv("LISTEN_FDS", count.c_str(), 1);
}

/// Puts a socket at descriptor 3.
void put_socket(int type, bool listens) {
  const int made = ::socket(AF_UNIX, type, 0);
  if (listens) {
    sockaddr_un nameless{};
    nameless.sun_family = AF_UNIX;
    ::bind(made, reinterpret_cast<const sockaddr*>(&nameless), sizeof(sa_family_t));
    ::listen(made, 1);
  }
  ::dup2(made, 3);
}

TEST_CASE("sockets that were passed to this process are taken once") {
  CHECK(holds_elsewhere([] {
    put_socket(SOCK_STREAM, true);
    pass(std::to_string(::getpid()), "1");
    const auto taken = take_passed_sockets();
    return taken && *taken == std::vector<int>{3} && take_passed_sockets()->empty() &&
           std::getenv("LISTEN_FDS") == nullptr && ::fcntl(3, F_GETFD) == FD_CLOEXEC;
  }));
}

TEST_CASE("sockets that were passed to another process, or none, are not taken") {
  for (const auto& [pid, count] : {std::pair("1", "1"),
                                   {"", "1"},
                                   {"own", "0"},
                                   {"own", "x"},
                                   {"own", ""},
                                   {"own", "-1"},
                                   {"own", "1 "}}) {
    CAPTURE(pid);
    CAPTURE(count);
    CHECK(holds_elsewhere([&, pid = std::string(pid), count = count] {
      put_socket(SOCK_STREAM, true);
      pass(pid == "own" ? std::to_string(::getpid()) : pid, count);
      return !has_passed_sockets() && take_passed_sockets()->empty();
    }));
  }
}

TEST_CASE("a descriptor that is not a listening stream socket is an error") {
  for (const auto& [type, listens] : {std::pair(int{SOCK_STREAM}, false), {SOCK_DGRAM, false}}) {
    CHECK(holds_elsewhere([type = type, listens = listens] {
      put_socket(type, listens);
      pass(std::to_string(::getpid()), "1");
      return !take_passed_sockets();
    }));
  }
  CHECK(holds_elsewhere([] {
    pass(std::to_string(::getpid()), "1000");
    return !take_passed_sockets();
  }));
}

TEST_CASE("the manager is notified at a path or an abstract socket") {
  const test::TemporaryDirectory folder;
  for (const std::string& place : {(folder / "notify").string(), "@" + (folder / "n").string()}) {
    CAPTURE(place);
    const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, place.data(), place.size());
    if (place.front() == '@') {
      address.sun_path[0] = '\0';
    }
    REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + place.size())) == 0);
    ::setenv("NOTIFY_SOCKET", place.c_str(), 1);
    notify_manager("READY=1");
    std::array<char, 32> heard{};
    const ssize_t count = ::recv(descriptor, heard.data(), heard.size(), MSG_DONTWAIT);
    CHECK(std::string(heard.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))) ==
          "READY=1");
    ::close(descriptor);
    notify_manager("READY=1");  // nobody is there
  }
  for (const std::string& place : {std::string(), std::string("relative"), std::string(200, '/')}) {
    ::setenv("NOTIFY_SOCKET", place.c_str(), 1);
    notify_manager("READY=1");
  }
  ::unsetenv("NOTIFY_SOCKET");
  notify_manager("READY=1");
}

TEST_CASE("the watchdog is that of this process") {
  const auto time_with = [](const char* time, const std::string& pid) {
    ::setenv("WATCHDOG_USEC", time, 1);
    if (pid.empty()) {
      ::unsetenv("WATCHDOG_PID");
    } else {
      ::setenv("WATCHDOG_PID", pid.c_str(), 1);
    }
    return watchdog_time();
  };
  CHECK(holds_elsewhere([&] {
    return time_with("1500000", std::to_string(::getpid())) == std::chrono::milliseconds(1500) &&
           time_with("1500000", "") == std::chrono::milliseconds(1500) &&
           !time_with("1500000", "1") && !time_with("0", "") && !time_with("soon", "");
  }));
  ::unsetenv("WATCHDOG_USEC");
  CHECK_FALSE(watchdog_time());
}

}  // namespace
}  // namespace nexakey::server
