#include "server/systemd.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace nexakey::server {
namespace {

constexpr int kFirstPassed = 3;
constexpr int kMaxPassed = 64;

/// The number in an environment variable; -1 if it has none.
std::int64_t environment_number(const char* name) {
  const char* const text = std::getenv(name);
  std::int64_t number = -1;
  if (text != nullptr) {
    const char* const end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, number);
    if (error != std::errc() || stop != end) {
      return -1;
    }
  }
  return number;
}

int socket_option(int descriptor, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

bool is_listening_stream(int descriptor) {
  const int domain = socket_option(descriptor, SO_DOMAIN);
  return (domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX) &&
         socket_option(descriptor, SO_TYPE) == SOCK_STREAM &&
         socket_option(descriptor, SO_ACCEPTCONN) == 1;
}

}  // namespace

bool has_passed_sockets() {
  return environment_number("LISTEN_PID") == ::getpid() && environment_number("LISTEN_FDS") > 0;
}

core::Result<std::vector<int>> take_passed_sockets() {
  std::vector<int> sockets;
  if (!has_passed_sockets()) {
    return sockets;
  }
  const std::int64_t count = environment_number("LISTEN_FDS");
  for (const char* const name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    ::unsetenv(name);
  }
  if (count > kMaxPassed) {
    return core::reject("systemd passes more than 64 sockets");
  }
  for (int descriptor = kFirstPassed; descriptor < kFirstPassed + count; ++descriptor) {
    if (!is_listening_stream(descriptor)) {
      return core::reject("what systemd passes as descriptor " + std::to_string(descriptor) +
                              " is not a listening stream socket",
                          "use ListenStream= in the socket unit, and Accept=no");
    }
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    sockets.push_back(descriptor);
  }
  return sockets;
}

std::optional<std::chrono::microseconds> watchdog_time() {
  const std::int64_t time = environment_number("WATCHDOG_USEC");
  const bool is_mine =
      std::getenv("WATCHDOG_PID") == nullptr || environment_number("WATCHDOG_PID") == ::getpid();
  return is_mine && time > 0 ? std::optional(std::chrono::microseconds(time)) : std::nullopt;
}

void notify_manager(std::string_view change) {
  const char* const text = std::getenv("NOTIFY_SOCKET");
  const std::string_view place = text == nullptr ? "" : text;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (place.empty() || (place.front() != '/' && place.front() != '@') ||
      place.size() >= sizeof address.sun_path) {
    return;
  }
  std::ranges::copy(place, address.sun_path);
  if (place.front() == '@') {
    address.sun_path[0] = '\0';  // an abstract socket
  }
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) {
    return;
  }
  ::sendto(descriptor, change.data(), change.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&address),
           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + place.size()));
  ::close(descriptor);
}

}  // namespace nexakey::server
