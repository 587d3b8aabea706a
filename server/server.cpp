#include "server/server.h"

#include <array>
#include <deque>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "server/connection.h"
#include "server/dispatcher.h"
#include "server/systemd.h"

namespace nexakey::server {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;
using Clock = Connection::Clock;
using ConnectionPtr = std::shared_ptr<Connection>;

/// How long the last answers may take to be fetched when the server ends.
constexpr std::chrono::seconds kDrainTime{5};
constexpr std::chrono::milliseconds kAcceptPause{100};

core::Error system_problem(const std::string& what, const error_code& error) {
  return {core::ErrorCode::failed, what + ": " + error.message(), ""};
}

/// IPv4 addresses come as IPv4-mapped ones, and without the zone that a link-local one may have.
core::IpAddress address_of(const asio::ip::tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  return core::IpAddress::from_bytes(
      (address.is_v4() ? asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4())
                       : address.to_v6())
          .to_bytes());
}

}  // namespace

class Server::Loop {
 public:
  Loop(Service& service, store::ServedStore& store, const OpenStore& open_store,
       const Limits& limits)
      : service_(service),
        limits_(limits),
        dispatcher_(context_, service, store, open_store, limits, [this] { flush_(); }) {}

  core::Result<void> use_tls(const TlsFiles& files);
  ListenAddress listen_tcp(const ListenAddress& address, Surface surface);
  ListenAddress listen_unix(const ListenAddress& address, Surface surface);
  ListenAddress adopt(int descriptor);
  void run(const std::function<void()>& flush,
           const std::function<void(const core::Error&)>& complain);

 private:
  /// What listens; `is_adopted`: somebody else does so too.
  template <typename Acceptor>
  struct Listener {
    Acceptor acceptor;
    Surface surface = Surface::all;
    bool is_adopted = false;
  };
  using TcpListener = Listener<asio::ip::tcp::acceptor>;
  using UnixListener = Listener<stream_protocol::acceptor>;

  template <typename Acceptor>
  void await_clients(Listener<Acceptor>& listener);
  template <typename Acceptor>
  error_code accept_all(Listener<Acceptor>& listener);
  void open(Connection::Socket socket, const Peer& peer);
  void await_signal();
  void reload();
  void sweep();
  void drain();

  Service& service_;
  Limits limits_;
  std::optional<TlsFiles> tls_files_;
  std::shared_ptr<const TlsContext> tls_;
  std::function<void()> flush_;
  std::function<void(const core::Error&)> complain_;
  asio::io_context context_{1};
  // Caught from here on: whoever sees where it listens may end it.
  asio::signal_set signals_{context_, SIGTERM, SIGINT, SIGHUP};
  Dispatcher dispatcher_;
  std::deque<TcpListener> tcp_;  // whose elements stay where they are
  std::deque<UnixListener> unix_;
  std::vector<std::string> socket_files_;
  std::unordered_set<ConnectionPtr> connections_;
  asio::steady_timer sweeper_{context_};
  asio::steady_timer pause_{context_};
  std::optional<Clock::time_point> drain_until_;
};

core::Result<void> Server::Loop::use_tls(const TlsFiles& files) {
  return TlsContext::load(files).map([&](std::shared_ptr<const TlsContext>&& loaded) {
    tls_files_ = files;
    tls_ = std::move(loaded);
  });
}

ListenAddress Server::Loop::listen_tcp(const ListenAddress& listen, Surface surface) {
  const auto address = asio::ip::make_address(listen.address->to_string());
  asio::ip::tcp::acceptor acceptor(context_, asio::ip::tcp::endpoint(address, listen.port));
  acceptor.non_blocking(true);
  const std::uint16_t port = acceptor.local_endpoint().port();
  tcp_.push_back({std::move(acceptor), surface});
  return {.address = listen.address, .port = port};
}

ListenAddress Server::Loop::listen_unix(const ListenAddress& listen, Surface surface) {
  const stream_protocol::endpoint place(listen.path);
  struct stat status {};
  if (::lstat(listen.path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    stream_protocol::socket probe(context_);
    error_code error;
    probe.connect(place, error);
    if (error == asio::error::connection_refused) {
      ::unlink(listen.path.c_str());
    }
  }
  // The mode has to be there before the first connection can come.
  const mode_t old = ::umask(0117);
  try {
    unix_.push_back({stream_protocol::acceptor(context_, place), surface});
  } catch (...) {
    ::umask(old);
    throw;
  }
  ::umask(old);
  unix_.back().acceptor.non_blocking(true);
  socket_files_.push_back(listen.path);
  return listen;
}

ListenAddress Server::Loop::adopt(int descriptor) {
  const auto take = [&](auto& listeners, auto acceptor, const auto& protocol) {
    acceptor.assign(protocol, descriptor);
    acceptor.non_blocking(true);
    auto endpoint = acceptor.local_endpoint();
    listeners.push_back({std::move(acceptor), Surface::all, true});
    return endpoint;
  };
  int domain = AF_UNSPEC;
  socklen_t size = sizeof domain;
  ::getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  if (domain == AF_UNIX) {
    return {.path = take(unix_, stream_protocol::acceptor(context_), stream_protocol()).path()};
  }
  const auto endpoint = take(tcp_, asio::ip::tcp::acceptor(context_),
                             domain == AF_INET ? asio::ip::tcp::v4() : asio::ip::tcp::v6());
  return {.address = address_of(endpoint), .port = endpoint.port()};
}

/// Takes all clients that wait. The error is that of the last attempt.
template <typename Acceptor>
error_code Server::Loop::accept_all(Listener<Acceptor>& listener) {
  for (;;) {
    error_code error;
    typename Acceptor::protocol_type::endpoint from;
    auto socket = listener.acceptor.accept(from, error);
    if (error) {
      return error;
    }
    Peer peer{.surface = listener.surface};
    if constexpr (std::is_same_v<Acceptor, asio::ip::tcp::acceptor>) {
      socket.set_option(asio::ip::tcp::no_delay(true), error);
      peer.address = address_of(from);
    }
    open(Connection::Socket(std::move(socket)), peer);
  }
}

template <typename Acceptor>
void Server::Loop::await_clients(Listener<Acceptor>& listener) {
  listener.acceptor.async_wait(Acceptor::wait_read, [this, &listener](const error_code& error) {
    if (error || drain_until_) {
      return;
    }
    if (accept_all(listener) == asio::error::would_block) {
      await_clients(listener);
      return;
    }
    // There are no descriptors left, or the like: it would only fail again at once.
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this, &listener](const error_code&) {
      if (!drain_until_) {
        await_clients(listener);
      }
    });
  });
}

