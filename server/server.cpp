#include "server/server.h"

#include <csignal>
#include <list>
#include <new>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/buffer_budget.h"
#include "server/connection.h"
#include "server/connection_pool.h"
#include "server/dispatcher.h"
#include "server/listener.h"
#include "server/systemd.h"

namespace nexakey::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = Connection::Clock;

/// How long clients may take to read the last responses when the server shuts down.
constexpr std::chrono::seconds kDrainTime{5};
constexpr std::chrono::milliseconds kSweepPause{1000};
constexpr std::chrono::milliseconds kDrainPause{20};

}  // namespace

class Server::Loop {
 public:
  Loop(Service& service, store::ServedStore& store, const OpenStore& open_store,
       const Limits& limits)
      : service_(service),
        limits_(limits),
        budget_(limits.buffer_bytes, limits.connections),
        pool_(limits.connections),
        dispatcher_(context_, service, store, open_store, limits, [this] { flush_(); }) {}

  core::Result<void> use_tls(const TlsFiles& files);
  ListenAddress listen(const ListenAddress& address, Surface surface) {
    return listeners_.emplace_back(context_, address, surface).address();
  }
  ListenAddress adopt(int descriptor) {
    return listeners_.emplace_back(context_, descriptor).address();
  }
  void run(const std::function<void()>& flush,
           const std::function<void(const core::Error&)>& on_reload_error);

 private:
  void start(Listener& listener);
  void open(Channel::Socket socket, const Peer& peer, ConnectionPool::Group group);
  void run_context();
  void await_signal();
  void reload();
  void sweep();
  void drain();

  Service& service_;
  Limits limits_;
  std::optional<TlsFiles> tls_files_;
  std::shared_ptr<const TlsContext> tls_;
  std::function<void()> flush_;
  std::function<void(const core::Error&)> on_reload_error_;
  BufferBudget budget_;
  ConnectionPool pool_;
  asio::io_context context_{1};
  // Signals are caught before the server listens.
  asio::signal_set signals_{context_, SIGTERM, SIGINT, SIGHUP};
  Dispatcher dispatcher_;
  std::list<Listener> listeners_;
  asio::steady_timer sweeper_{context_};
  std::optional<Clock::time_point> drain_until_;
};

core::Result<void> Server::Loop::use_tls(const TlsFiles& files) {
  return TlsContext::load(files).map([&](std::shared_ptr<const TlsContext>&& loaded) {
    tls_files_ = files;
    tls_ = std::move(loaded);
  });
}

void Server::Loop::start(Listener& listener) {
  const auto trusted = pool_.add_group();
  const auto others = pool_.add_group();
  listener.start([this, trusted, others](Channel::Socket socket, const Peer& peer) {
    const bool is_trusted = !peer.address || service_.trusts(peer);
    open(std::move(socket), peer, is_trusted ? trusted : others);
  });
}

void Server::Loop::open(Channel::Socket socket, const Peer& peer, ConnectionPool::Group group) {
  Metrics& metrics = service_.metrics();
  switch (pool_.make_room(group)) {
    case ConnectionPool::Room::free:
      break;
    case ConnectionPool::Room::made:
      ++metrics.replaced;
      break;
    case ConnectionPool::Room::none:
      ++metrics.refused;
      return;  // closed with the socket
  }
  socket.non_blocking(true);
  auto tls = tls_ && peer.address ? std::make_unique<TlsSession>(*tls_) : nullptr;
  const auto connection = std::make_shared<Connection>(
      Channel(std::move(socket), std::move(tls)), peer, limits_, budget_, dispatcher_,
      [this, group](const std::shared_ptr<Connection>& closed) {
        pool_.remove(group, closed);
        --service_.metrics().connections;
      });
  pool_.add(group, connection);
  ++metrics.accepted;
  ++metrics.connections;
  connection->start();
}

/// Closes overdue connections, once a second, and stops the loop when it has drained.
void Server::Loop::sweep() {
  const auto now = Clock::now();
  pool_.for_each([&](Connection& connection) {
    if (connection.is_overdue(now)) {
      connection.close();
    }
  });
  if (drain_until_ && dispatcher_.in_work() > 0) {
    drain_until_ = now + kDrainTime;
  } else if (drain_until_ && (pool_.is_empty() || now >= *drain_until_)) {
    context_.stop();
    return;
  }
  sweeper_.expires_after(drain_until_ ? kDrainPause : kSweepPause);
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
  for (Listener& listener : listeners_) {
    listener.finish();
  }
  listeners_.clear();
  pool_.for_each([](Connection& connection) { connection.finish(); });
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
      on_reload_error_(loaded.error());
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

/// Runs until the context is stopped. If memory runs out, closes the connections whose responses
/// are lost.
void Server::Loop::run_context() {
  for (;;) {
    try {
      context_.run();
      return;
    } catch (const std::bad_alloc&) {
      pool_.for_each([](Connection& connection) {
        if (connection.is_answering()) {
          connection.close();
        }
      });
    }
  }
}

void Server::Loop::run(const std::function<void()>& flush,
                       const std::function<void(const core::Error&)>& on_reload_error) {
  flush_ = flush;
  on_reload_error_ = on_reload_error;
  for (Listener& listener : listeners_) {
    start(listener);
  }
  await_signal();
  sweep();
  notify_manager("READY=1");
  run_context();
  flush_();
}

Server::Server(Service& service, store::ServedStore& store, const OpenStore& open_store,
               const Limits& limits)
    : loop_(std::make_unique<Loop>(service, store, open_store, limits)) {}

Server::~Server() = default;

core::Result<ListenAddress> Server::listen(const ListenAddress& address, Surface surface) {
  try {
    return loop_->listen(address, surface);
  } catch (const boost::system::system_error& error) {
    return core::fail(core::ErrorCode::failed,
                      "cannot listen on " + address.to_string() + ": " + error.code().message());
  }
}

core::Result<ListenAddress> Server::adopt(int descriptor) {
  try {
    return loop_->adopt(descriptor);
  } catch (const boost::system::system_error& error) {
    return core::fail(core::ErrorCode::failed,
                      "cannot use a socket that was passed: " + error.code().message());
  }
}

core::Result<void> Server::use_tls(const TlsFiles& files) { return loop_->use_tls(files); }

void Server::run(const std::function<void()>& flush,
                 const std::function<void(const core::Error&)>& on_reload_error) {
  loop_->run(flush, on_reload_error);
}

}  // namespace nexakey::server
