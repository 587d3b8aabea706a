#include "server/access_socket.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/text.h"
#include "server/access_line.h"

namespace nexakey::server {
namespace {

constexpr std::size_t kMaxDatagramSize = std::size_t{64} << 10U;
constexpr std::size_t kMaxResponses = 1024;
constexpr int kReceiveBuffer = 4 << 20;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  return address;
}

bool is_abandoned(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) {
    return false;
  }
  const sockaddr_un address = address_of(path);
  const int probe = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool is_refused =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno == ECONNREFUSED;
  ::close(probe);
  return is_refused;
}

/// Parses a datagram of `count` bytes, which was truncated if it is longer than the buffer.
void take(std::span<const char> buffer, std::size_t count,
          std::vector<core::UpstreamResponse>& responses, LogMetrics& metrics) {
  const auto response =
      count > buffer.size()
          ? core::Result<std::optional<core::UpstreamResponse>>(tl::unexpected(core::Error()))
          : read_access_line({buffer.data(), count});
  if (!response) {
    ++metrics.malformed;
  } else if (!*response) {
    ++metrics.not_admitted;
  } else {
    responses.push_back(**response);
  }
}

}  // namespace

core::Result<std::unique_ptr<AccessSocket>> AccessSocket::bind(const std::string& path) {
  if (path.empty() || path.size() >= sizeof sockaddr_un::sun_path) {
    return core::reject("the path of a Unix socket must have 1 to 107 bytes");
  }
  if (is_abandoned(path)) {
    ::unlink(path.c_str());
  }
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  std::unique_ptr<AccessSocket> made(new AccessSocket(descriptor, ""));
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  const sockaddr_un address = address_of(path);
  // The mode must be right before the first datagram can arrive.
  const mode_t old = ::umask(0117);
  const int bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(old);
  if (bound != 0) {
    return core::fail(core::ErrorCode::failed, "cannot receive the access log at unix:" + path +
                                                   ": " + std::generic_category().message(error));
  }
  made->path_ = path;
  return made;
}

AccessSocket::~AccessSocket() {
  is_ending_ = true;
  ::shutdown(descriptor_, SHUT_RD);  // wakes the thread, once it has taken all that arrived
  if (thread_.joinable()) {
    thread_.join();
  }
  ::close(descriptor_);
  if (!path_.empty()) {
    ::unlink(path_.c_str());
  }
}

void AccessSocket::start(std::unique_ptr<store::KeyStore> store, LogMetrics& metrics) {
  thread_ = std::thread([this, &metrics, own = std::move(store)] { run(*own, metrics); });
}

void AccessSocket::run(store::KeyStore& store, LogMetrics& metrics) const {
  std::vector<char> buffer(kMaxDatagramSize);
  std::vector<core::UpstreamResponse> responses;
  for (;;) {
    // Blocks only when there is nothing to record.
    const ssize_t count = ::recv(descriptor_, buffer.data(), buffer.size(),
                                 MSG_TRUNC | (responses.empty() ? 0 : MSG_DONTWAIT));
    if (count > 0 || (count == 0 && !is_ending_)) {
      take(buffer, static_cast<std::size_t>(count), responses, metrics);
    }
    if (!responses.empty() && (count < 0 || responses.size() == kMaxResponses)) {
      const bool is_recorded = store.record_responses(responses).has_value();
      (is_recorded ? metrics.recorded : metrics.store_errors) += responses.size();
      responses.clear();
    } else if (responses.empty() && count == 0 && is_ending_) {
      return;
    }
  }
}

}  // namespace nexakey::server
