#include "server/listener.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nexakey::server {
namespace {

namespace asio = boost::asio;
using asio::generic::stream_protocol;
using boost::system::error_code;
using SocketAddress = stream_protocol::endpoint;

constexpr std::chrono::milliseconds kPause{100};

/// The IP address of a TCP socket address, without the zone that a link-local one may have. Empty
/// for a Unix socket.
std::optional<core::IpAddress> address_of(const SocketAddress& socket) {
  asio::ip::address_v6::bytes_type bytes{};
  if (socket.protocol().family() == AF_INET6) {
    sockaddr_in6 address{};
    std::memcpy(&address, socket.data(), sizeof address);
    std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
  } else if (socket.protocol().family() == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, socket.data(), sizeof address);
    bytes = asio::ip::make_address_v6(asio::ip::v4_mapped,
                                      asio::ip::address_v4(ntohl(address.sin_addr.s_addr)))
                .to_bytes();
  } else {
    return std::nullopt;
  }
  return core::IpAddress::from_bytes(bytes);
}

ListenAddress listen_address_of(const SocketAddress& socket) {
  if (socket.protocol().family() == AF_UNIX) {
    sockaddr_un address{};
    std::memcpy(&address, socket.data(), std::min(socket.size(), sizeof address - 1));
    return {.path = address.sun_path};
  }
  sockaddr_in6 address{};  // has its port where sockaddr_in has it
  std::memcpy(&address, socket.data(), std::min(socket.size(), sizeof address));
  return {.address = address_of(socket), .port = ntohs(address.sin6_port)};
}

int open_tcp(asio::io_context& context, const ListenAddress& listen) {
  const auto address = asio::ip::make_address(listen.address->to_string());
  asio::ip::tcp::acceptor acceptor(context, asio::ip::tcp::endpoint(address, listen.port));
  return acceptor.release();
}

/// Removes a stale Unix socket, on which no process listens.
void remove_abandoned(asio::io_context& context, const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    asio::local::stream_protocol::socket probe(context);
    error_code error;
    probe.connect(path, error);
    if (error == asio::error::connection_refused) {
      ::unlink(path.c_str());
    }
  }
}

int open_unix(asio::io_context& context, const std::string& path) {
  remove_abandoned(context, path);
  // The mode must be right before the first connection can arrive.
  const mode_t old = ::umask(0117);
  try {
    asio::local::stream_protocol::acceptor acceptor(context, path);
    ::umask(old);
    return acceptor.release();
  } catch (...) {
    ::umask(old);
    throw;
  }
}

int domain_of(int descriptor) {
  int domain = AF_UNSPEC;
  socklen_t size = sizeof domain;
  ::getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  return domain;
}

}  // namespace

Listener::Listener(asio::io_context& context, const ListenAddress& address, Surface surface)
    : acceptor_(context), pause_(context), surface_(surface) {
  const int descriptor =
      address.address ? open_tcp(context, address) : open_unix(context, address.path);
  acceptor_.assign(stream_protocol(domain_of(descriptor), 0), descriptor);
  acceptor_.non_blocking(true);
  address_ = address;
  if (address.address) {
    address_.port = listen_address_of(acceptor_.local_endpoint()).port;
  }
}

Listener::Listener(asio::io_context& context, int descriptor)
    : acceptor_(context), pause_(context), is_adopted_(true) {
  acceptor_.assign(stream_protocol(domain_of(descriptor), 0), descriptor);
  acceptor_.non_blocking(true);
  address_ = listen_address_of(acceptor_.local_endpoint());
}

Listener::~Listener() {
  if (!address_.address && !is_adopted_) {
    ::unlink(address_.path.c_str());
  }
}

void Listener::start(Accept accept) {
  accept_ = std::move(accept);
  await_clients();
}

void Listener::await_clients() {
  acceptor_.async_wait(Acceptor::wait_read, [this](const error_code& error) {
    if (error) {
      return;
    }
    if (accept_all() == asio::error::would_block) {
      await_clients();
      return;
    }
    // Descriptors or memory ran out: another attempt would fail at once.
    pause_.expires_after(kPause);
    pause_.async_wait([this](const error_code& canceled) {
      if (!canceled) {
        await_clients();
      }
    });
  });
}

/// Accepts all clients that wait. The error is that of the last attempt.
error_code Listener::accept_all() {
  for (;;) {
    SocketAddress from;
    auto size = static_cast<socklen_t>(from.capacity());
    system::Descriptor socket(
        ::accept4(acceptor_.native_handle(), from.data(), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.is_open()) {
      if (errno == ECONNABORTED || errno == EINTR) {
        continue;
      }
      return {errno, boost::system::system_category()};
    }
    from.resize(size);
    const Peer peer{.address = address_of(from), .surface = surface_};
    if (peer.address) {
      const int on = 1;
      ::setsockopt(socket.value(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    try {
      accept_({.socket = std::move(socket), .domain = from.protocol().family(), .peer = peer});
    } catch (const std::bad_alloc&) {  // the client is lost, and the next ones wait
      return asio::error::no_memory;
    }
  }
}

void Listener::finish() {
  if (!is_adopted_) {
    accept_all();  // closing would reset the connections that wait
  }
  pause_.cancel();
  error_code ignored;
  acceptor_.close(ignored);
}

}  // namespace nexakey::server