void Server::Loop::open(Connection::Socket socket, const Peer& peer) {
  Metrics& metrics = service_.metrics();
  if (connections_.size() >= limits_.connections) {
    ++metrics.refused;
    return;  // closed with the socket
  }
  socket.non_blocking(true);
  auto tls = tls_ && peer.address ? std::make_unique<TlsSession>(*tls_) : nullptr;
  const auto connection =
      std::make_shared<Connection>(std::move(socket), std::move(tls), peer, limits_, dispatcher_,
                                   [this](const ConnectionPtr& closed) {
                                     connections_.erase(closed);
                                     --service_.metrics().connections;
                                   });
  connections_.insert(connection);
  ++metrics.accepted;
  ++metrics.connections;
  connection->start();
}

/// Ends what takes too long, once a second.
void Server::Loop::sweep() {
  const auto now = Clock::now();
  const std::vector<ConnectionPtr> all(connections_.begin(), connections_.end());
  for (const ConnectionPtr& connection : all) {
    if (connection->is_overdue(now)) {
      connection->close();
    }
  }
  if (drain_until_ && dispatcher_.in_work() > 0) {
    drain_until_ = now + kDrainTime;
  } else if (drain_until_ && (connections_.empty() || now >= *drain_until_)) {
    context_.stop();
    return;
  }
  sweeper_.expires_after(drain_until_ ? std::chrono::milliseconds(20)
                                      : std::chrono::milliseconds(1000));
  sweeper_.async_wait([this](const error_code& error) {
    if (!error) {
      sweep();
    }
  });
}

void Server::Loop::drain() {
  if (drain_until_) {
    context_.stop();
    return;
  }
  drain_until_ = Clock::now() + kDrainTime;
  notify_manager("STOPPING=1");
  const auto close_all = [&](auto& listeners) {
    for (auto& listener : listeners) {
      if (!listener.is_adopted) {
        accept_all(listener);  // who waits already would else be reset
      }
    }
    listeners.clear();
  };
  close_all(tcp_);
  close_all(unix_);
  for (const std::string& file : socket_files_) {
    ::unlink(file.c_str());
  }
  const std::vector<ConnectionPtr> all(connections_.begin(), connections_.end());
  for (const ConnectionPtr& connection : all) {
    connection->finish();
  }
  sweeper_.cancel();
  asio::post(context_, [this] { sweep(); });
}

void Server::Loop::reload() {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      Clock::now().time_since_epoch());  // CLOCK_MONOTONIC
  notify_manager("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
  if (tls_files_) {
    const auto loaded = use_tls(*tls_files_);
    if (!loaded) {
      complain_(loaded.error());
    }
  }
  notify_manager("READY=1");
}

void Server::Loop::await_signal() {
  signals_.async_wait([this](const error_code& error, int signal) {
    if (error) {
      return;
    }
    if (signal == SIGHUP) {
      reload();
    } else {
      drain();
    }
    await_signal();
  });
}

void Server::Loop::run(const std::function<void()>& flush,
                       const std::function<void(const core::Error&)>& complain) {
  flush_ = flush;
  complain_ = complain;
  for (auto& listener : tcp_) {
    await_clients(listener);
  }
  for (auto& listener : unix_) {
    await_clients(listener);
  }
  await_signal();
  sweep();
  notify_manager("READY=1");
  context_.run();
  flush_();
}

Server::Server(Service& service, store::ServedStore& store, const OpenStore& open_store,
               const Limits& limits)
    : loop_(std::make_unique<Loop>(service, store, open_store, limits)) {}

Server::~Server() = default;

core::Result<ListenAddress> Server::listen(const ListenAddress& address, Surface surface) {
  try {
    return address.address ? loop_->listen_tcp(address, surface)
                           : loop_->listen_unix(address, surface);
  } catch (const boost::system::system_error& error) {
    return tl::unexpected(system_problem("cannot listen on " + address.to_string(), error.code()));
  }
}

core::Result<ListenAddress> Server::adopt(int descriptor) {
  try {
    return loop_->adopt(descriptor);
  } catch (const boost::system::system_error& error) {
    return tl::unexpected(system_problem("it cannot use a socket that was passed", error.code()));
  }
}

core::Result<void> Server::use_tls(const TlsFiles& files) { return loop_->use_tls(files); }

void Server::run(const std::function<void()>& flush,
                 const std::function<void(const core::Error&)>& complain) {
  loop_->run(flush, complain);
}

}  // namespace nexakey::server
