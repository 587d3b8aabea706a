#include "server/server.h"

#include <array>
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
  Loop(Service& service, OpenStore open_store, const Limits& limits)
      : limits_(limits),
        workers_(std::move(open_store), limits.workers, limits.queue),
        dispatcher_(context_, service, workers_, [this] { flush_(); }) {}

  Endpoint listen_tcp(const Endpoint& endpoint);
  Endpoint listen_unix(const Endpoint& endpoint);
  void run(const std::function<void()>& flush);

 private:
  template <typename Acceptor>
  void accept(Acceptor& acceptor);
  void open(Connection::Socket socket, const Peer& peer);
  void sweep();
  void drain();

  Limits limits_;
  std::function<void()> flush_;
  asio::io_context context_{1};
  Workers workers_;
  Dispatcher dispatcher_;
  std::vector<asio::ip::tcp::acceptor> tcp_;
  std::vector<stream_protocol::acceptor> unix_;
  std::vector<std::string> socket_files_;
  std::unordered_set<ConnectionPtr> connections_;
  asio::steady_timer sweeper_{context_};
  asio::steady_timer pause_{context_};
  std::optional<Clock::time_point> drain_until_;
};

Endpoint Server::Loop::listen_tcp(const Endpoint& endpoint) {
  const auto address = asio::ip::make_address(endpoint.address->to_string());
  asio::ip::tcp::acceptor& acceptor =
      tcp_.emplace_back(context_, asio::ip::tcp::endpoint(address, endpoint.port));
  acceptor.non_blocking(true);
  return {.address = endpoint.address, .port = acceptor.local_endpoint().port()};
}

Endpoint Server::Loop::listen_unix(const Endpoint& endpoint) {
  const stream_protocol::endpoint place(endpoint.path);
  struct stat status {};
  if (::lstat(endpoint.path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    stream_protocol::socket probe(context_);
    error_code error;
    probe.connect(place, error);
    if (error == asio::error::connection_refused) {
      ::unlink(endpoint.path.c_str());
    }
  }
  // The mode has to be there before the first connection can come.
  const mode_t old = ::umask(0117);
  try {
    unix_.emplace_back(context_, place);
  } catch (...) {
    ::umask(old);
    throw;
  }
  ::umask(old);
  unix_.back().non_blocking(true);
  socket_files_.push_back(endpoint.path);
  return endpoint;
}

template <typename Acceptor>
void Server::Loop::accept(Acceptor& acceptor) {
  acceptor.async_wait(Acceptor::wait_read, [this, &acceptor](const error_code& error) {
    if (error || drain_until_) {
      return;
    }
    for (;;) {
      error_code failed;
      typename Acceptor::protocol_type::endpoint from;
      auto socket = acceptor.accept(from, failed);
      if (failed == asio::error::would_block) {
        break;
      }
      if (failed) {
        // There are no descriptors left, or the like: it would only fail again at once.
        pause_.expires_after(kAcceptPause);
        pause_.async_wait([this, &acceptor](const error_code&) {
          if (!drain_until_) {
            accept(acceptor);
          }
        });
        return;
      }
      Peer peer;
      if constexpr (std::is_same_v<Acceptor, asio::ip::tcp::acceptor>) {
        socket.set_option(asio::ip::tcp::no_delay(true), failed);
        peer.address = address_of(from);
      }
      open(Connection::Socket(std::move(socket)), peer);
    }
    accept(acceptor);
  });
}

void Server::Loop::open(Connection::Socket socket, const Peer& peer) {
  if (connections_.size() >= limits_.connections) {
    return;  // closed with the socket
  }
  socket.non_blocking(true);
  const auto connection = std::make_shared<Connection>(
      std::move(socket), peer, limits_, dispatcher_,
      [this](const ConnectionPtr& closed) { connections_.erase(closed); });
  connections_.insert(connection);
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
  tcp_.clear();
  unix_.clear();
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

void Server::Loop::run(const std::function<void()>& flush) {
  flush_ = flush;
  for (auto& acceptor : tcp_) {
    accept(acceptor);
  }
  for (auto& acceptor : unix_) {
    accept(acceptor);
  }
  asio::signal_set signals(context_, SIGTERM, SIGINT);
  const std::function<void()> await_signal = [&] {
    signals.async_wait([&](const error_code& error, int /*signal*/) {
      if (!error) {
        drain();
        await_signal();
      }
    });
  };
  await_signal();
  sweep();
  context_.run();
  flush_();
}

Server::Server(Service& service, OpenStore open_store, const Limits& limits)
    : loop_(std::make_unique<Loop>(service, std::move(open_store), limits)) {}

Server::~Server() = default;

core::Result<Endpoint> Server::listen(const Endpoint& endpoint) {
  try {
    return endpoint.address ? loop_->listen_tcp(endpoint) : loop_->listen_unix(endpoint);
  } catch (const boost::system::system_error& error) {
    return tl::unexpected(
        system_problem("it can't listen at " + endpoint.to_string(), error.code()));
  }
}

void Server::run(const std::function<void()>& flush) { loop_->run(flush); }

}  // namespace nexakey::server
